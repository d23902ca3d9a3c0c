"""The comparisons before the first folded layer: numbers compared with constants, in the cycle in which they come."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, signed
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
