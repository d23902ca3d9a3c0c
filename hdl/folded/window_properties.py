"""What is demanded of a convolution's schedule, as one bit beside its own circuit: `ok` is 1 in every cycle.

A monitor of its own goes from position to position, in rows, and says of each where its taps are by the window's
geometry alone. So `ok` says
* order: positions follow each other, none skipped or doubled, each with all its passes, and a pass goes over all taps
  and the chunks of its block; the address is pass * chunks + chunk, that of the threshold bits is the pattern's;
* places: chunk n of a sample stands at n behind the sample's first one, modulo the places; a step that is not of
  padding reads its tap's chunk, which has come and was not given back; nothing is written over those that were not;
* padding: a tap is taken for 0 where it is beyond the map, and nowhere else;
* decisions: each equals what the counters say, and these what the position says;
* progress: chunks that are missing and the way of an answer sink in every cycle in which what it waits for is offered.
The rest is as for other folded layers (`properties.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed

from threshc.hdl.folded.properties import Properties
from threshc.hdl.folded.walk import Integers
from threshc.hdl.folded.window_control import WindowControl


class WindowProperties(Properties):
    """A convolution's circuit and the bit `ok`."""

    @property
    def _control(self) -> WindowControl:
        found = self.part.control
        assert isinstance(found, WindowControl)
        return found

    def _monitor(self, m: Module) -> None:
        """The position, where its sample begins, and the block of the pass."""
        c, walk = self._control, self._control.walk
        rows, columns = walk.shape
        self._y, self._x = Signal(range(rows), name="at_row"), Signal(range(columns), name="at_column")
        self._origin = Signal(range(c.places), name="origin")
        self._block = Signal(range(walk.blocks), name="block")
        with m.If(c.done):
            ends_block = c.nth == c.groups // walk.blocks - 1
            m.d.sync += self._block.eq(Mux(c.end, 0, self._block + ends_block))
        with m.If(c.done & c.end):
            m.d.sync += self._x.eq(Mux(self._x == columns - 1, 0, self._x + 1))
            with m.If(self._x == columns - 1):
                m.d.sync += self._y.eq(Mux(self._y == rows - 1, 0, self._y + 1))
                with m.If(self._y == rows - 1):
                    m.d.sync += self._origin.eq(self._origin + walk.size % c.places)
        span = 4 * (walk.size + c.places) * (1 + max(walk.dilation))
        wide = signed(span.bit_length() + 2)

        def number(name: str, value: Value) -> Signal:
            found = Signal(wide, name=name)
            m.d.comb += found.eq(value)
            return found

        (top, left, _, _), (sh, sw), (dh, dw) = walk.pads, walk.stride, walk.dilation
        self._tap_y = number("tap_y", self._y * sh - top + c.row * dh)
        self._tap_x = number("tap_x", self._x * sw - left + c.column * dw)
        own = self._block * walk.each
        self._chunk = number("tap_chunk", (self._tap_y * walk.width + self._tap_x) * walk.chunks + own + c.part)
        begin = ((self._y * sh - top) * walk.width + self._x * sw - left) * walk.chunks + own
        self._begin = number("begins", begin)
        self._need = number("needed", self._of(walk.need))
        self._keep = number("given_back", self._of(walk.keep))
        self._came = number("came", c.lead + self._need)

    def _of(self, numbers: Integers) -> Value:
        """A number of the position: that of its row's first one, and by how much the others differ, alike in rows."""
        shapes, kinds = np.unique(numbers - numbers[:, :1], axis=0, return_inverse=True)
        more = [_chosen(shape.tolist(), self._x) for shape in shapes]
        which = _chosen(kinds.ravel().tolist(), self._y)
        return _chosen(numbers[:, 0].tolist(), self._y) + (Array(more)[which] if len(more) > 1 else more[0])

    def _window(self, m: Module) -> Iterator[Value]:
        self._monitor(m)
        c, walk = self._control, self._control.walk
        (rows, columns), (kh, kw), per = walk.shape, walk.kernel, c.groups // walk.blocks
        yield Const(walk is self.part.unit.layer.walk)
        yield (self._y < rows) & (self._x < columns) & (self._block < walk.blocks)
        yield (c.row < kh) & (c.column < kw) & (c.part < walk.each) & (c.group < c.groups) & (c.nth < per)
        yield c.group == self._block * per + c.nth
        yield c.chunk == (c.row * kw + c.column) * walk.each + c.part
        yield c.address == c.group * c.chunks + c.chunk
        if walk.patterns is not None:
            yield c.start == self._of(walk.patterns) * (c.chunks * c.groups) + c.address
        for lengths, at, more, place in zip(walk.classes, c.classes, c.more, (self._y, self._x), strict=True):
            ends = np.cumsum(lengths)
            yield at < len(lengths)
            yield place + more == _chosen([int(end) - 1 for end in ends], at)
            yield more < _chosen(list(lengths), at)
        places = (c.places - 1).bit_length()
        for found, wanted in ((c.first, self._begin), (c.read, self._chunk), (c.write, self._came)):
            yield Const(1) if not places else found == (self._origin + wanted)[:places]
        yield self._came - self._keep == c.places - 1 - c.room
        yield c.room >= -1
        y, x = self._tap_y, self._tap_x
        yield c.pad == ((y < 0) | (y >= walk.height) | (x < 0) | (x >= walk.width))
        yield ~(c.step & ~c.pad) | ((self._keep <= self._chunk) & (self._chunk < self._came))
        yield ~(self.part.i.valid & self.part.i.ready) | (self._came - self._keep < c.places)

    def _decisions(self) -> Iterator[Value]:
        c = self._control
        yield c.last == (c.chunk == c.chunks - 1)
        yield c.end == (c.group == c.groups - 1)
        yield c.mid == ((c.chunk != 0) | (c.group != 0))
        yield c.may == (c.credit != 0)
        yield c.accept == (c.room >= 0)
        yield ~c.mid | (c.lead >= 0)
        yield c.step == (self._came >= self._need) & ((c.chunk != c.chunks - 1) | (c.credit != 0))
        yield c.done == (c.step & (c.chunk == c.chunks - 1))

    def _lengths(self) -> dict[str, int]:
        lengths = super()._lengths()
        more = {"start": lengths["address"], "pad": 1}
        return lengths | {name: count for name, count in more.items() if name in self.part.pipes}

    def _inputs(self, m: Module) -> Iterator[Value]:
        """Inputs are what was read, 0 for padding."""
        part = self.part
        before = Signal(len(part.x[1]), reset_less=True)
        pad = part.pipes["pad"][-1] if "pad" in part.pipes else Const(0, 1)
        m.d.sync += before.eq(Mux(pad, 0, part.x[1]))
        yield part.x[0] == before
        yield Const("pad" in part.pipes or not self._control.walk.pads_of.any())
        yield Const("start" in part.pipes or not part.unit.has_starts)

    def _progress(self, m: Module) -> Iterator[Value]:
        part, c = self.part, self._control
        credit, most = self._way(), len(self._under_way()) + 1
        for_chunk, for_credit = ~c.mid & (c.lead < 0), c.last & ~c.may
        bits = len(c.lead) + most.bit_length() + 1
        rank, before, waiting = Signal(bits), Signal(bits), Signal()
        missing = Signal(bits)
        m.d.comb += missing.eq(Mux(for_chunk, -c.lead, 0))
        m.d.comb += rank.eq(missing + Mux(for_credit, credit, 0))
        helped = (~for_chunk | part.i.valid) & (~(for_credit & (part.filled != 0)) | part.o.ready)
        m.d.sync += [before.eq(rank), waiting.eq(~c.step & helped)]
        yield c.step == (rank == 0)
        yield ~for_chunk | part.i.ready  # what it waits for, it takes
        yield ~waiting | (rank < before)


def _chosen(values: Sequence[int], at: Value) -> Value:
    """One of several numbers, which may be negative."""
    if len(set(values)) == 1:
        return Const(values[0])
    return Array([Const(v) for v in values])[at]
