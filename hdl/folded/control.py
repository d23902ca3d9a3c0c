"""What a folded layer does in each cycle: which chunk it reads, which weights, when a sum ends. It knows no data.

Nothing behind it stalls: a step is taken where its chunk is there and, on the last one of a pass, where the queue of
answers has a place left (a credit). Every decision is a register that is kept equal to what counters say, so that
`step` is one table of four bits; with comparators instead they were the slowest path of small devices.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Control(wiring.Component):
    """The schedule of a layer of `chunks` beats in and `groups` beats out.

    * offered, accept: the stream in; a chunk is written to `write` in a cycle in which both are 1
    * step: a chunk is read, from `read`, with the weight word at `address`; done: it is the last one of its pass
    * taken: an answer left the queue, which has `queue` places
    * places: chunks that the buffer holds, `chunks` or more; 2 * chunks never make a steady source wait
    * apart: chunk and group have counters of their own; else they are bits of the address where that counts them

    What it counts, for proofs: chunk and group of the step; first: where the sample's first chunk stands; new: chunks
    not read yet; free: places without a chunk; credit: places of the queue that no pass has taken. The decisions, which
    are registers: it is the last chunk (last), not the first group (again), the last one (end); a chunk is unread
    (some), a credit left (may).
    """

    def __init__(self, chunks: int, groups: int, places: int, queue: int, apart: bool = False) -> None:
        self.chunks, self.groups, self.places, self.queue = chunks, groups, places, queue
        super().__init__(
            {
                "offered": In(1),
                "accept": Out(1, init=1),
                "write": Out(range(places)),
                "read": Out(range(places)),
                "address": Out(range(chunks * groups)),
                "step": Out(1),
                "done": Out(1),
                "taken": In(1),
            }
        )
        self.new = Signal(range(places + 1), name="new")
        self.chunk: Value = Signal(range(chunks), name="chunk")
        self.group: Value = Signal(range(groups), name="group")
        self.first: Value = Signal(range(places), name="first")
        digits = (chunks - 1).bit_length()
        self._apart = apart or chunks != 1 << digits
        if not self._apart:
            self.chunk, self.group = self.address[:digits], self.address[digits:]
        self._odd: Value | None = None
        if not self._apart and places == 2 * chunks:  # samples begin in one half of the buffer or the other
            self._odd = Signal(name="odd")
            self.first = Cat(Const(0, digits), self._odd)
        self.free = Signal(range(places + 1), init=places, name="free")
        self.credit = Signal(range(queue + 1), init=queue, name="credit")
        self.last, self.end = Signal(init=chunks == 1, name="last"), Signal(init=groups == 1, name="end")
        self.again, self.some, self.may = Signal(name="again"), Signal(name="some"), Signal(init=1, name="may")

    def elaborate(self, platform: object) -> Module:
        m, chunks, groups, places = Module(), self.chunks, self.groups, self.places
        put = Signal()
        m.d.comb += put.eq(self.offered & self.accept)
        chunk, group, first = self.chunk, self.group, self.first
        last, again, end, some, may = self.last, self.again, self.end, self.some, self.may
        fresh, gone, whole, following = Signal(), Signal(), Signal(), Signal(range(places))
        m.d.comb += [
            self.step.eq((again | some) & (~last | may)),
            self.done.eq(self.step & last),
            whole.eq(self.done & end),
            fresh.eq(self.step & ~again),
            gone.eq(self.step & end),
            following.eq(wrapped(self.read, places)),
        ]
        with m.If(put):
            m.d.sync += self.write.eq(wrapped(self.write, places))
        # What begins anew is said first and alone: so it becomes the flip-flops' own reset.
        with m.If(whole):
            m.d.sync += self.address.eq(0)
        with m.Elif(self.step):
            m.d.sync += self.address.eq(self.address + 1)
        if self._apart:
            with m.If(self.done):
                m.d.sync += chunk.eq(0)
            with m.Elif(self.step):
                m.d.sync += chunk.eq(chunk + 1)
            with m.If(whole):
                m.d.sync += group.eq(0)
            with m.Elif(self.done):
                m.d.sync += group.eq(group + 1)
        # Flags and small counters are tables of data, without an enable: that would be a longer path, reset included.
        m.d.sync += last.eq(_when(self.step, (chunk == chunks - 2) | (chunks == 1), last))
        if self._odd is not None:
            m.d.comb += self.read.eq(Cat(chunk, self._odd))
            m.d.sync += self._odd.eq(self._odd ^ whole)
        else:
            with m.If(whole):
                m.d.sync += first.eq(following)
            with m.If(self.step):
                m.d.sync += self.read.eq(Mux(last & ~end, first, following))
        m.d.sync += [
            again.eq(_when(self.done, ~end, again)),
            end.eq(_when(self.done, (~end & (group == groups - 2)) | (groups == 1), end)),
        ]
        self._counted(m, put, fresh, gone)
        return m

    def _counted(self, m: Module, put: Value, fresh: Value, gone: Value) -> None:
        """Chunks and credits, and the decisions that say whether there are any. put, fresh, gone: a chunk is written,
        read for the first time, given back."""
        new, free, credit = self.new, self.free, self.credit
        for count, up, down in ((new, put, fresh), (free, gone, put), (credit, self.taken, self.done)):
            if len(count) <= 2:
                moves = up ^ down
                m.d.sync += count.eq(count ^ Cat(moves, moves & (count[0] ^ down))[: len(count)])
                continue
            with m.If(up ^ down):
                m.d.sync += count.eq(count + Mux(down, -1, 1))
        m.d.sync += [
            self.some.eq(put | Mux(fresh, new > 1, self.some)),
            self.accept.eq(gone | Mux(put, free > 1, self.accept)),
            self.may.eq(self.taken | Mux(self.done, credit > 1, self.may)),
        ]


def _when(yes: Value, then: Value, other: Value) -> Value:
    """A choice between bits that synthesis takes for no enable."""
    return (yes & then) | (~yes & other)


def wrapped(place: Signal, places: int) -> Value:
    """Returns the place behind one; where their number is a power of two, the counter's own bits wrap."""
    return place + 1 if places & (places - 1) == 0 and places > 1 else Mux(place == places - 1, 0, place + 1)
