"""The exact cycle of every transfer of every stream: recurrences over beats, no simulation.

A beat crosses a stream in the cycle in which valid and ready are both 1. Every stage is a class whose `push` takes a
beat's first valid cycle and returns the cycle in which it crosses; what the stage then sends it pushes on. So a chain
is run beat by beat, at a cost of chunks + groups per folded layer and sample.

Control does not depend on data: the same cycles hold for all samples' values. The circuits keep rules that make it so
simple: a write at t is readable at t + 1, a place freed at t is seen at t + 1, nothing arbitrates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from threshc.hdl.folded.held import Held, Wait


@dataclass(slots=True)
class Stage:
    """A place that beats come into. times: the cycles in which they did; offered: those from which they were there."""

    times: list[int] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)
    after: Stage | None = None

    def push(self, valid: int) -> int:
        """Takes a beat that is valid from a cycle on; returns the cycle in which it crosses."""
        j = len(self.times)
        first = max(valid, self.times[-1] + 1 if j else 0)
        self.offered.append(first)
        t = max(first, self._ready(j))
        self.times.append(t)
        self._took(j, t)
        return t

    def held(self) -> tuple[Held, ...]:
        """Returns what it has held of everything that it holds."""
        return ()

    def _ready(self, j: int) -> int:
        """Returns the first cycle in which beat j may cross."""
        raise NotImplementedError

    def _took(self, j: int, t: int) -> None:
        """Does what follows from beat j, which has crossed in cycle t."""
        raise NotImplementedError

    def send(self, valid: int) -> int:
        """Pushes a beat into the stage behind; returns the cycle in which it crosses."""
        assert self.after is not None
        return self.after.push(valid)


@dataclass(slots=True)
class FoldedStage(Stage):
    """A folded layer: chunks in, groups out, each group a pass over all chunks, which stand in a buffer of `places`.

    A step reads one chunk. The first reading of a chunk waits for it, a pass's last step for a credit: one of `queue`
    places for answers. An answer is valid `latency` + 1 cycles behind the last step of its pass. The last pass frees
    the chunks as it reads them.
    """

    chunks: int = 1
    groups: int = 1
    places: int = 2
    queue: int = 1
    latency: int = 0
    waits: list[Wait] = field(default_factory=list)
    """Of steps behind the first one, in order."""
    begun: int = -1
    """The cycle of the first step."""
    _step: int = -1
    _freed: list[int] = field(default_factory=list)
    _done: list[int] = field(default_factory=list)
    _out: list[int] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return len(self._done) * self.chunks + (len(self.times) % self.chunks if self.times else 0)

    @property
    def last(self) -> int:
        """The cycle of the last step."""
        return self._step

    def held(self) -> tuple[Held, ...]:
        """Returns the fill of the buffer in chunks, and of the queue in answers."""
        return (
            Held("buffer", self.places, [t + 1 for t in self.times], [t + 1 for t in self._freed]),
            Held("queue", self.queue, [t + self.latency for t in self._done], [t + 1 for t in self._out]),
        )

    def _ready(self, j: int) -> int:
        return self._freed[j - self.places] + 1 if j >= self.places else 0

    def _took(self, j: int, t: int) -> None:
        if j % self.chunks < self.chunks - 1:
            self._read(t + 1, 0)
            if self.groups == 1:
                self._freed.append(self._step)
            return
        for group in range(self.groups):
            n = len(self._out)
            credit = self._out[n - self.queue] + 1 if n >= self.queue else 0
            if group == 0:
                self._read(t + 1, credit)
                if self.groups == 1:
                    self._freed.append(self._step)
            else:
                begin = self._step
                self._wait(begin + self.chunks, credit)
                if group == self.groups - 1:
                    self._freed += [begin + 1 + k for k in range(self.chunks - 1)] + [self._step]
            self._done.append(self._step)
            self._out.append(self.send(self._step + self.latency + 1))

    def _read(self, data: int, credit: int) -> None:
        if self.begun < 0:
            self.begun = self._step = max(data, credit)
            return
        first = self._step + 1
        if data > first:
            self.waits.append(Wait(first, data - first, "chunk"))
        self._wait(max(first, data), credit)

    def _wait(self, first: int, credit: int) -> None:
        if credit > first:
            self.waits.append(Wait(first, credit - first, "place"))
        self._step = max(first, credit)


@dataclass(slots=True)
class GatherStage(Stage):
    """`count` beats become one; the next first beat is taken in the cycle in which the full one leaves, or later.

    A sample has `beats`, 0 for any multiple of `count`; fewer than `count` that are left become one, too.
    """

    count: int = 1
    beats: int = 0
    _out: list[int] = field(default_factory=list)

    def held(self) -> tuple[Held, ...]:
        """Returns the fill of its word, in beats."""
        left = [self._out[n] + 1 for n in self._words() if n < len(self._out)]
        return (Held("word", self.count, [t + 1 for t in self.times], left),)

    def _place(self, j: int) -> int:
        return j % (self.beats or self.count) % self.count

    def _words(self) -> list[int]:
        """The word of every beat."""
        found = [-1]
        for j in range(len(self.times)):
            found.append(found[-1] + (self._place(j) == 0))
        return found[1:]

    def _ready(self, j: int) -> int:
        return self._out[-1] if j and self._place(j) == 0 else 0

    def _took(self, j: int, t: int) -> None:
        if self._place(j + 1) == 0:
            self._out.append(self.send(t + 1))


@dataclass(slots=True)
class SplitStage(Stage):
    """One beat becomes `count`, the first of them in the next cycle; the next one is taken with the last part.

    The last one of a sample's `beats` becomes `last`, 0 for as many as the others.
    """

    count: int = 1
    beats: int = 1
    last: int = 0
    _out: list[int] = field(default_factory=list)

    def held(self) -> tuple[Held, ...]:
        """Returns the fill of its word, in parts."""
        came = [t + 1 for j, t in enumerate(self.times) for _ in range(self._parts(j))]
        return (Held("word", self.count, came, [t + 1 for t in self._out]),)

    def _ready(self, j: int) -> int:
        return self._out[-1] if j else 0

    def _parts(self, j: int) -> int:
        return self.last if self.last and j % self.beats == self.beats - 1 else self.count

    def _took(self, j: int, t: int) -> None:
        for _ in range(self._parts(j)):
            self._out.append(self.send(t + 1))


@dataclass(slots=True)
class ArgMaxStage(Stage):
    """One sum per beat, `count` of them; a sum takes `cycles`, 3 or 1.

    With 3, no sum is taken before the class has left, which is valid in the third cycle behind the last sum; with 1,
    only the last sum waits for the class of the sample before, and the class is valid in the second cycle behind it.
    """

    count: int = 1
    cycles: int = 3
    _left: int = 0
    _made: list[int] = field(default_factory=list)
    _out: list[int] = field(default_factory=list)

    def held(self) -> tuple[Held, ...]:
        """Returns whether there is a class that has not left."""
        return (Held("class", 1, self._made, [t + 1 for t in self._out]),)

    def _ready(self, j: int) -> int:
        if self.cycles == 1:
            return self._left if j % self.count == self.count - 1 else 0
        return max(self.times[-1] + self.cycles if j else 0, self._left)

    def _took(self, j: int, t: int) -> None:
        if j % self.count == self.count - 1:
            self._made.append(t + max(self.cycles, 2))
            self._left = self.send(self._made[-1])
            self._out.append(self._left)


@dataclass(slots=True)
class PipelineStage(Stage):
    """An unrolled unit: `latency` registers that all stand still while the last result waits to be taken.

    They stand still in the cycles in which it is valid and not taken; if `buffered`, in the cycle behind each of these
    (`threshc.hdl.interface.StalledTogether`), and nothing is taken in meanwhile.
    """

    latency: int = 1
    buffered: bool = False
    waits: list[Wait] = field(default_factory=list)
    """Spans in which the registers have stood still."""
    _out: list[int] = field(default_factory=list)
    _still: deque[tuple[int, int]] = field(default_factory=deque)
    """Spans of such cycles, first and behind the last, those that may still meet a beat under way."""
    _left: int = -1

    def held(self) -> tuple[Held, ...]:
        """Returns the results in the registers, of which one may stand in the second place."""
        places = self.latency + self.buffered
        return (Held("registers", places, [t + 1 for t in self.times], [t + 1 for t in self._out]),)

    def push(self, valid: int) -> int:
        """Takes a beat in the first cycle in which it is valid and the registers move; returns that cycle."""
        t = max(valid, self.times[-1] + 1 if self.times else 0)
        self.offered.append(t)
        while self._still and self._still[0][1] <= t:
            self._still.popleft()
        if self._still and self._still[0][0] <= t:
            t = self._still.popleft()[1]
        self.times.append(t)
        at = t + self.latency
        for begin, end in self._still:
            if begin < at:
                at += end - begin
        at = max(at, self._left + 1)
        self._left = self.send(at)
        self._out.append(self._left)
        if self._left > at:
            self.waits.append(Wait(at, self._left - at, "place"))
            self._still.append((at + self.buffered, self._left + self.buffered))
        return t


@dataclass(slots=True)
class Sink(Stage):
    """Who takes the answers: in the cycles t in which pattern[t % len] is true."""

    pattern: Sequence[object] = (1,)

    def push(self, valid: int) -> int:
        """Takes a beat in the first cycle of the pattern in which it is valid; returns that cycle."""
        t = max(valid, self.times[-1] + 1 if self.times else 0)
        self.offered.append(t)
        while not self.pattern[t % len(self.pattern)]:
            t += 1
        self.times.append(t)
        return t


def run(stages: Sequence[Stage], beats: int, offered: Sequence[object] = (1,)) -> tuple[list[int], list[int]]:
    """Feeds beats into a chain of fresh stages, whose last one is a Sink. offered: a beat that is not yet offered is
    in a cycle t in which offered[t % len] is true, and stays until it is taken. Returns the cycles in which beats
    crossed into the first and into the last stage. Stages that are joined already are given by the first one alone."""
    for one, after in pairwise(stages):
        one.after = after
    t = -1
    for _ in range(beats):
        t += 1
        while not offered[t % len(offered)]:
            t += 1
        t = stages[0].push(t)
    return stages[0].times, stages[-1].times
