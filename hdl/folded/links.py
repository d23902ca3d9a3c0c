"""Width converters between streams, with the cycles that `schedule.GatherStage` and `SplitStage` say."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Gather(wiring.Component):
    """`count` beats of `width` bits become one, the first of them lowest."""

    def __init__(self, width: int, count: int) -> None:
        self.width, self.count = width, count
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width * count))})

    def elaborate(self, platform: object) -> Module:
        m, width, count = Module(), self.width, self.count
        word, full, at, put = Signal(width * count, reset_less=True), Signal(), Signal(range(count)), Signal()
        self.word, self.full, self.at = word, full, at
        m.d.comb += [
            self.o.payload.eq(word),
            self.o.valid.eq(full),
            self.i.ready.eq(~full | self.o.ready),
            put.eq(self.i.valid & self.i.ready),
        ]
        with m.If(put):
            m.d.sync += [
                word.eq((word >> width) | (self.i.payload << (width * (count - 1)))),
                at.eq(Mux(at == count - 1, 0, at + 1)),
            ]
        with m.If(put & (at == count - 1)):
            m.d.sync += full.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)
        return m


class Split(wiring.Component):
    """One beat becomes `count` of `width` bits, the lowest first."""

    def __init__(self, width: int, count: int) -> None:
        self.width, self.count = width, count
        super().__init__({"i": In(stream.Signature(width * count)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        m, width, count = Module(), self.width, self.count
        word, left = Signal(width * count, reset_less=True), Signal(range(count + 1))
        self.word, self.left = word, left
        m.d.comb += [
            self.o.payload.eq(word[:width]),
            self.o.valid.eq(left != 0),
            self.i.ready.eq((left == 0) | ((left == 1) & self.o.ready)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [word.eq(self.i.payload), left.eq(count)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [word.eq(word >> width), left.eq(left - 1)]
        return m
