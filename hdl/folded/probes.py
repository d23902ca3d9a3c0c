"""Hidden bits of folded circuits led out, for simulations: beats of a stream collected to the bits of a sample."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Field


class Shown(NamedTuple):
    """A part whose beats out are led out: its place, the bits of a sample, and how many beats make one. picked: which
    of the beats' bits these are, () for all."""

    part: int
    field: Field
    beats: int
    picked: tuple[int, ...] = ()


class Collector(wiring.Component):
    """Watches a stream: `count` transfers of `width` bits make a sample's word, valid in the cycle behind the last.
    picked: the bits of the word that are led out, () for all."""

    def __init__(self, width: int, count: int, picked: tuple[int, ...] = ()) -> None:
        self.width, self.count, self.picked = width, count, picked
        probe = stream.Signature(len(picked) or width * count, always_ready=True)
        super().__init__({"payload": In(width), "transfer": In(1), "o": Out(probe)})

    def elaborate(self, platform: object) -> Module:
        m, width, count = Module(), self.width, self.count
        word, at, whole = Signal(width * count, reset_less=True), Signal(range(count)), Signal()
        m.d.comb += [
            self.o.payload.eq(Cat(*(word[k] for k in self.picked)) if self.picked else word),
            self.o.valid.eq(whole),
        ]
        m.d.sync += whole.eq(self.transfer & (at == count - 1))
        with m.If(self.transfer):
            m.d.sync += [
                word.eq((word >> width) | (self.payload << (width * (count - 1)))),
                at.eq(Mux(at == count - 1, 0, at + 1)),
            ]
        return m
