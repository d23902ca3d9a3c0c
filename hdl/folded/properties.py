"""What is demanded of a folded layer's schedule, as one bit beside its own circuit: `ok` is 1 in every cycle.

With its state: a sample's chunks stand in a window of the buffer, those from `first` on, less those given back, up to
where the next one is written. So `ok` says
* the window: nothing is written into it, no step reads outside it, and the chunk read is number `chunk` of its sample;
* order: the address is group * chunks + chunk, and these count up without a gap;
* decisions: every one of the registers that decide equals what the counters say;
* the queue: credits, passes under way and answers that wait are as many as its places, so it never overflows;
* progress: a step that does not happen has a rank, at most latency + 1, which sinks in every cycle in which what it
  waits for is offered: a chunk by the source, or the first answer's place by the sink;
* the streams' rule: ready stays until a beat is taken, valid until the answer is taken, which does not change;
* time: step, done and address are delayed by as many cycles as their pipes have registers; the buffer is written and
  read where the schedule says, and a register is behind it; modules are given and give what they should;
* sums: a cycle behind a reset, an accumulator begins with the layer's base (its top bit inverted where answers are
  bits), takes the count in cycles of a step, none of which comes sooner, and begins anew behind a pass, whose last sum,
  or its top bit, is in a register a cycle later;
* further thresholds of sums: see `threshc.hdl.folded.level_properties`;
* answers: any one answer that enters the queue (picked freely) leaves it unchanged behind those before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from threshc.hdl.folded.control import Control
from threshc.hdl.folded.level_properties import level_demands
from threshc.hdl.folded.unit import UnitComponent


class Properties(Component):
    """A layer's circuit and the bit `ok`. The environment may do anything, reset included."""

    def __init__(self, part: UnitComponent, latencies: tuple[int, int]) -> None:
        """latencies: cycles that the modules of the inputs and of a neuron take, which `proof.folded_core` proves."""
        self.part, self.latencies = part, latencies
        super().__init__(
            {"offered": In(1), "given": In(len(part.i.payload)), "taken": In(1), "pick": In(1), "ok": Out(1)}
        )

    @property
    def boxes(self) -> tuple[str, ...]:
        """Modules that are not looked into: what they answer is free."""
        return tuple(f"{self.part.unit.name}_{kind}" for kind in ("inputs", "neuron", "weights", "starts"))

    def elaborate(self, platform: object) -> Module:
        m, part = Module(), self.part
        m.submodules.part = Fragment.get(part, platform)  # now: what is looked at is made by it
        m.d.comb += [part.i.valid.eq(self.offered), part.i.payload.eq(self.given), part.o.ready.eq(self.taken)]
        demands = [*self._window(m), *self._decisions(), *self._queue(), *self._progress(m), *self._streams(m)]
        demands += [*self._pipes(m), *self._instances(), *self._sums(m), *self._answers(m)]
        if part.levels is not None:
            demands += level_demands(m, part, part.levels)
        m.d.comb += self.ok.eq(Cat(*demands).all())
        return m

    def _window(self, m: Module) -> Iterator[Value]:
        c = self._dense
        held = c.places - c.free
        seen = Mux(self._is_first, c.chunk, c.chunks)  # chunks of this sample that were read, and those given back
        gone = Mux(self._is_last, c.chunk, 0)
        yield from (c.chunk < c.chunks, c.group < c.groups, c.free <= c.places, c.new <= c.places)
        yield from (c.first < c.places, c.read < c.places, c.write < c.places)
        yield c.new + seen == held + gone
        yield c.read == self._wrapped(c.first + c.chunk)
        yield c.write == self._wrapped(self._wrapped(c.first + gone) + held)
        yield c.address == c.group * c.chunks + c.chunk
        yield ~c.step | ((gone <= c.chunk) & (c.chunk < gone + held))
        yield ~(self.part.i.valid & self.part.i.ready) | (held < c.places)

    @property
    def _is_first(self) -> Value:
        """All chunks of the sample are read for the first time."""
        return self.part.control.group == 0

    @property
    def _is_last(self) -> Value:
        """They are read for the last time."""
        c = self.part.control
        return c.group == c.groups - 1

    @property
    def _closes(self) -> Value:
        """The next step ends a pass."""
        return self.part.control.last

    def _wrapped(self, place: Value) -> Value:
        places = self._dense.places
        return Mux(place >= places, place - places, place)

    @property
    def _dense(self) -> Control:
        found = self.part.control
        assert isinstance(found, Control)
        return found

    def _decisions(self) -> Iterator[Value]:
        c = self._dense
        yield c.last == (c.chunk == c.chunks - 1)
        yield c.again == ~self._is_first
        yield c.end == self._is_last
        yield c.some == (c.new != 0)
        yield c.may == (c.credit != 0)
        yield c.accept == (c.free != 0)
        yield c.step == ((c.new != 0) | ~self._is_first) & (~self._closes | (c.credit != 0))
        yield c.done == (c.step & self._closes)

    def _queue(self) -> Iterator[Value]:
        part, queue, under_way = self.part, self.part.control.queue, self._under_way()
        yield part.control.credit + sum(under_way, start=part.filled) == queue
        moves = (part.filled < len(part.places)) | (part.o.valid & part.o.ready)
        yield part.filled <= len(part.places)
        yield ~(part.pipes["done"][-1] & part.held) | moves  # no answer is overwritten
        yield part.o.valid == (part.filled != 0)

    def _under_way(self) -> list[Value]:
        """Whether a pass ended 1, 2, .. cycles ago whose answer is in no place of the queue yet; the last one waits."""
        return [*self.part.pipes["done"][1:], self.part.held]

    def _progress(self, m: Module) -> Iterator[Value]:
        part, c = self.part, self._dense
        most, credit = len(self._under_way()) + 1, self._way()
        for_chunk, for_credit = ~(c.again | c.some), self._closes & ~c.may
        rank, before, waiting = Signal(range(most + 2)), Signal(range(most + 2)), Signal()
        m.d.comb += rank.eq(Mux(for_credit, credit, for_chunk))
        helped = (~for_chunk | part.i.valid) & (~(for_credit & (part.filled != 0)) | part.o.ready)
        m.d.sync += [before.eq(rank), waiting.eq(~c.step & helped)]
        yield c.step == (rank == 0)
        yield rank <= most
        yield ~for_chunk | part.i.ready  # what it waits for, it takes
        yield ~waiting | (rank < before)

    def _way(self) -> Value:
        """Cycles until the first answer under way may leave, one more than there can be where none is."""
        under_way = self._under_way()
        most = len(under_way) + 1
        credit: Value = Mux(under_way[0], most, most + 1)
        for age, done in enumerate(under_way[1:], 2):
            credit = Mux(done, most + 1 - age, credit)
        return Mux(self.part.filled != 0, 1, credit)

    def _streams(self, m: Module) -> Iterator[Value]:
        part = self.part
        ready, valid, answer = Signal(), Signal(), Signal(len(part.o.payload))
        m.d.sync += [
            ready.eq(part.i.ready & ~part.i.valid),
            valid.eq(part.o.valid & ~part.o.ready),
            answer.eq(part.o.payload),
        ]
        yield ~ready | part.i.ready
        yield ~valid | part.o.valid
        yield ~valid | (answer == part.o.payload)

    def _pipes(self, m: Module) -> Iterator[Value]:
        part = self.part
        yield Const({name: len(pipe) - 1 for name, pipe in part.pipes.items()} == self._lengths())
        yield Const(part.unit.summed == len(part.pipes["step"]))
        for name, pipe in part.pipes.items():
            yield pipe[0] == getattr(part.control, name)
            if len(pipe) > 1:
                before = Signal((len(pipe) - 1) * len(pipe[0]), name=f"{name}_before")
                m.d.sync += before.eq(Cat(*pipe[:-1]))
                yield Cat(*pipe[1:]) == before
        c, unit, layer = part.control, part.unit, part.unit.layer
        yield Const((c.chunks, c.groups, c.places) == (layer.chunks, layer.groups, unit.places))
        yield Const(max(c.queue - 1, 1) == len(part.places))
        yield c.offered == part.i.valid
        yield c.taken == (part.o.valid & part.o.ready)
        yield part.i.ready == c.accept
        yield (part.write.addr == c.write) & (part.write.data == part.i.payload) & (part.read.addr == c.read)
        yield part.write.en == (part.i.valid & part.i.ready)
        yield from self._inputs(m)

    def _lengths(self) -> dict[str, int]:
        """Registers of every pipe."""
        both = 2 + sum(self.latencies)  # with a memory and a register behind it, or in it
        return {"step": both, "done": both + self.part.unit.layer.compares, "address": self.latencies[0]}

    def _inputs(self, m: Module) -> Iterator[Value]:
        """Inputs of the arithmetic are what was read."""
        before = Signal(len(self.part.x[1]), reset_less=True)
        m.d.sync += before.eq(self.part.x[1])
        yield self.part.x[0] == before

    def _word(self, word: Value) -> Value:
        """The word that a neuron is given, of its part of the memory's."""
        return word

    def _next(self, acc: Value, total: Value) -> Value:
        """What an accumulator holds next, but behind a pass."""
        return Mux(self.part.pipes["step"][-1], total, acc)

    def _instances(self) -> Iterator[Value]:
        """Every port of the modules reads and drives what it should."""
        part, bits = self.part, self.part.unit.layer.word_bits

        def port(instance: str, name: str) -> Value:
            found: Value = part.instances[instance][name]
            return found

        yield port("inputs", "x") == part.x[0]
        yield port("weights", "address") == part.pipes["address"][-1]
        words = [port("weights", "word")]
        if "starts" in part.instances:
            yield port("starts", "address") == part.pipes["start"][-1]
            words.append(port("starts", "word"))
        each = [(word, len(word) // len(part.neurons)) for word in words]
        beside = [word[k * n : k * n + n] for k in range(len(part.neurons)) for word, n in each]
        yield part.word == Cat(*beside)
        for k, (_, count, _) in enumerate(part.neurons):
            yield port(f"neuron_{k}", "x") == port("inputs", "common")
            yield port(f"neuron_{k}", "w") == self._word(part.word[k * bits : (k + 1) * bits])
            yield port(f"neuron_{k}", "count") == count

    def _sums(self, m: Module) -> Iterator[Value]:
        part, layer = self.part, self.part.unit.layer
        begin, step, done = layer.accumulator_start, part.pipes["step"][-1], part.pipes["done"][part.unit.summed - 1]
        known, fresh, started = Signal(), Signal(init=1), Signal()
        m.d.sync += [known.eq(known | done), fresh.eq(0), started.eq(~done & (started | step))]
        yield part.adds == (step | fresh)
        yield part.clears == (done | fresh)
        yield ~fresh | ~(step | done)
        yield from (~ends | steps for ends, steps in zip(part.pipes["done"], part.pipes["step"], strict=False))
        for acc, count, answer in part.neurons:
            want, total = Signal(layer.bits), (acc + count)[: layer.bits]
            kept = Signal(len(answer))
            yield fresh | started | (acc == begin)
            m.d.sync += want.eq(Mux(done | fresh, begin, self._next(acc, total)))
            yield fresh | (acc == want)
            with m.If(done):
                m.d.sync += kept.eq(total[-1] if layer.answer == "bits" else total)
            yield ~known | (answer == kept)

    def _answers(self, m: Module) -> Iterator[Value]:
        part = self.part
        answer = Cat(*(answer for _, _, answer in part.neurons)) if part.levels is None else part.answer
        picked, at, kept = Signal(), Signal(range(len(part.places) + 1)), Signal(len(answer))
        taken = part.o.valid & part.o.ready
        moves = part.held & ((part.filled < len(part.places)) | taken)
        with m.If(~picked & self.pick & moves):
            m.d.sync += [picked.eq(1), at.eq(part.filled - taken), kept.eq(answer)]
        with m.Elif(picked & taken):
            m.d.sync += [picked.eq(at != 0), at.eq(at - 1)]
        yield ~picked | (at < part.filled)
        for k, place in enumerate(part.places):
            yield ~(picked & (at == k)) | (place == kept)
        yield ~(picked & part.o.valid & (at == 0)) | (part.o.payload == kept)
