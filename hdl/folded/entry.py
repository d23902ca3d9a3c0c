"""The comparisons before the first folded layer: numbers compared with constants, the same in every beat or not."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Thresholds(wiring.Component):
    """Features of `bits` bits each, side by side in a beat, to bits: of feature f whether it is at least each of
    `thresholds[f]`, feature after feature. No registers: valid and ready are passed on."""

    def __init__(self, thresholds: Sequence[Sequence[int]], bits: int, is_signed: bool) -> None:
        self.thresholds, self.bits, self.is_signed = thresholds, bits, is_signed
        out = sum(map(len, thresholds))
        super().__init__({"i": In(stream.Signature(bits * len(thresholds))), "o": Out(stream.Signature(out))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready)]
        at = 0
        for f, thresholds in enumerate(self.thresholds):
            feature = Signal(signed(self.bits) if self.is_signed else self.bits, name=f"feature_{f}")
            m.d.comb += feature.eq(self.i.payload[f * self.bits : (f + 1) * self.bits])
            for threshold in thresholds:
                m.d.comb += self.o.payload[at].eq(feature >= threshold)
                at += 1
        return m


class BeatThresholds(wiring.Component):
    """Beats of features of `bits` bits each to bits, with constants of each beat's own: of feature f of a sample's beat
    b whether it is at least each of `thresholds[b][f]`, feature after feature. All beats have as many.

    The constants of the beat that comes next stand in registers, filled from a table, by the number of the beat behind,
    when a beat is taken; so no path leads through both. The bits leave a cycle later (`CompareStage`). word, at, full,
    answer: its registers, once it is elaborated, for proofs.
    """

    def __init__(self, thresholds: Sequence[Sequence[Sequence[int]]], bits: int, is_signed: bool) -> None:
        self.thresholds, self.bits, self.is_signed = thresholds, bits, is_signed
        out = sum(map(len, thresholds[0]))
        super().__init__({"i": In(stream.Signature(bits * len(thresholds[0]))), "o": Out(stream.Signature(out))})

    def elaborate(self, platform: object) -> Module:
        m, count = Module(), len(self.thresholds)
        table = [[t - 1 for feature in beat for t in feature] for beat in self.thresholds]  # x >= t where x > t - 1
        self.word = [
            Signal(Shape.cast(range(min(column), max(column) + 1)), init=column[0], name=f"constant_{k}")
            for k, column in enumerate(zip(*table, strict=True))
        ]
        self.at, self.full = Signal(range(count), init=1 % count), Signal()
        self.answer = Signal(len(self.o.payload), reset_less=True)
        put, coming = Signal(), [Signal(word.shape(), name=f"coming_{k}") for k, word in enumerate(self.word)]
        with m.Switch(self.at):
            for beat, constants in enumerate(table):
                with m.Case(beat):
                    m.d.comb += [word.eq(constant) for word, constant in zip(coming, constants, strict=True)]
        m.d.comb += [
            self.o.payload.eq(self.answer),
            self.o.valid.eq(self.full),
            self.i.ready.eq(~self.full | self.o.ready),
            put.eq(self.i.valid & self.i.ready),
        ]
        features = [f for f, thresholds in enumerate(self.thresholds[0]) for _ in thresholds]
        with m.If(put):
            m.d.sync += [self.full.eq(1), self.at.eq(Mux(self.at == count - 1, 0, self.at + 1))]
            for k, f in enumerate(features):
                feature = self.i.payload[f * self.bits : (f + 1) * self.bits]
                m.d.sync += self.answer[k].eq((feature.as_signed() if self.is_signed else feature) > self.word[k])
            m.d.sync += [word.eq(constant) for word, constant in zip(self.word, coming, strict=True)]
        with m.Elif(self.o.ready):
            m.d.sync += self.full.eq(0)
        return m
