"""What is demanded of a window that is a shift register, as one bit beside its own circuit: `ok` is 1 in every cycle.

* steps: the element that comes next is that of the steps that were taken, sample after sample; a pixel crosses in just
  those that shift one in, and it is the next one of the map;
* windows: they leave in order, none left out, none twice, each complete with its own step; which of its taps are
  padding is as for its row and column;
* taps: any one element that is picked freely when it is shifted in stands in each tap that it belongs under, and in no
  other one outside the padding, with its own number and bits;
* the stream's rule: valid stays until the window has left, which does not change; nothing is offered else;
* progress: a step is taken wherever a pixel is offered, or filling due, and no window waits that is not taken.

The memory between rows is free but for what is said of a memory: what is read of an address is what was written there
last in an earlier cycle. As that is only said of the picked element, one word stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amaranth.hdl import Array, Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from threshc.hdl.folded.shift_window import ShiftWindow


class ShiftProperties(Component):
    """A window's circuit and the bit `ok`. The environment may do anything, reset included."""

    boxes: tuple[str, ...] = ()

    def __init__(self, part: ShiftWindow) -> None:
        self.part, self.scan = part, part.scan
        super().__init__({"offered": In(1), "given": In(part.width), "taken": In(1), "pick": In(1), "ok": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m, part = Module(), self.part
        m.submodules.part = Fragment.get(part, platform)  # now: what is looked at is made by it
        m.d.comb += [part.i.valid.eq(self.offered), part.i.payload.eq(self.given), part.o.ready.eq(self.taken)]
        self._put = part.i.valid & part.i.ready
        self._step = Signal(range(max(self.scan.steps, 2)))
        self._y, self._x = (Signal(range(max(n, 2))) for n in self.scan.shape)
        demands = [*self._steps(m), *self._windows(m), *self._picked(m), *self._streams(m)]
        holds, broken = self._memory(m), Signal()
        m.d.sync += broken.eq(broken | ~holds)
        m.d.comb += self.ok.eq(broken | ~holds | Cat(*demands).all())
        return m

    def _steps(self, m: Module) -> Iterator[Value]:
        """The element that comes next, by its number, and the pixel of the map that comes next."""
        part, scan, step = self.part, self.scan, self._step
        row, column = Signal(range(max(scan.height, 2))), Signal(range(max(scan.width, 2)))
        with m.If(part.step):
            m.d.sync += step.eq(Mux(step == scan.steps - 1, 0, step + 1))
        with m.If(self._put):
            m.d.sync += column.eq(Mux(column == scan.width - 1, 0, column + 1))
            with m.If(column == scan.width - 1):
                m.d.sync += row.eq(Mux(row == scan.height - 1, 0, row + 1))
        yield (step < scan.steps) & (part.column < scan.line) & (part.row * scan.line + part.column == step)
        yield (row < scan.height) & (column < scan.width)
        begun, map_row = part.row >= scan.before, (part.row - scan.before)[: len(part.row)]
        here = begun & (map_row < scan.height) & (part.column < scan.width)
        yield part.real == here
        yield ~here | ((row == map_row) & (column == part.column))
        later = begun & ((map_row >= scan.height) | ((map_row == scan.height - 1) & (part.column >= scan.width)))
        yield begun | ((row == 0) & (column == 0))
        yield ~later | ((row == 0) & (column == 0))
        yield here | ~begun | later | ((row == map_row + 1) & (column == 0))
        yield self._put == (part.step & part.real)
        waits = part.o.valid & ~part.o.ready
        yield part.step == (~waits & (part.i.valid | (begun & ~here)))
        yield ~part.i.ready | here

    def _windows(self, m: Module) -> Iterator[Value]:
        """The windows that have left, counted; and the next one, which its step completes."""
        part, scan, step, y, x = self.part, self.scan, self._step, self._y, self._x
        (rows, columns), leaves = scan.shape, part.o.valid & part.o.ready
        after_x = Mux(x == columns - 1, 0, x + 1)
        after_y = Mux(x == columns - 1, Mux(y == rows - 1, 0, y + 1), y)
        with m.If(leaves):
            m.d.sync += [x.eq(after_x), y.eq(after_y)]
        whole = Signal()
        with m.If(part.step & (step == self._step_of(part.y, part.x))):
            m.d.sync += whole.eq(1)
        with m.Elif(part.o.ready):
            m.d.sync += whole.eq(0)
        yield (x < columns) & (y < rows) & (part.x < columns) & (part.y < rows)
        yield (part.full == whole) & (part.o.valid == whole)
        yield part.x == Mux(whole, after_x, x)
        yield part.y == Mux(whole, after_y, y)
        target = self._step_of(part.y, part.x)
        passed = (part.x == 0) & (part.y == 0) & (step > target)
        yield passed | (step <= target)
        yield part.left + step == target + Mux(passed, scan.steps, 0)
        yield part.due == (part.left == 0)
        self._of_window = of_window = self._step_of(y, x)
        yield ~whole | (step == Mux(of_window == scan.steps - 1, 0, of_window + 1))

    def _step_of(self, y: Value, x: Value) -> Value:
        scan = self.scan
        return scan.first + y * (scan.stride[0] * scan.line) + x * scan.stride[1]

    def _picked(self, m: Module) -> Iterator[Value]:
        """One element followed through the registers and the memory, and found under the windows."""
        part, scan, step = self.part, self.scan, self._step
        longest = scan.delay(0, 0)
        self._is_picked, self._age = picked, age = Signal(), Signal(range(longest + 2))
        row, column, number = Signal(len(part.row)), Signal(len(part.column)), Signal(len(step))
        real, ends, kept = Signal(), Signal(range(3)), Signal(part.width)
        last = step == scan.steps - 1
        with m.If(part.step & ~picked & self.pick):
            m.d.sync += [picked.eq(1), age.eq(0), row.eq(part.row), column.eq(part.column), number.eq(step)]
            m.d.sync += [real.eq(part.real), ends.eq(last), kept.eq(part.i.payload)]
        with m.Elif(part.step & picked):
            m.d.sync += [age.eq(age + 1), picked.eq(age != longest)]
            with m.If(last & (ends < 2)):
                m.d.sync += ends.eq(ends + 1)
        yield ~picked | ((age <= longest) & (ends <= 2) & (column < scan.line) & (number < scan.steps))
        yield ~picked | (row * scan.line + column == number)
        on_map = (row >= scan.before) & (row < scan.before + scan.height) & (column < scan.width)
        yield ~picked | (real == on_map)
        since = number + age + 1  # the step that comes, counted on from the sample of the picked one
        yield ~picked | (ends != 0) | (since == step)
        yield ~picked | (ends != 1) | (since == step + scan.steps)
        yield ~picked | (ends != 2) | (since >= step + 2 * scan.steps)
        yield from self._places(m, kept)
        for i in range(scan.kernel[0]):
            for j in range(scan.kernel[1]):
                yield from self._tap(i, j, row, column, real, kept)

    def _tap(self, i: int, j: int, row: Value, column: Value, real: Value, kept: Value) -> Iterator[Value]:
        part, scan, width = self.part, self.scan, self.part.width
        at = [
            [p * scan.stride[a] - scan.pads[a] + tap * scan.dilation[a] for p in range(scan.shape[a])]
            for a, tap in enumerate((i, j))
        ]
        down, beside = (
            _of([not 0 <= n < size for n in numbers], place)
            for numbers, size, place in ((at[0], scan.height, self._y), (at[1], scan.width, self._x))
        )
        for flags, tap, wanted in ((part.outside[0], i, down), (part.outside[1], j, beside)):
            yield ~part.full | (flags[tap] == wanted)
        is_pad, tap = down | beside, i * scan.kernel[1] + j
        taps = part.o.payload[: scan.taps * width]
        bits = taps[tap * width : (tap + 1) * width]
        yield ~(part.full & is_pad) | (bits == (((1 << width) - 1) * part.fill))
        if part.is_pad:
            yield ~part.full | (part.o.payload[scan.taps * width + tap] == is_pad)
        here = part.full & ~is_pad & self._is_picked & (self._age == scan.delay(i, j))
        want_row = _of([max(n + scan.before, 0) for n in at[0]], self._y)
        want_column = _of([max(n, 0) for n in at[1]], self._x)
        yield ~here | (real & (row == want_row) & (column == want_column) & (bits == kept))

    def _places(self, m: Module, kept: Value) -> Iterator[Value]:
        """The picked element stands in the place of its age."""
        part, scan, picked, age, seen = self.part, self.scan, self._is_picked, self._age, set[int]()
        for k, registers in enumerate(part.rows):
            for j, register in enumerate(registers):
                delay = k * scan.dilation[0] * scan.line + j
                yield ~(picked & (age == delay)) | (register == kept)
                seen.add(delay)
        if part.write is None:
            for delay, register in enumerate(part.every):
                yield ~(picked & (age == delay)) | (register == kept)
            return
        width, gap, line = part.width, scan.gap, scan.dilation[0] * scan.line
        self._word, self._place, self._inside = Signal(len(part.write.data)), Signal(len(part.at)), Const(0, 1)
        with m.If(part.write.en & (part.write.addr == self._place)):
            m.d.sync += self._word.eq(part.write.data)
        yield (part.at < gap) & (part.write.addr == part.at) & (part.write.en == part.step)
        following = Mux(part.step, Mux(part.at == gap - 1, 0, part.at + 1), part.at)
        yield part.read.addr == following
        for k in range(len(part.rows) - 1):
            begin = k * line + scan.across
            inside = picked & (age >= begin) & (age < begin + gap)
            self._inside |= inside
            with m.If(part.step & picked & (age == begin - 1)):
                m.d.sync += [self._word.eq(part.write.data), self._place.eq(part.write.addr)]
            since = self._place + 1 + (age - begin)[: len(age)]
            yield ~inside | (self._place < gap)
            yield ~inside | (since == part.at) | (since == part.at + gap)
            yield ~inside | (self._word.word_select(k, width) == kept)
            yield ~(inside & (age == begin + gap - 1)) | (part.read.data.word_select(k, width) == kept)

    def _memory(self, m: Module) -> Value:
        """What is said of the memory."""
        part = self.part
        if part.write is None:
            return Const(1)
        word, was = Signal(len(self._word)), Signal()
        m.d.sync += [word.eq(self._word), was.eq(self._inside & (part.read.addr == self._place))]
        return ~was | (part.read.data == word)

    def _streams(self, m: Module) -> Iterator[Value]:
        part = self.part
        valid, answer = Signal(), Signal(len(part.o.payload))
        m.d.sync += [valid.eq(part.o.valid & ~part.o.ready), answer.eq(part.o.payload)]
        yield ~valid | (part.o.valid & (answer == part.o.payload))


def _of(numbers: Sequence[int], place: Value) -> Value:
    """A number of every row or column of windows."""
    bits = max(int(max(numbers)).bit_length(), 1)
    if min(numbers) == max(numbers):
        return Const(int(numbers[0]), bits)
    return Array(Const(int(n), bits) for n in numbers)[place]
