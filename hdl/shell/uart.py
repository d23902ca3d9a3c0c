"""A UART, 8N1: one start bit, eight data bits lowest first, one stop bit, no parity, no flow control."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from threshc.compiler.diagnostics import fail, option

_TOLERANCE = 0.02  # a receiver samples the tenth bit 9.5 bit times after the start edge; both ends share 5 %


def divisor(clock_hz: int | Fraction, baud: int) -> int:
    """Returns the clock cycles per bit. Raises CompileError where the clock cannot make the rate within 2 %."""
    clock_hz = Fraction(clock_hz)
    cycles = round(clock_hz / baud) if baud > 0 else 0
    if cycles < 4 or abs(clock_hz / cycles / baud - 1) > _TOLERANCE:
        raise fail(
            f"a {float(clock_hz) / 1e6:g} MHz clock cannot make {baud} baud",
            where=option("baud"),
            why="a bit must last a whole number of clock cycles, at least 4, within 2 %",
            hint="115200, or 1000000",
        )
    return cycles


class UartReceiver(wiring.Component):
    """Bytes from a serial line. Latency: a byte is valid for one cycle in the middle of its stop bit.

    pin: the line, asynchronous, 1 when idle; o: bytes, lost when o.ready is 0; broken: 1 for one cycle after a byte
    whose stop bit is 0 (a break, or another baud rate), which is not passed on.
    """

    def __init__(self, cycles: int) -> None:
        self._cycles = cycles
        super().__init__({"pin": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True)), "broken": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.pin, line, init=1)
        timer, half, tick = Signal(range(self._cycles)), Signal(), Signal()
        count = Signal(range(10))
        m.d.sync += [self.o.valid.eq(0), self.broken.eq(0), timer.eq(timer + 1)]
        m.d.sync += [half.eq(timer == self._cycles // 2 - 2), tick.eq(timer == self._cycles - 2)]
        again = [timer.eq(0), half.eq(0), tick.eq(0)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [*again, count.eq(0)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(half):
                # The first sample is taken in the middle of data bit 0, a bit time from here.
                m.d.sync += again
                m.next = "RECEIVE"
            with m.State("RECEIVE"), m.If(tick):
                m.d.sync += [*again, count.eq(count + 1)]
                with m.If(count < 8):
                    m.d.sync += self.o.payload.eq(Cat(self.o.payload[1:], line))
                with m.Else():
                    m.d.sync += [self.o.valid.eq(line), self.broken.eq(~line)]
                    m.next = "RELEASE"
            with m.State("RELEASE"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a serial line. Takes a byte every 10 bit times; `pin` is 1 when idle."""

    def __init__(self, cycles: int) -> None:
        self._cycles = cycles
        super().__init__({"pin": Out(1, init=1), "i": In(stream.Signature(8))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timer, tick = Signal(range(self._cycles)), Signal()
        bits = Signal(10, init=1)
        left, busy = Signal(range(11)), Signal()
        m.d.comb += [self.i.ready.eq(~busy), self.pin.eq(bits[0])]
        m.d.sync += [timer.eq(timer + 1), tick.eq(timer == self._cycles - 2)]
        again = [timer.eq(0), tick.eq(0)]
        with m.If(~busy & self.i.valid):
            m.d.sync += [*again, bits.eq(Cat(0, self.i.payload, 1)), left.eq(10), busy.eq(1)]
        with m.Elif(busy & tick):
            m.d.sync += [*again, bits.eq(Cat(bits[1:], 1)), left.eq(left - 1), busy.eq(left != 1)]
        return m
