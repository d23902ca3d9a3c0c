"""The running arg-max: a sum per beat, the class behind the last one."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

PATIENT = 3
"""Cycles between sums from which comparing and keeping are cycles of their own, so that neither is a long path."""


class ArgMax(wiring.Component):
    """The index of the largest of `count` beats of `width` bits in two's complement, the lowest index among equals.

    cycles: that a sum takes. In 3, it is taken, compared with the largest so far, and kept; in 1, it is compared and
    kept in the cycle behind, when the next one may come already; that takes two sums or more. `schedule.ArgMaxStage`
    says when. state: its signals, once it is elaborated, for proofs.
    """

    def __init__(self, count: int, width: int, cycles: int) -> None:
        self.count, self.width, self.cycles = count, width, cycles
        index = max((count - 1).bit_length(), 1)
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(index))})
        self.state: dict[str, Signal] = {}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._candidate = Signal(self.width)
        self._less = Signal(self.width, init=(1 << self.width) - 1)
        self._put, self._full = Signal(), Signal()
        m.d.comb += [self._put.eq(self.i.valid & self.i.ready), self.o.valid.eq(self._full)]
        with m.If(self._put):
            m.d.sync += self._candidate.eq(self.i.payload ^ (1 << (self.width - 1)))  # offset binary
        last = self._patient(m) if self.cycles == PATIENT else self._quick(m)
        m.d.sync += self._full.eq(last | (self._full & ~self.o.ready))
        return m

    def _larger(self) -> Value:
        """Whether the candidate is larger than the largest so far, of which the inverse is kept: as a carry chain adds
        it. So no table stands before the chain."""
        return (self._candidate + self._less)[self.width]

    def _patient(self, m: Module) -> Signal:
        at, arg = Signal(range(self.count)), Signal(len(self.o.payload))
        free, compared, kept, larger = Signal(init=1), Signal(), Signal(), Signal()
        last, done = Signal(), Signal()
        self.state = {"at": at, "less": self._less, "arg": arg, "free": free, "compared": compared, "kept": kept}
        self.state |= {"larger": larger, "last": last, "candidate": self._candidate, "full": self._full}
        m.d.comb += [
            self.i.ready.eq(free & (~self._full | self.o.ready)),
            self.o.payload.eq(arg),
            done.eq(kept & last),
        ]
        m.d.sync += [
            compared.eq(self._put),
            kept.eq(compared),
            larger.eq(self._larger() | (at == 0)),
            last.eq(at == self.count - 1),
        ]
        m.d.sync += free.eq(kept | (free & ~self._put))
        with m.If(kept):
            m.d.sync += at.eq(Mux(last, 0, at + 1))
            with m.If(larger):
                m.d.sync += [self._less.eq(~self._candidate), arg.eq(at)]
        return done

    def _quick(self, m: Module) -> Signal:
        at, arg = Signal(range(self.count)), Signal(len(self.o.payload))
        answer = Signal(len(self.o.payload))
        compared, larger, end, done = Signal(), Signal(), Signal(), Signal()
        coming = Signal(range(self.count))
        self.state = {"at": at, "less": self._less, "arg": arg, "compared": compared, "coming": coming}
        self.state |= {"candidate": self._candidate, "full": self._full}
        m.d.comb += [
            # Only the last sum of a sample makes an answer, which needs a place.
            self.i.ready.eq(~self._full | self.o.ready | (coming != self.count - 1)),
            self.o.payload.eq(answer),
            larger.eq(self._larger() | (at == 0)),
            end.eq(at == self.count - 1),
            done.eq(compared & end),
        ]
        m.d.sync += compared.eq(self._put)
        with m.If(self._put):
            m.d.sync += coming.eq(Mux(coming == self.count - 1, 0, coming + 1))
        with m.If(compared):
            m.d.sync += at.eq(Mux(end, 0, at + 1))
            with m.If(larger):
                m.d.sync += [self._less.eq(~self._candidate), arg.eq(at)]
        with m.If(done):
            m.d.sync += answer.eq(Mux(larger, at, arg))
        return done
