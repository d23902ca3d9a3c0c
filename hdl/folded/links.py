"""Width converters between streams, with the cycles that `schedule.GatherStage` and `SplitStage` say."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Gather(wiring.Component):
    """`count` beats of `width` bits become one of `out` bits, the first of them lowest, zeros above.

    A sample becomes `words` of them, of which the last has but `last` beats.
    """

    def __init__(self, width: int, count: int, out: int = 0, words: int = 1, last: int = 0) -> None:
        self.width, self.count, self.words, self.last = width, count, words, last or count
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(out or width * count))})

    def elaborate(self, platform: object) -> Module:
        m, width, count = Module(), self.width, self.count
        word, full, at, put = Signal(width * count, reset_less=True), Signal(), Signal(range(count)), Signal()
        nth, ends = Signal(range(self.words)), Signal()
        self.word, self.full, self.at, self.nth = word, full, at, nth
        m.d.comb += [
            self.o.payload.eq(word),
            self.o.valid.eq(full),
            self.i.ready.eq(~full | self.o.ready),
            put.eq(self.i.valid & self.i.ready),
            ends.eq(at == count - 1),
        ]
        with m.If(put):
            m.d.sync += [
                word.eq((word >> width) | (self.i.payload << (width * (count - 1)))),
                at.eq(Mux(ends, 0, at + 1)),
            ]
        if self.last < count:
            short = Signal()
            m.d.comb += [
                short.eq((nth == self.words - 1) & (at == self.last - 1)),
                ends.eq(short | (at == count - 1)),
            ]
            with m.If(put & ends):
                m.d.sync += nth.eq(Mux(short, 0, nth + 1))
            with m.If(put & short):  # to the lowest place at once, over what is left of the word before
                down = width * (1 + count - self.last)
                m.d.sync += word.eq((word >> down) | (self.i.payload << (width * (self.last - 1))))
        # One table: a register that is set and cleared would have an enable, which is a longer path.
        m.d.sync += full.eq((self.i.valid & ends) | (full & ~self.o.ready))
        return m


class Split(wiring.Component):
    """One beat of `given` bits becomes `count` of `width` bits, the lowest first, zeros above the last.

    A sample has `beats` of them, of which the last becomes but `last`.
    """

    def __init__(self, width: int, count: int, given: int = 0, beats: int = 1, last: int = 0) -> None:
        self.width, self.count, self.beats, self.last = width, count, beats, last or count
        super().__init__({"i": In(stream.Signature(given or width * count)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        m, width, count = Module(), self.width, self.count
        word, left = Signal(width * count, reset_less=True), Signal(range(count + 1))
        self.word, self.left = word, left
        self.nth = nth = Signal(range(self.beats))
        m.d.comb += [
            self.o.payload.eq(word[:width]),
            self.o.valid.eq(left != 0),
            self.i.ready.eq((left == 0) | ((left == 1) & self.o.ready)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [word.eq(self.i.payload), left.eq(count)]
            if self.last < count:
                ends = nth == self.beats - 1
                m.d.sync += [nth.eq(Mux(ends, 0, nth + 1)), left.eq(Mux(ends, self.last, count))]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [word.eq(word >> width), left.eq(left - 1)]
        return m


class Fill(wiring.Component):
    """Beats of `width` bits become as many of `out` bits, zeros above; and of the last one of `beats`, which are a
    sample, only the bits of `kept` stay, the others are 0. It takes no cycle: valid and ready are passed on."""

    def __init__(self, width: int, out: int, beats: int, kept: int) -> None:
        self.width, self.beats, self.kept = width, beats, kept
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(out))})

    def elaborate(self, platform: object) -> Module:
        m, width = Module(), self.width
        self.at = at = Signal(range(self.beats))
        ends = at == self.beats - 1
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
            self.o.payload.eq(self.i.payload),
        ]
        if self.kept != (1 << width) - 1:
            m.d.comb += self.o.payload.eq(self.i.payload & Mux(ends, Const(self.kept, width), (1 << width) - 1))
            with m.If(self.i.valid & self.o.ready):
                m.d.sync += at.eq(Mux(ends, 0, at + 1))
        return m
