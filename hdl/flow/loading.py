"""How a board gets the weights that its bitstream cannot hold, as the report has it."""

from __future__ import annotations

from dataclasses import dataclass

from threshc.hdl.interface import Interface
from threshc.hdl.shell.flash import FlashTiming
from threshc.hdl.shell.image import OFFSET, image_crc, make_image


@dataclass(frozen=True, slots=True)
class Loading:
    """The weights that a board loads at start.

    offset: of their image in the flash and in the file for it; bytes: of the image; crc: its CRC-32, which the circuit
    wants; flash: whether the circuit reads the flash, else the host sends them; flash_hz: of the flash's clock;
    seconds: from reset until the network may run, computed. The last two are 0 without flash.
    """

    offset: int
    bytes: int
    crc: int
    flash: bool
    flash_hz: float
    seconds: float

    def rows(self) -> list[tuple[str, str, str]]:
        """Returns the figures as (name, value, source)."""
        image = f"{self.bytes:,} bytes, CRC-32 {self.crc:08x}"
        if not self.flash:
            return [("weights that the host loads", image, "counted")]
        time = f"{self.seconds * 1e3:.1f} ms at {self.flash_hz / 1e6:g} MHz of the flash"
        return [
            ("weights loaded at start", f"{image}, from {self.offset:#x} of the flash on", "counted"),
            ("time to load them", time, "computed"),
        ]


def loading(interface: Interface, timing: FlashTiming | None, clock_hz: float) -> Loading | None:
    """Returns the figures of a circuit on a board; None where nothing is loaded. timing: None without flash."""
    if interface.load is None:
        return None
    image = make_image(interface)
    if timing is None:
        return Loading(OFFSET, len(image), image_crc(image), False, 0.0, 0.0)
    seconds = timing.cycles(len(image)) / clock_hz
    return Loading(OFFSET, len(image), image_crc(image), True, clock_hz / 2 / timing.half, seconds)
