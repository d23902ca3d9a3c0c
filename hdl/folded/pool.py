"""Pooling of a stream, an axis at a time: the or / and of beats under a window that slides over a row of elements."""

from __future__ import annotations

from typing import Any, Literal

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from threshc.hdl.folded.axis import Axis

Kind = Literal["or", "and"]


class Pool(wiring.Component):
    """Beats of `width` bits to the or / and of those under a window along an axis, in the cycles that
    `threshc.hdl.folded.pool_schedule.PoolStage` says.

    A step takes a beat, or is one of padding, whose bits are all `fill`. A line holds, of every beat of an element, the
    results so far of the windows that are open, the newest lowest: as few as there can be, and one line of them however
    high the window is. A step that ends a window waits while the result before it has not left; the others do not.

    For proofs, once it is elaborated: at: beat of the element; nth: element of the row, with padding; phase: elements
    since the newest window began; left: elements until one ends; step, x: what is taken; full: a result waits; line:
    the results so far; write, read: ports of their memory, None where elements are one beat each.
    """

    def __init__(self, width: int, axis: Axis, kind: Kind, fill: int = 0) -> None:
        self.width, self.axis, self.kind, self.fill = width, axis, kind, fill
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})
        # One bit at least: Yosys does not know what comparing no bits says.
        self.at, self.nth = Signal(range(max(axis.depth, 2)), name="at"), Signal(range(max(axis.total, 2)), name="nth")
        self.phase = Signal(range(max(axis.stride, 2)), name="phase")
        self.left = Signal(range(max(axis.reach + 1, axis.stride, 2)), init=axis.reach, name="left")
        self.step, self.full = Signal(name="step"), Signal(name="full")
        self.x, self.line = Signal(width, name="x"), Signal(width * axis.slots, name="line")
        self.write: Any = None
        self.read: Any = None

    def elaborate(self, platform: object) -> Module:
        m, axis, width = Module(), self.axis, self.width
        is_real, ends, word = Signal(init=1), Signal(), Signal(width, reset_less=True)
        free = Signal()
        if axis.is_padded:
            m.d.comb += is_real.eq((self.nth >= axis.before) & (self.nth < axis.before + axis.count))
        else:
            m.d.comb += is_real.eq(1)
        m.d.comb += [
            ends.eq(self.left == 0),
            free.eq(~ends | ~self.full | self.o.ready),
            self.i.ready.eq(is_real & free),
            self.step.eq((self.i.valid | ~is_real) & free),
            self.x.eq(Mux(is_real, self.i.payload, Const(((1 << width) - 1) * self.fill, width))),
            self.o.valid.eq(self.full),
            self.o.payload.eq(word),
        ]
        self._count(m, ends)
        now = [self.line[k * width : (k + 1) * width] for k in range(axis.slots)]
        both = [self._takes(k, self._both(slot), slot) for k, slot in enumerate(now)]
        begun = [self.x, *both]
        self._line(m, Cat(*(Mux(self.phase == 0, new, old) for new, old in zip(begun, both, strict=False))))
        with m.If(self.step & ends):
            m.d.sync += [self.full.eq(1), word.eq(both[-1] if both else self.x)]
        with m.Elif(self.o.ready):
            m.d.sync += self.full.eq(0)
        return m

    def _both(self, slot: Value) -> Value:
        return slot | self.x if self.kind == "or" else slot & self.x

    def _takes(self, k: int, new: Value, old: Value) -> Value:
        """What becomes of a slot: a window with gaps does not take every element."""
        axis = self.axis
        if axis.dilation == 1:
            return new
        since = [phase or axis.stride for phase in range(axis.stride)]  # elements since the newest window began
        takes = sum(1 << p for p, n in enumerate(since) if (n + k * axis.stride) % axis.dilation == 0)
        return Mux(Const(takes, 1 << len(self.phase)).bit_select(self.phase, 1), new, old)

    def _count(self, m: Module, ends: Value) -> None:
        """Goes to the next beat, and behind the last one of an element to the next element."""
        axis, at, last = self.axis, self.at, Signal()
        m.d.comb += last.eq(at == axis.depth - 1)
        self.following = following = Signal(len(at))
        m.d.comb += following.eq(Mux(self.step, Mux(last, 0, at + 1), at))
        m.d.sync += at.eq(following)
        with m.If(self.step & last):
            m.d.sync += [
                self.nth.eq(self.nth + 1),
                self.phase.eq(Mux(self.phase == axis.stride - 1, 0, self.phase + 1)),
                self.left.eq(Mux(ends, axis.stride - 1, self.left - 1)),
            ]
            with m.If(self.nth == axis.total - 1):
                m.d.sync += [self.nth.eq(0), self.phase.eq(0), self.left.eq(axis.reach)]

    def _line(self, m: Module, following: Value) -> None:
        """The results so far: read a cycle ahead, of the beat that comes next."""
        if not self.axis.slots:
            return
        if self.axis.depth == 1:
            with m.If(self.step):
                m.d.sync += self.line.eq(following)
            return
        m.submodules.results = memory = Memory(shape=len(self.line), depth=self.axis.depth, init=[])
        self.write, self.read = memory.write_port(), memory.read_port()
        m.d.comb += [
            self.write.addr.eq(self.at),
            self.write.data.eq(following),
            self.write.en.eq(self.step),
            self.read.addr.eq(self.following),
            self.line.eq(self.read.data),
        ]
