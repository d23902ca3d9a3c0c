"""What is demanded of forks, joins and the queues between them, as one bit beside their circuit: `ok` is 1 in every
cycle.

* a fork: every branch is offered each beat until it has taken it, and then no more; it is gone when all have;
* a join: it takes the beats of its streams by turns, so many of each, and hands each on unchanged;
* a queue: any one beat that is picked freely leaves as it came, behind those before it; it holds as many as came in and
  have not left, and gives and takes whenever it can.

A queue's memory is free but for what is said of a memory: what is read of an address is what was written there last in
an earlier cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from threshc.hdl.folded.branches import Fork, Join
from threshc.hdl.folded.fifo import Fifo


class BranchProperties(Component):
    """Such a circuit and the bit `ok`. The environment may do anything, reset included."""

    boxes: tuple[str, ...] = ()

    def __init__(self, part: Fifo | Fork | Join) -> None:
        self.part = part
        self._ins: list[Any] = [getattr(part, name) for name in part.signature.members if name.startswith("i")]
        self._outs: list[Any] = [getattr(part, name) for name in part.signature.members if name.startswith("o")]
        super().__init__(
            {
                "offered": In(len(self._ins)),
                "given": In(len(self._ins) * part.width),
                "taken": In(len(self._outs)),
                "pick": In(1),
                "ok": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, part = Module(), self.part
        m.submodules.part = Fragment.get(part, platform)  # now: what is looked at is made by it
        for k, one in enumerate(self._ins):
            m.d.comb += [one.valid.eq(self.offered[k]), one.payload.eq(self.given.word_select(k, part.width))]
        for k, one in enumerate(self._outs):
            m.d.comb += one.ready.eq(self.taken[k])
        holds: Value = Const(1)
        match part:
            case Fork():
                demands = [*self._fork(m, part)]
            case Join():
                demands = [*self._join(m, part)]
            case Fifo():
                demands = [*self._fifo(m, part)]
                holds = self._memory
        broken = Signal()
        m.d.sync += broken.eq(broken | ~holds)
        m.d.comb += self.ok.eq(broken | ~holds | Cat(*demands).all())
        return m

    def _fork(self, m: Module, part: Fork) -> Iterator[Value]:
        had = Signal(part.count)  # the branches that have had the beat that is there
        given: Any = part.i
        for k, out in enumerate(self._outs):
            takes = out.valid & out.ready
            with m.If(given.valid):
                m.d.sync += had[k].eq(~given.ready & (had[k] | takes))
            yield out.valid == (given.valid & ~had[k])
            yield ~out.valid | (out.payload == given.payload)
            yield ~(given.valid & given.ready) | had[k] | takes
            yield part.gone[k] == had[k]
        yield given.ready == Cat(had[k] | out.ready for k, out in enumerate(self._outs)).all()

    def _join(self, m: Module, part: Join) -> Iterator[Value]:
        turn, total = Signal(len(part.at)), sum(part.counts)
        (out,) = self._outs
        with m.If(out.valid & out.ready):
            m.d.sync += turn.eq(Mux(turn == total - 1, 0, turn + 1))
        yield (turn < total) & (part.at == turn)
        whose = [k for k, count in enumerate(part.counts) for _ in range(count)]
        for at, mine in enumerate(whose):
            one = self._ins[mine]
            now = turn == at
            yield ~now | (out.valid == one.valid)
            yield ~(now & out.valid) | (out.payload == one.payload)
            yield ~now | (one.ready == out.ready)
            for k, other in enumerate(self._ins):
                if k != mine:
                    yield ~(now & other.ready)

    def _fifo(self, m: Module, part: Fifo) -> Iterator[Value]:
        given, out, places = self._ins[0], self._outs[0], part.places
        put, leaves = given.valid & given.ready, out.valid & out.ready
        inside = Signal(range(places + 1))
        m.d.sync += inside.eq(inside + put - leaves)
        yield (inside <= places) & (part.free == places - inside) & (part.some + part.fresh == inside)
        yield (part.head < places) & (part.tail < places)
        yield part.tail == self._wrapped(part.head + inside)
        yield (given.ready == (inside != places)) & (out.valid == (part.some != 0))
        yield given.ready | out.valid | part.fresh
        yield (part.write.en == put) & (part.write.addr == part.tail) & (part.write.data == given.payload)
        picked, stood, ahead = Signal(), Signal(), Signal(range(places + 1))
        place, kept = Signal(range(places)), Signal(part.width)
        with m.If(~picked & self.pick & put):
            m.d.sync += [picked.eq(1), ahead.eq(inside - leaves), place.eq(part.tail), kept.eq(given.payload)]
        with m.Elif(picked & leaves):
            m.d.sync += [picked.eq(ahead != 0), ahead.eq(ahead - 1)]
        m.d.sync += stood.eq(picked)
        address = Signal(len(part.read.addr))
        m.d.sync += address.eq(part.read.addr)
        yield ~picked | (ahead < inside)
        yield ~picked | (place == self._wrapped(part.head + ahead))
        yield ~picked | stood | (part.fresh & (ahead == part.some))
        yield address == part.head
        yield ~(picked & out.valid & (ahead == 0)) | (out.payload == kept)
        self._memory = ~(picked & stood & (address == place)) | (part.read.data == kept)

    def _wrapped(self, place: Value) -> Value:
        assert isinstance(self.part, Fifo)
        return Mux(place >= self.part.places, place - self.part.places, place)
