"""A reader of SPI flash: it wakes the flash and reads bytes from an offset on, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

RESOURCE = "spi_flash_1x", 0
"""The flash that the FPGA is configured from, as amaranth-boards names it."""
PADS = "_".join(map(str, RESOURCE)) + "__{}__io"
"""The ports of its pins at a board's top: cs (low where it is selected), clk, copi, cipo."""
_WAKE, _READ = 0xAB, 0x03
_MOST_HZ = 12e6
"""Of the flash's clock: a quarter of what the slowest flash takes for this command, so that pins may be slow."""
_PAUSE = 50e-6
"""Seconds after the command that wakes it: flashes need 3 to 35 us."""


@dataclass(frozen=True, slots=True)
class FlashTiming:
    """half: cycles of half a period of the flash's clock; pause: cycles that it is given to wake up."""

    half: int
    pause: int

    @staticmethod
    def at(clock_hz: float) -> FlashTiming:
        """Returns the timing of a circuit at a clock in Hz."""
        return FlashTiming(max(-int(-clock_hz // (2 * _MOST_HZ)), 1), int(_PAUSE * clock_hz) + 1)

    def cycles(self, count: int) -> int:
        """Returns the cycles from reset until `count` bytes are read, to a few."""
        return 2 * self.half * 8 * (5 + count) + self.pause


class FlashReader(wiring.Component):
    """run: reads while it is 1, and begins anew when it is 1 again; valid: for one cycle, with a byte in `payload`.

    cs (1: selected), sck, copi, cipo: to the flash, SPI mode 0, highest bit first; all outputs are registers.
    """

    def __init__(self, offset: int, timing: FlashTiming) -> None:
        self._offset, self._timing = offset, timing
        outs = {"cs": Out(1), "sck": Out(1), "copi": Out(1), "valid": Out(1), "payload": Out(8)}
        super().__init__({"run": In(1), "cipo": In(1)} | outs)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        half = self._timing.half
        bits, left, got, count = Signal(32), Signal(range(33)), Signal(8), Signal(3)
        timer, tick = Signal(range(half)), Signal()
        pause = Signal(range(self._timing.pause + 1))
        m.d.comb += [self.copi.eq(bits[-1]), tick.eq(timer == half - 1)]
        m.d.sync += self.valid.eq(0)
        fell = tick & self.sck

        def begin(command: int, size: int, then: str) -> None:
            m.d.sync += [bits.eq(command << (32 - size)), left.eq(size), self.cs.eq(1), timer.eq(0), count.eq(0)]
            m.next = then

        def clocked(ended: Value, then: str, select: int) -> None:
            m.d.sync += timer.eq(timer + 1)
            with m.If(tick):
                m.d.sync += [timer.eq(0), self.sck.eq(~self.sck)]
            with m.If(fell):
                m.d.sync += [bits.eq(Cat(0, bits[:-1])), left.eq(left - 1)]
                with m.If(ended):
                    m.d.sync += self.cs.eq(select)
                    m.next = then

        with m.FSM():
            with m.State("IDLE"), m.If(self.run):
                begin(_WAKE, 8, "WAKE")
            with m.State("WAKE"):
                m.d.sync += pause.eq(0)
                clocked(left == 1, "PAUSE", 0)
            with m.State("PAUSE"):
                m.d.sync += pause.eq(pause + 1)
                with m.If(pause == self._timing.pause):
                    begin(_READ << 24 | self._offset, 32, "READ")
            with m.State("READ"):
                clocked(left == 1, "DATA", 1)
            with m.State("DATA"):
                clocked(Value.cast(0), "DATA", 1)
                with m.If(tick & ~self.sck):
                    m.d.sync += [got.eq(Cat(self.cipo, got[:-1])), count.eq(count + 1)]
                    with m.If(count == 7):
                        m.d.sync += [self.payload.eq(Cat(self.cipo, got[:-1])), self.valid.eq(1)]
                with m.If(~self.run):
                    m.d.sync += [self.cs.eq(0), self.sck.eq(0)]
                    m.next = "IDLE"
        return m
