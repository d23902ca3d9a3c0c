"""A test double: a circuit whose samples come, and whose answers leave, in several payloads each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Beats, Interface, StreamUnit, Timing
from threshc.hdl.verilog import emit_verilog


class Converter(wiring.Component):
    """Collects a sample, gives it to `core`, and hands the answer out; two samples are never in the same part."""

    def __init__(self, core: wiring.Component, interface: Interface) -> None:
        self._core, self._interface = core, interface
        i, o = (stream.Signature(beats.width) for beats in (interface.input, interface.output))
        super().__init__({"i": In(i), "o": Out(o)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        core: Any = self._core
        m.submodules.core = core
        taken, given = self._interface.input, self._interface.output
        sample, answer = Signal(taken.count * taken.width), Signal(given.count * given.width)
        have, left = Signal(range(taken.count + 1)), Signal(range(given.count + 1))
        whole = have == taken.count
        m.d.comb += [self.i.ready.eq(~whole), core.i.valid.eq(whole), core.i.payload.eq(sample)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [sample.eq(Cat(sample, self.i.payload)[taken.width :]), have.eq(have + 1)]
        with m.If(core.i.valid & core.i.ready):
            m.d.sync += have.eq(0)
        m.d.comb += [core.o.ready.eq(left == 0), self.o.valid.eq(left != 0), self.o.payload.eq(answer)]
        with m.If(core.o.valid & core.o.ready):
            m.d.sync += [answer.eq(core.o.payload), left.eq(given.count)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [answer.eq(answer >> given.width), left.eq(left - 1)]
        return m


@dataclass(frozen=True, slots=True)
class InBeats:
    """`inner` behind converters: 3 payloads in, 2 out (or as given)."""

    inner: StreamUnit
    taken: int = 3
    given: int = 2

    @property
    def interface(self) -> Interface:
        one = self.inner.interface
        i, o = one.input.bits, one.output.bits
        beats = Beats(i, -(-i // self.taken)), Beats(o, -(-o // self.given))
        assert (beats[0].count, beats[1].count) == (self.taken, self.given)
        timing = Timing(one.timing.latency + self.taken + 1, max(self.taken, self.given) + 1)
        return replace(one, name=f"{one.name}_beats", input=beats[0], output=beats[1], timing=timing)

    def component(self) -> Converter:
        return Converter(self.inner.component(), self.interface)

    def verilog(self) -> str:
        return emit_verilog(self.component(), self.interface.name)

    def files(self) -> dict[str, str]:
        return {}
