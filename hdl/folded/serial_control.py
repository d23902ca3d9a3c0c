"""The schedule of a folded layer that adds up its inputs' bits plane by plane: all chunks are read once for each."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal

from threshc.hdl.folded.control import Control, wrapped


class SerialControl(Control):
    """A `Control` that goes over a group's chunks `planes` times, two or more, with the same weights each time.

    A chunk is new in the first of all these rounds and given back in the last one; a pass, which ends with an answer,
    is `planes` rounds. plane: of the step, 0 the highest; turn: a round ends here, in cycles of a step. The decisions
    beside those of `Control`: it is the lowest plane (lowest), and its last chunk (final); last: the last chunk of a
    round; again: not the first round of a sample; end: its last one.
    """

    def __init__(self, chunks: int, groups: int, places: int, queue: int, planes: int) -> None:
        super().__init__(chunks, groups, places, queue, apart=True)
        self.planes = planes
        self.plane, self.turn = Signal(range(planes), name="plane"), Signal(name="turn")
        self.lowest, self.final = Signal(name="lowest"), Signal(name="final")
        self.end = Signal(name="end")

    def elaborate(self, platform: object) -> Module:
        m, chunks, groups, places, planes = Module(), self.chunks, self.groups, self.places, self.planes
        put, fresh, gone, whole, following = Signal(), Signal(), Signal(), Signal(), Signal(range(places))
        chunk, group, plane, first = self.chunk, self.group, self.plane, self.first
        last, again, end, some, may = self.last, self.again, self.end, self.some, self.may
        m.d.comb += [
            put.eq(self.offered & self.accept),
            self.step.eq((again | some) & (~self.final | may)),
            self.done.eq(self.step & self.final),
            self.turn.eq(self.step & last),
            whole.eq(self.done & end),
            fresh.eq(self.step & ~again),
            gone.eq(self.step & end),
            following.eq(wrapped(self.read, places)),
        ]
        with m.If(put):
            m.d.sync += self.write.eq(wrapped(self.write, places))
        with m.If(self.turn):
            m.d.sync += chunk.eq(0)
        with m.Elif(self.step):
            m.d.sync += chunk.eq(chunk + 1)
        before = plane == planes - 2  # the next round is of the lowest plane
        with m.If(self.done):
            m.d.sync += [plane.eq(0), self.lowest.eq(0), end.eq(0)]
        with m.Elif(self.turn):
            m.d.sync += [plane.eq(plane + 1), self.lowest.eq(before), end.eq(before & (group == groups - 1))]
        with m.If(whole):
            m.d.sync += [self.address.eq(0), group.eq(0), first.eq(following)]
        with m.Elif(self.step):  # the weights of a group are read again for its next plane
            m.d.sync += self.address.eq(self.address + Mux(last & ~self.lowest, 1 - chunks, 1))
            with m.If(self.done):
                m.d.sync += group.eq(group + 1)
        with m.If(self.step):
            m.d.sync += [
                last.eq((chunk == chunks - 2) | (chunks == 1)),
                self.final.eq(before if chunks == 1 else (chunk == chunks - 2) & self.lowest),
                self.read.eq(Mux(last & ~end, first, following)),
            ]
        with m.If(self.turn):
            m.d.sync += again.eq(~end)
        self._counted(m, put, fresh, gone)
        return m
