"""SPI through a USB bridge of FTDI (FT232H, FT2232H, FT4232H), by pyftdi."""

from __future__ import annotations

from typing import Any

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.interface import Interface
from threshc.hdl.shell.spi_host import SpiPort

SCK = 10e6
"""The usual rate of SCK in Hz."""
MOST_SCK = 30e6
"""What the bridges can do."""


def checked_sck(hertz: float) -> float:
    """Returns a rate of SCK in Hz. Raises CompileError for one that the bridges do not make."""
    if isinstance(hertz, bool) or not isinstance(hertz, int | float) or not 1e3 <= hertz <= MOST_SCK:
        raise fail(f"an SCK of {hertz!r} Hz is not possible", where=option("sck"), hint="0.001 to 30 MHz")
    return float(hertz)


class Bridge(SpiPort):
    """A board behind a bridge: url as pyftdi has it, such as ftdi://ftdi:2232h/1; SCK, MOSI, MISO and CS are its pins
    AD0 to AD3. Raises CompileError when pyftdi is missing or the bridge cannot be opened."""

    def __init__(self, url: str, interface: Interface, sck_hz: float) -> None:
        self._controller, port = _opened(url, sck_hz)
        super().__init__(lambda data: bytes(port.exchange(data, duplex=True)), interface)

    def close(self) -> None:
        """Gives the bridge back."""
        self._controller.close()


def _opened(url: str, sck_hz: float) -> tuple[Any, Any]:
    try:
        from pyftdi.spi import SpiController
    except ImportError:
        raise fail("pyftdi is not installed", where=option("link"), hint='pip install "threshc[spi]"') from None
    controller = SpiController(cs_count=1)
    try:
        controller.configure(url)
        return controller, controller.get_port(cs=0, freq=sck_hz, mode=0)
    except Exception as problem:  # pyftdi raises ValueError, OSError's kinds and those of its USB library
        hint = f"{option('port')} as pyftdi has it: ftdi://ftdi:2232h/1 (python -m pyftdi.bin.ftdi_urls lists them)"
        raise fail(f"cannot open the bridge: {problem}", where=url, hint=hint) from None
