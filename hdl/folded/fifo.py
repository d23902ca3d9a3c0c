"""A queue of beats in a memory: what waits beside a longer way that the rest of the sample goes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Fifo(wiring.Component):
    """Holds up to `places` beats of `width` bits. A beat may leave from the second cycle behind the one in which it
    came on; a place that is freed takes a beat from the next cycle on (`threshc.hdl.folded.branch_schedule.FifoStage`).

    For proofs, once it is elaborated: free: places without a beat; some: beats that may leave; fresh: one came in the
    cycle before; head, tail: where the next one that leaves stands, and where the next one that comes will.
    """

    def __init__(self, width: int, places: int) -> None:
        assert places > 1
        self.width, self.places = width, places
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})
        self.free = Signal(range(places + 1), init=places, name="free")
        self.some, self.fresh = Signal(range(places + 1), name="some"), Signal(name="fresh")
        self.head, self.tail = Signal(range(places), name="head"), Signal(range(places), name="tail")
        self.write: Any = None
        self.read: Any = None

    def elaborate(self, platform: object) -> Module:
        m, put, taken = Module(), Signal(), Signal()
        m.submodules.beats = memory = Memory(shape=self.width, depth=self.places, init=[])
        self.write, self.read = memory.write_port(), memory.read_port()
        following = Signal(range(self.places))
        m.d.comb += [
            self.i.ready.eq(self.free != 0),
            self.o.valid.eq(self.some != 0),
            self.o.payload.eq(self.read.data),
            put.eq(self.i.valid & self.i.ready),
            taken.eq(self.o.valid & self.o.ready),
            following.eq(Mux(taken, self._behind(self.head), self.head)),
            self.write.addr.eq(self.tail),
            self.write.data.eq(self.i.payload),
            self.write.en.eq(put),
            self.read.addr.eq(following),
        ]
        m.d.sync += [
            self.head.eq(following),
            self.tail.eq(Mux(put, self._behind(self.tail), self.tail)),
            self.fresh.eq(put),
            self.free.eq(self.free - put + taken),
            self.some.eq(self.some + self.fresh - taken),
        ]
        return m

    def _behind(self, place: Signal) -> Value:
        return Mux(place == self.places - 1, 0, place + 1)
