"""An SPI slave, mode 0, that is clocked by SCK itself: bytes both ways through queues between the two clocks.

In every transaction (CS low) the first byte from the host says what the others are: requests after `WRITE`, nothing
after any other one. The board's first byte means nothing; the others are replies, or 0 where there is nothing to
say. SCK may be twice as fast as the circuit's clock, which has to move on a byte every four of its cycles.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import AsyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.shell.protocol import ANSWER, BODY_SIZE, reply_size, request_size

WRITE = 0xA5
"""The first byte of a transaction whose other bytes are requests."""
SPACING = 3
"""Cycles of the circuit's clock between bytes that the engine is given."""
_SAYING = 4
"""Cycles between bytes that the engine says: it finds the next one out meanwhile."""
PINS = {"sck": In(1), "cs": In(1, init=1), "copi": In(1), "cipo": Out(1)}
"""cs is low where the board is selected; cipo is driven all the time."""
_SENDING = 16


def depth(interface: Interface) -> int:
    """Returns how many bytes of requests a board keeps while it is at work: two requests, at least 64, a power of 2."""
    return max(64, 1 << (2 * request_size(interface) - 1).bit_length())


class SpiSlave(wiring.Component):
    """sck, cs, copi, cipo: the pins; o: bytes from the host, each with `fresh` where it is the first of a transaction;
    i: bytes to the host. Bytes for which there is no room, and all behind them in the same transaction, are lost."""

    def __init__(self, room: int) -> None:
        """room: bytes from the host that are kept until they are taken."""
        self._room = room
        word = {"o": Out(stream.Signature(9)), "i": In(stream.Signature(8))}
        super().__init__(PINS | word)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # Three domains of one clock: what lives on between transactions, what starts anew, and what changes with
        # the falling edge, half a bit before the host looks at it.
        m.domains.kept = ClockDomain(reset_less=True, local=True)
        m.domains.bits = ClockDomain(async_reset=True, local=True)
        m.domains.falls = ClockDomain(clk_edge="neg", async_reset=True, local=True)
        m.d.comb += [ClockSignal(name).eq(self.sck) for name in ("kept", "bits", "falls")]
        m.d.comb += [ResetSignal(name).eq(self.cs) for name in ("bits", "falls")]
        m.submodules.given = given = AsyncFIFO(width=9, depth=self._room, w_domain="kept", r_domain="sync")
        m.submodules.taken = taken = AsyncFIFO(width=8, depth=_SENDING, w_domain="sync", r_domain="kept")
        m.d.comb += [self.o.valid.eq(given.r_rdy), self.o.payload.eq(given.r_data), given.r_en.eq(self.o.ready)]
        m.d.comb += [taken.w_en.eq(self.i.valid), taken.w_data.eq(self.i.payload), self.i.ready.eq(taken.w_rdy)]

        count, shift = Signal(3), Signal(7)
        opened, writes, fresh, lost = Signal(), Signal(), Signal(), Signal()
        byte = Cat(self.copi, shift)
        ends = count == 7
        m.d.bits += [count.eq(count + 1), shift.eq(byte)]
        m.d.comb += [given.w_data.eq(Cat(byte, fresh)), given.w_en.eq(ends & writes & ~lost)]
        with m.If(ends):
            m.d.bits += [opened.eq(1), fresh.eq(~opened)]
            with m.If(~opened):
                m.d.bits += writes.eq(byte == WRITE)
            with m.Elif(writes & ~given.w_rdy):
                m.d.bits += lost.eq(1)

        # A byte that is shown but of which no bit was clocked stays the next one.
        shown, sending = Signal(8), Signal()
        m.d.comb += [self.cipo.eq(shown[7]), taken.r_en.eq((count == 0) & sending)]
        with m.If(count == 0):
            m.d.falls += [shown.eq(0), sending.eq(taken.r_rdy)]
            with m.If(taken.r_rdy):
                m.d.falls += shown.eq(taken.r_data)
        with m.Else():
            m.d.falls += [shown.eq(shown << 1), sending.eq(0)]
        return m


class Pump(wiring.Component):
    """Gives an engine the bytes of a host as fast as it takes them: i: from `SpiSlave`; o, broken, busy: the engine's.
    A transaction that begins ends the request of the one before, as a break does on a serial line."""

    def __init__(self) -> None:
        ends = {"i": In(stream.Signature(9)), "o": Out(stream.Signature(8, always_ready=True))}
        super().__init__(ends | {"broken": Out(1), "busy": In(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        left, broke = Signal(range(SPACING)), Signal()
        ready = (left == 0) & ~self.busy & self.i.valid
        breaks = self.i.payload[8] & ~broke
        m.d.comb += [self.o.payload.eq(self.i.payload[:8]), self.broken.eq(ready & breaks)]
        m.d.comb += [self.o.valid.eq(ready & ~breaks), self.i.ready.eq(ready & ~breaks)]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(ready):
            m.d.sync += [left.eq(SPACING - 1), broke.eq(breaks)]
        return m


class WholeReplies(wiring.Component):
    """Keeps the bytes of a reply until all are there, so that none is late once the first was said: i: the engine's; o:
    to `SpiSlave`."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sizes = {head[0]: size + 2 for head, size in BODY_SIZE.items()} | {ANSWER[0]: reply_size(self._interface)}
        most = max(sizes.values())
        m.submodules.kept = kept = SyncFIFOBuffered(width=9, depth=2 * most)
        left, size, whole = Signal(range(most + 1)), Signal(range(most + 1)), Signal(range(2 * most + 1))
        with m.Switch(self.i.payload):
            for head, length in sizes.items():
                with m.Case(head):
                    m.d.comb += size.eq(length)
        first, last, gap = left == 0, left == 1, Signal(range(_SAYING))
        m.d.comb += self.i.ready.eq(kept.w_rdy & (gap == 0))
        enters, leaves = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        m.d.comb += [kept.w_en.eq(enters), kept.w_data.eq(Cat(self.i.payload, last))]
        m.d.comb += [self.o.valid.eq(kept.r_rdy & (whole != 0)), self.o.payload.eq(kept.r_data[:8])]
        m.d.comb += kept.r_en.eq(self.o.ready & (whole != 0))
        with m.If(gap != 0):
            m.d.sync += gap.eq(gap - 1)
        with m.If(enters):
            m.d.sync += [left.eq(left - 1), gap.eq(_SAYING - 1)]
            with m.If(first):
                m.d.sync += left.eq(size - 1)
        m.d.sync += whole.eq(whole + (enters & last) - (leaves & kept.r_data[8]))
        return m
