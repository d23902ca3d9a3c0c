"""A stream to several, and several to one: where the ways of a sample part and meet again."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Fork(wiring.Component):
    """Every beat goes to all of `o0`, `o1`, ..; each takes it when it can, and it is gone when all have.

    gone: of each, whether it has taken the beat that is there (registers).
    """

    def __init__(self, width: int, count: int) -> None:
        self.width, self.count = width, count
        outs = {f"o{k}": Out(stream.Signature(width)) for k in range(count)}
        super().__init__({"i": In(stream.Signature(width)), **outs})
        self.gone = Signal(count, name="gone")

    def elaborate(self, platform: object) -> Module:
        m, takes = Module(), Signal(self.count)
        for k in range(self.count):
            out = getattr(self, f"o{k}")
            m.d.comb += [
                out.valid.eq(self.i.valid & ~self.gone[k]),
                out.payload.eq(self.i.payload),
                takes[k].eq(self.gone[k] | out.ready),
            ]
        m.d.comb += self.i.ready.eq(takes.all())
        with m.If(self.i.valid):
            m.d.sync += self.gone.eq(Mux(self.i.ready, 0, takes))
        return m


class Join(wiring.Component):
    """Takes beats of `i0`, `i1`, .. by turns: of each as many as `counts` says, the first ones first, again and again.

    A pixel's channels of all of them, one behind the other, become those of a pixel. at: the beat of the turn.
    """

    def __init__(self, width: int, counts: Sequence[int]) -> None:
        self.width, self.counts = width, tuple(counts)
        ins = {f"i{k}": In(stream.Signature(width)) for k in range(len(counts))}
        super().__init__({**ins, "o": Out(stream.Signature(width))})
        self.at = Signal(range(max(sum(counts), 2)), name="at")

    def elaborate(self, platform: object) -> Module:
        m, at, first = Module(), self.at, 0
        whose = Signal(len(self.counts))
        for k, count in enumerate(self.counts):
            m.d.comb += whose[k].eq((at >= first) & (at < first + count))
            first += count
        ins = [getattr(self, f"i{k}") for k in range(len(self.counts))]
        m.d.comb += self.o.valid.eq((Cat(one.valid for one in ins) & whose).any())
        for mine, one in zip(whose, ins, strict=True):
            m.d.comb += one.ready.eq(mine & self.o.ready)
            with m.If(mine):
                m.d.comb += self.o.payload.eq(one.payload)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += at.eq(Mux(at == first - 1, 0, at + 1))
        return m
