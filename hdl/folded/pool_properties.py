"""What is demanded of a pooling along an axis, as one bit beside its own circuit: `ok` is 1 in every cycle.

* counts: the beat, the element, and how long ago the newest window began and when one ends, are those of the steps
  that were taken, row after row; padding is stepped over without a beat, and no beat is taken for it;
* windows: any one window, of any beat of an element, that is picked freely when it begins, becomes the or / and of
  just the beats under it, each once, and of its padding; and leaves as that, unless the environment does not take it;
* the stream's rule: valid stays until the result has left, which does not change; nothing is answered else;
* progress: a step is taken wherever a beat is offered, or padding due, and no result waits that is not taken.

The memory of the line is free but for what is said of a memory: what is read of an address is what was written there
last in an earlier cycle. As that is only ever said of the picked beat, one word stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amaranth.hdl import Array, Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from threshc.hdl.folded.pool import Pool


class PoolProperties(Component):
    """A pooling's circuit and the bit `ok`. The environment may do anything, reset included."""

    boxes: tuple[str, ...] = ()

    def __init__(self, part: Pool) -> None:
        self.part, self.axis = part, part.axis
        super().__init__(
            {"offered": In(1), "given": In(part.width), "taken": In(1), "pick": In(1), "ok": Out(1)},
        )

    def elaborate(self, platform: object) -> Module:
        m, part = Module(), self.part
        m.submodules.part = Fragment.get(part, platform)  # now: what is looked at is made by it
        m.d.comb += [part.i.valid.eq(self.offered), part.i.payload.eq(self.given), part.o.ready.eq(self.taken)]
        self._at, self._nth = Signal(len(part.at)), Signal(len(part.nth))
        demands = [*self._counts(m), *self._windows(m), *self._streams(m)]
        holds, broken = self._memory(m), Signal()
        m.d.sync += broken.eq(broken | ~holds)
        m.d.comb += self.ok.eq(broken | ~holds | Cat(*demands).all())
        return m

    def _of_elements(self, numbers: Sequence[int], nth: Value) -> Value:
        """A number of every element of a row."""
        if min(numbers) == max(numbers):
            return Const(int(numbers[0]), int(numbers[0]).bit_length() or 1)
        return Array(Const(n, max(numbers).bit_length() or 1) for n in numbers)[nth]

    def _counts(self, m: Module) -> Iterator[Value]:
        part, axis, at, nth = self.part, self.axis, self._at, self._nth
        everywhere = range(axis.total)
        last = at == axis.depth - 1
        with m.If(part.step):
            m.d.sync += at.eq(Mux(last, 0, at + 1))
            with m.If(last):
                m.d.sync += nth.eq(Mux(nth == axis.total - 1, 0, nth + 1))
        self._real = self._of_elements([axis.real(n) for n in everywhere], nth)
        self._ends = self._of_elements([axis.ends(n) for n in everywhere], nth)
        left = [next(k for k in range(axis.total + axis.stride + axis.reach) if axis.ends(n + k)) for n in everywhere]
        yield (at < axis.depth) & (nth < axis.total)
        yield (part.at == at) & (part.nth == nth)
        yield part.phase == self._of_elements([n % axis.stride for n in everywhere], nth)
        yield part.left == self._of_elements(left, nth)
        put = part.i.valid & part.i.ready
        yield part.step == Mux(self._real, put, ~self._ends | ~part.o.valid | part.o.ready)
        yield ~part.i.ready | self._real
        waits = part.o.valid & ~part.o.ready
        yield part.step | waits | (self._real & ~part.i.valid)

    def _windows(self, m: Module) -> Iterator[Value]:
        """One window followed from its first beat to its answer."""
        part, axis, width, at, nth = self.part, self.axis, self.part.width, self._at, self._nth
        x = Mux(self._real, part.i.payload, ((1 << width) - 1) * part.fill)
        firsts = [axis.begins(n) and n + axis.reach < axis.total for n in range(axis.total)]
        self._picked, self._column = picked, column = Signal(), Signal(len(at))
        start, kept, due, answer = Signal(len(nth)), Signal(width), Signal(), Signal(width)
        age = (nth - start)[: len(nth) + 1]  # of the element that comes
        both = kept | x if part.kind == "or" else kept & x
        under = self._of_elements([n % axis.dilation == 0 for n in range(axis.total)], age[: len(nth)])
        now = Mux(under, both, kept)
        here, begins = part.step & picked & (at == column), self._of_elements(firsts, nth)
        picks = part.step & ~picked & begins & self.pick
        with m.If(due & part.o.valid & part.o.ready):
            m.d.sync += due.eq(0)
        if axis.reach:
            with m.If(picks):
                m.d.sync += [picked.eq(1), column.eq(at), start.eq(nth), kept.eq(x)]
            with m.If(here):
                m.d.sync += kept.eq(now)
                with m.If(age == axis.reach):
                    m.d.sync += [picked.eq(0), due.eq(1), answer.eq(now)]
        else:
            with m.If(picks):
                m.d.sync += [due.eq(1), answer.eq(x)]
        whole = Signal()
        with m.If(part.step & self._ends):
            m.d.sync += whole.eq(1)
        with m.Elif(part.o.ready):
            m.d.sync += whole.eq(0)
        yield part.o.valid == whole
        yield part.full == whole
        yield ~due | (part.o.valid & (part.o.payload == answer))
        if axis.reach:
            yield from self._slots(m, start, kept)

    def _slots(self, m: Module, start: Value, kept: Value) -> Iterator[Value]:
        """The result so far of the picked window stands in its slot of its beat's word."""
        part, axis, width, at, nth, column = self.part, self.axis, self.part.width, self._at, self._nth, self._column
        picked = self._picked
        # The element that was the last one at the window's beat, seen from its first one.
        since = (nth - start - (at <= column))[: len(nth) + 1]
        yield ~picked | self._of_elements([axis.begins(n) and n + axis.reach < axis.total for n in self._all], start)
        yield ~picked | ((start < axis.total) & (column < axis.depth) & (since < axis.reach) & (start <= nth))
        word: Value
        if axis.depth == 1:
            word = part.line
        else:
            self._word = word = Signal(len(part.line))
            wrote = part.write.en & (part.write.addr == Mux(picked, column, at))
            with m.If(wrote):
                m.d.sync += word.eq(part.write.data)
            yield part.write.en == part.step
            yield ~part.step | (part.write.addr == at)
        for k in range(axis.slots):
            inside = (since >= k * axis.stride) & (since < (k + 1) * axis.stride)
            yield ~(picked & inside) | (word.word_select(k, width) == kept)

    @property
    def _all(self) -> range:
        return range(self.axis.total)

    def _memory(self, m: Module) -> Value:
        """What is said of the memory."""
        part = self.part
        if part.read is None:
            return Const(1)
        before, address = Signal(len(self._word)), Signal(len(part.at))
        m.d.sync += [before.eq(self._word), address.eq(part.read.addr)]
        return ~(self._picked & (address == self._column)) | (part.read.data == before)

    def _streams(self, m: Module) -> Iterator[Value]:
        part = self.part
        valid, answer = Signal(), Signal(part.width)
        m.d.sync += [valid.eq(part.o.valid & ~part.o.ready), answer.eq(part.o.payload)]
        yield ~valid | (part.o.valid & (answer == part.o.payload))
