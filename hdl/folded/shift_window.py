"""The window of a convolution as a shift register: a pixel in each cycle, the whole window of a position in a beat."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from threshc.hdl.folded.scan import Scan


class ShiftWindow(wiring.Component):
    """Pixels of `width` bits, row after row, to the taps of each position, tap after tap, in the cycles that
    `threshc.hdl.folded.shift_schedule.ShiftWindowStage` says.

    Taps in the padding read `fill` in every bit; with `is_pad`, a bit for each tap behind them says which those are.
    A step shifts by one element; none is taken while a window that is complete has not left, and none of a sample
    before its first pixel is there. Rows of taps are registers, what lies between them is a memory that all rows share.

    For proofs, once it is elaborated: column, row: of the element that is shifted in next; x, y: of the window that is
    complete next; left: steps until it is; real: a pixel is shifted in next; due: `left` is 0; full: a window waits;
    rows: registers of each row of taps, the newest first; at: place of the memory; write, read: its ports, None without
    one.
    """

    def __init__(self, width: int, scan: Scan, fill: int = 0, is_pad: bool = False) -> None:
        self.width, self.scan, self.fill, self.is_pad = width, scan, fill, is_pad
        out = scan.taps * (width + is_pad)
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(out))})
        (rows, columns), longest = scan.shape, max(scan.first, scan.jump, scan.stride[1], scan.ahead)
        # Two values at least: Yosys does not know what comparing no bits says.
        self.column = Signal(range(max(scan.line, 2)), name="column")
        self.row = Signal(range(max(-(-scan.steps // scan.line), 2)), name="row")
        self.x, self.y = Signal(range(max(columns, 2)), name="x"), Signal(range(max(rows, 2)), name="y")
        self.left = Signal(range(longest + 1), init=scan.first, name="left")
        self.due = Signal(init=scan.first == 0, name="due")
        self.real = Signal(init=scan.is_real(0), name="real")
        self.step, self.full = Signal(name="step"), Signal(name="full")
        self.rows: list[list[Signal]] = []
        self.every: list[Signal] = []
        self.outside: list[list[Value]] = []
        self.at: Any = None
        self.write: Any = None
        self.read: Any = None

    def elaborate(self, platform: object) -> Module:
        m, free = Module(), Signal()
        own = ~self.real & (self.row >= self.scan.before)  # filling behind the map's first pixel waits for nothing
        m.d.comb += [
            free.eq(~self.full | self.o.ready),
            self.i.ready.eq(self.real & free),
            self.step.eq((self.i.valid | own) & free),
            self.o.valid.eq(self.full),
        ]
        with m.If(self.step & self.due):
            m.d.sync += self.full.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.full.eq(0)
        self._elements(m)
        self._windows(m)
        self._shift(m)
        m.d.comb += self.o.payload.eq(self._taps(m))
        return m

    def _elements(self, m: Module) -> None:
        """Goes to the next element of the sample."""
        scan, column, row = self.scan, Signal.like(self.column), Signal.like(self.row)
        last_row, last_column = divmod(scan.steps - 1, scan.line)
        ends, wraps = Signal(), Signal()
        m.d.comb += [
            ends.eq((self.row == last_row) & (self.column == last_column)),
            wraps.eq(self.column == scan.line - 1),
            column.eq(Mux(ends | wraps, 0, self.column + 1)),
            row.eq(Mux(ends, 0, self.row + wraps)),
        ]
        real: Value = row < scan.before + scan.height
        if scan.before:
            real &= row >= scan.before
        if scan.line > scan.width:
            real &= column < scan.width
        with m.If(self.step):
            m.d.sync += [self.column.eq(column), self.row.eq(row), self.real.eq(real)]

    def _windows(self, m: Module) -> None:
        """Counts down to the next window, whose place is `x`, `y`."""
        scan, left = self.scan, Signal.like(self.left)
        ends, below = self.x == scan.shape[1] - 1, self.y == scan.shape[0] - 1
        following = Mux(ends, Mux(below, scan.ahead, scan.jump - 1), scan.stride[1] - 1)
        m.d.comb += left.eq(Mux(self.due, following, self.left - 1))
        with m.If(self.step):
            m.d.sync += [self.left.eq(left), self.due.eq(left == 0)]
        with m.If(self.step & self.due):
            m.d.sync += self.x.eq(Mux(ends, 0, self.x + 1))
            with m.If(ends):
                m.d.sync += self.y.eq(Mux(below, 0, self.y + 1))

    def _shift(self, m: Module) -> None:
        """The registers, and the memory between their rows."""
        scan, width = self.scan, self.width
        count = scan.kernel[0]
        if count > 1 and scan.gap >= 2:
            self.rows = [self._registers(f"row{k}", scan.across) for k in range(count)]
            m.submodules.lines = memory = Memory(shape=width * (count - 1), depth=scan.gap, init=[])
            self.write, self.read = memory.write_port(), memory.read_port()
            self.at, following = Signal(range(scan.gap), name="at"), Signal(range(scan.gap))
            m.d.comb += [
                following.eq(Mux(self.step, Mux(self.at == scan.gap - 1, 0, self.at + 1), self.at)),
                self.write.addr.eq(self.at),
                self.write.data.eq(Cat(*(row[-1] for row in self.rows[:-1]))),
                self.write.en.eq(self.step),
                self.read.addr.eq(following),  # a step ahead of what it is for
            ]
            m.d.sync += self.at.eq(following)
            into = [self.i.payload, *(self.read.data.word_select(k, width) for k in range(count - 1))]
        else:
            self.every = every = self._registers("element", scan.delay(0, 0) + 1)
            starts = [k * scan.dilation[0] * scan.line for k in range(count)]
            self.rows = [every[start : start + scan.across] for start in starts]
            with m.If(self.step):
                m.d.sync += [new.eq(old) for new, old in zip(every, [self.i.payload, *every], strict=False)]
            return
        with m.If(self.step):
            for row, new in zip(self.rows, into, strict=True):
                m.d.sync += [place.eq(old) for place, old in zip(row, [new, *row], strict=False)]

    def _registers(self, name: str, count: int) -> list[Signal]:
        return [Signal(self.width, reset_less=True, name=f"{name}_{k}") for k in range(count)]

    def _taps(self, m: Module) -> Value:
        """The window, with what is in the padding."""
        scan, taps, pads = self.scan, list[Value](), list[Value]()
        self.outside = [self._outside(m, axis, place) for axis, place in enumerate((self.y, self.x))]
        for i, above in enumerate(self.outside[0]):
            for j, beside in enumerate(self.outside[1]):
                pixel = self.rows[scan.kernel[0] - 1 - i][(scan.kernel[1] - 1 - j) * scan.dilation[1]]
                is_pad: Value = above | beside
                pads.append(is_pad)
                mask = is_pad.replicate(self.width)
                taps.append(pixel | mask if self.fill else pixel & ~mask)
        return Cat(*taps, *(pads if self.is_pad else []))

    def _outside(self, m: Module, axis: int, place: Signal) -> list[Value]:
        """Whether each row or column of taps is in the padding, of the window that is complete; constant 0 for those
        that never are."""
        found: list[Value] = []
        for tap in range(self.scan.kernel[axis]):
            low, high = self.scan.outside(axis, tap)
            if (low, high) == (0, self.scan.shape[axis]):
                found.append(Const(0, 1))
                continue
            flag = Signal(name=f"{'yx'[axis]}{tap}_outside")
            with m.If(self.step & self.due):
                m.d.sync += flag.eq((place < low) | (place >= high))
            found.append(flag)
        return found
