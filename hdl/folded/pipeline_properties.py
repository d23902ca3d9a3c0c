"""What is demanded of the registers of layers that stay unrolled, as one bit beside their circuit: `ok` is 1 in every
cycle.

The circuit is that of every unrolled unit (`threshc.hdl.unrolled.emit.Pipeline`), with registers alone between its
ends: all registers of a unit obey one enable, and its certificate says that every path has as many. Any one beat that
is picked freely stands in one place, moves on with the others and leaves as it came; beats inside are as many as were
taken and have not left; ready and valid stay until something moves; and while nothing is offered out, beats are taken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from threshc.hdl.interface import StalledTogether
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.emit import Pipeline
from threshc.hdl.unrolled.netlist import Netlist

_WIDTH = 2


class PipelineProperties(Component):
    """Such a circuit and the bit `ok`. The environment may do anything, reset included."""

    boxes: tuple[str, ...] = ()

    def __init__(self, pipeline: StalledTogether) -> None:
        net = Netlist(0)
        x = net.inputs(_WIDTH)
        self.stages: list[Lits] = [x]
        for _ in range(pipeline.latency):
            self.stages.append(net.register(self.stages[-1]))
        self.part = Pipeline(net, x, self.stages[-1], pipeline.latency, pipeline.buffered)
        self.pipeline = pipeline
        super().__init__({"offered": In(1), "given": In(_WIDTH), "taken": In(1), "pick": In(1), "ok": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m, part = Module(), self.part
        m.submodules.part = Fragment.get(part, platform)  # now: what is looked at is made by it
        m.d.comb += [part.i.valid.eq(self.offered), part.i.payload.eq(self.given), part.o.ready.eq(self.taken)]
        m.d.comb += self.ok.eq(Cat(*self._beats(m), *self._streams(m)).all())
        return m

    def _beats(self, m: Module) -> Iterator[Value]:
        """One beat followed through its places, 0 to latency - 1 and that of the buffer; and the number of all."""
        part, latency = self.part, self.pipeline.latency
        assert part.emitter is not None
        valid = part.state["valid"]
        data = [part.emitter.value(np.asarray(stage)) for stage in self.stages[1:]]
        full: Value = part.state["full"] if self.pipeline.buffered else Const(0)
        put, leaves = part.i.valid & part.i.ready, part.o.valid & part.o.ready
        inside = Signal(range(latency + 2))
        m.d.sync += inside.eq(inside + put - leaves)
        picked, at, kept = Signal(), Signal(range(latency + 1)), Signal(_WIDTH)
        first = Mux(at == latency, 1, (at == latency - 1) & ~full)  # of those inside, it leaves next
        with m.If(~picked & self.pick & put):
            m.d.sync += [picked.eq(1), at.eq(0), kept.eq(self.given)]
        with m.Elif(picked & leaves & first):
            m.d.sync += picked.eq(0)
        with m.Elif(picked & part.i.ready & (at < latency)):
            m.d.sync += at.eq(at + 1)
        yield at <= latency
        yield inside == sum((bit for bit in valid), start=full)
        for k, word in enumerate(data):
            yield ~(picked & (at == k)) | (valid[k] & (word == kept))
        yield ~(picked & first) | (part.o.valid & (part.o.payload == kept))
        if self.pipeline.buffered:
            yield part.state["free"] == ~full
            yield ~(picked & (at == latency)) | (full & (part.state["held"] == kept))
        else:
            yield ~picked | (at < latency)

    def _streams(self, m: Module) -> Iterator[Value]:
        part = self.part
        waits, answer = Signal(), Signal(_WIDTH)
        m.d.sync += [waits.eq(part.o.valid & ~part.o.ready), answer.eq(part.o.payload)]
        yield ~waits | (part.o.valid & (answer == part.o.payload))
        yield part.i.ready | part.o.valid
