"""A model of a SPI flash at the pins, cycle by cycle, as data sheets have it: asleep until woken, read by 0x03."""

from __future__ import annotations


class SpiFlash:
    """Contents beyond the end read as 0xff. asleep: as the boot of an iCE40 leaves it. commands: that came."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asleep = data, True
        self.commands: list[int] = []
        self._clock = self._out = 1
        self._select(False)

    def _select(self, selected: bool) -> None:
        self._selected, self._bits, self._seen, self._at = selected, 0, 0, -1

    def step(self, selected: int, clock: int, copi: int) -> int:
        """The output pin after the inputs have these levels."""
        if not selected:
            if self._selected and self._seen == 8 and self._bits == 0xAB:
                self.asleep = False
            self._select(False)
        elif not self._selected:
            assert not clock, "mode 0 begins with a low clock"
            self._select(True)
        elif clock and not self._clock:  # takes a bit
            if self._at < 0:
                self._bits = self._bits << 1 | copi
                self._seen += 1
                if self._seen == 8:
                    self.commands.append(self._bits)
                if self._seen == 32 and self._bits >> 24 == 0x03 and not self.asleep:
                    self._at = (self._bits & 0xFFFFFF) * 8
        elif not clock and self._clock and self._at >= 0:  # gives the next one
            byte = self.data[self._at // 8] if self._at // 8 < len(self.data) else 0xFF
            self._out = byte >> (7 - self._at % 8) & 1
            self._at += 1
        self._clock = clock
        return self._out
