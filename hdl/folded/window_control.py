"""What a window unit does in each cycle: `Control` for a layer that is applied at many positions of a map.

The buffer is the line buffer: a pass reads its taps by address, a position's passes one after the other. The first step
of a position waits until all that it needs has come, the last one gives back what no later position reads. How much
these are, and how far the window moves, are numbers of the position's row and column, by classes (`walk.py`).

Decisions are registers here, too: that enough has come, and that there is room, are the signs of the counters
themselves. The buffer has a power of two of places, so that addresses wrap by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from threshc.hdl.folded.walk import Integers, Walk


class WindowControl(wiring.Component):
    """The schedule of a layer of `groups` passes at every position of a walk, each over all taps of a block of chunks.

    Ports are those of `threshc.hdl.folded.control.Control`, and start: the address of the word with the begins of sums,
    of the position's pattern; pad: the tap that is read is padding.

    What it counts, for proofs: chunk: of the pass; part, column, row: of the tap, and the tap; group; nth: pass of its
    block; first: where the pass's first chunk stands or would; lead: how many chunks have come beyond those that the
    position needs; room: chunks that may come, less 1; credit; classes, more: of the rows of positions and of the
    columns, which class it is and how many more are in it. mid: a step of the position was taken; last, end, may: as
    in `Control`.
    """

    def __init__(self, walk: Walk, groups: int, places: int, queue: int) -> None:
        assert places & (places - 1) == 0
        assert places >= walk.span
        assert groups % walk.blocks == walk.chunks % walk.blocks == 0
        self.walk, self.groups, self.places, self.queue = walk, groups, places, queue
        self.chunks = chunks = walk.taps * walk.each
        patterns = 1 if walk.patterns is None else int(walk.patterns.max()) + 1
        begin = 0 if walk.patterns is None else int(walk.patterns[0, 0]) * chunks * groups
        place = int(walk.first[0, 0]) % places
        super().__init__(
            {
                "offered": In(1),
                "accept": Out(1),
                "write": Out(range(places)),
                "read": Out(range(places), init=place),
                "address": Out(range(chunks * groups)),
                "start": Out(range(patterns * chunks * groups), init=begin),
                "pad": Out(1),
                "step": Out(1),
                "done": Out(1),
                "taken": In(1),
            }
        )
        (kh, kw), rows = walk.kernel, walk.classes
        self.chunk = Signal(range(chunks), name="chunk")
        self.part, self.column = Signal(range(walk.each), name="part"), Signal(range(kw), name="column")
        self.row, self.group = Signal(range(kh), name="row"), Signal(range(groups), name="group")
        self.nth = Signal(range(groups // walk.blocks), name="nth")
        self.first = Signal(range(places), init=place, name="first")
        lowest = max(int(walk.needs.max()), int(walk.need[0, 0]))
        ahead = max(int((walk.keep - walk.need).max()), 0)
        bits = max(lowest - 1, places + ahead).bit_length() + 1
        self.lead = Signal(signed(bits), init=-int(walk.need[0, 0]), name="lead")
        early = int((walk.keep + walk.frees - walk.need).max())  # what no position reads is given back before it comes
        most = places - 1 + max(early, 0)
        self.room = Signal(signed(most.bit_length() + 1), init=places - 1, name="room")
        self.credit = Signal(range(queue + 1), init=queue, name="credit")
        self.classes = [Signal(range(len(r)), name=f"{name}_class") for r, name in zip(rows, _BOTH, strict=True)]
        self.more = [
            Signal(range(max(r)), init=r[0] - 1, name=f"{name}_more") for r, name in zip(rows, _BOTH, strict=True)
        ]
        self.mid, self.may = Signal(name="mid"), Signal(init=1, name="may")
        self.last, self.end = Signal(init=chunks == 1, name="last"), Signal(init=groups == 1, name="end")

    def elaborate(self, platform: object) -> Module:
        m, walk, groups = Module(), self.walk, self.groups
        put, whole = Signal(), Signal()
        last, end, mid, may = self.last, self.end, self.mid, self.may
        m.d.comb += [
            self.accept.eq(~self.room[-1]),
            put.eq(self.offered & self.accept),
            self.step.eq((mid | ~self.lead[-1]) & (~last | may)),
            self.done.eq(self.step & last),
            whole.eq(self.done & end),
        ]
        with m.If(put):
            m.d.sync += self.write.eq(self.write + 1)
        self._taps(m)
        with m.If(self.step):
            m.d.sync += mid.eq(~whole)
        with m.If(self.done):
            m.d.sync += end.eq((~end & (self.group == groups - 2)) | (groups == 1))
        with m.If(whole):
            m.d.sync += [self.address.eq(0), self.group.eq(0)]
            m.d.sync += self.start.eq(self._of_class(walk.kinds * (self.chunks * groups)))
        with m.Elif(self.step):
            m.d.sync += [self.address.eq(self.address + 1), self.start.eq(self.start + 1)]
            with m.If(last):
                m.d.sync += self.group.eq(self.group + 1)
        with m.If(whole):
            self._positions(m)
        m.d.sync += [
            self.lead.eq(self.lead + put - Mux(whole, self._of_class(walk.needs), 0)),
            self.room.eq(self.room - put + Mux(whole, self._of_class(walk.frees), 0)),
            may.eq(self.taken | Mux(self.done, self.credit > 1, may)),
        ]
        with m.If(self.taken ^ self.done):
            m.d.sync += self.credit.eq(self.credit + Mux(self.done, -1, 1))
        return m

    def _taps(self, m: Module) -> None:
        """Goes over the taps of a pass, and from its end to where the next one begins."""
        walk, places, (kh, kw) = self.walk, self.places, self.walk.kernel
        ends_part, ends_row = Signal(), Signal()
        m.d.comb += [
            ends_part.eq(self.part == walk.each - 1),
            ends_row.eq(ends_part & (self.column == kw - 1)),
            self.pad.eq(
                self._tap(walk.row_pads, 0, self.row, kh) | self._tap(walk.column_pads, 1, self.column, kw),
            ),
        ]
        to_tap = walk.dilation[1] * walk.chunks - (walk.each - 1)
        to_row = (walk.dilation[0] * walk.width - walk.dilation[1] * (kw - 1)) * walk.chunks - (walk.each - 1)
        turns = self.nth == self.groups // walk.blocks - 1 if walk.blocks > 1 else 0
        within = Mux(ends_row, to_row % places, Mux(ends_part, to_tap % places, 1))
        beyond = Mux(self.end, self._of_class(walk.moves % places), Mux(turns, walk.each % places, 0))
        following = Signal(range(places))
        m.d.comb += following.eq(Mux(self.last, self.first + beyond, self.read + within))
        with m.If(self.step):
            m.d.sync += [
                self.read.eq(following),
                self.chunk.eq(Mux(self.last, 0, self.chunk + 1)),
                self.last.eq((self.chunk == self.chunks - 2) | (self.chunks == 1)),
                self.part.eq(Mux(ends_part, 0, self.part + 1)),
            ]
            with m.If(ends_part):
                m.d.sync += self.column.eq(Mux(ends_row, 0, self.column + 1))
            with m.If(ends_row):
                m.d.sync += self.row.eq(Mux(self.last, 0, self.row + 1))
        with m.If(self.done):
            m.d.sync += [self.first.eq(following), self.nth.eq(Mux(self.end | turns, 0, self.nth + 1))]

    def _tap(self, pads: NDArray[np.bool_], which: int, at: Signal, count: int) -> Value:
        """Whether the row or column of taps is padding, for the position's class."""
        lengths = self.walk.classes[which]
        begins = [sum(lengths[:k]) for k in range(len(lengths))]
        rows = [[int(v) for v in pads[b]] for b in begins]
        return _chosen([_chosen(row, at) for row in rows], self.classes[which])

    def _of_class(self, numbers: Integers) -> Value:
        """A number of positions, for the position's classes."""
        rows = self.walk.of_classes(numbers)
        return _chosen([_chosen(row, self.classes[1]) for row in rows], self.classes[0])

    def _positions(self, m: Module) -> None:
        """Goes to the next position."""
        (rows, columns), (row, column) = self.walk.classes, self.classes
        (row_more, column_more) = self.more
        wraps = (column_more == 0) & (column == len(columns) - 1)
        self._next(m, column, column_more, columns)
        with m.If(wraps):
            self._next(m, row, row_more, rows)

    def _next(self, m: Module, at: Signal, more: Signal, lengths: Sequence[int]) -> None:
        with m.If(more == 0):
            m.d.sync += [
                at.eq(Mux(at == len(lengths) - 1, 0, at + 1)),
                more.eq(_chosen([n - 1 for n in (*lengths[1:], lengths[0])], at)),
            ]
        with m.Else():
            m.d.sync += more.eq(more - 1)


_BOTH = ("row", "column")


def _chosen(values: Sequence[object], at: Signal) -> Value:
    """One of several constants or values, which are never negative; itself where all are the same."""
    first = values[0]
    if len(values) == 1 or all(isinstance(v, int) and v == first for v in values):
        return Value.cast(first)
    return Array(values)[at]
