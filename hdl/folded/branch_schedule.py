"""The recurrences of ways that part and meet: every transfer of every stream, without simulation.

A fork hands each beat to its branches, the one that is pushed last being that whose answers the join waits for: all
others end in a queue. A queue says when a beat comes in as soon as it is known when the one that it needs the place of
has left. That is known where it has places enough (`threshc.hdl.folded.depth`); else the circuit may hang, and
`Stuck` is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from threshc.hdl.folded.held import Held
from threshc.hdl.folded.schedule import Stage


class Stuck(Exception):
    """A queue needs a place that is only freed by beats that come behind: it has too few."""


@dataclass(slots=True)
class FifoStage(Stage):
    """A beat may leave from the second cycle behind the one in which it came on, in order; a place that is freed takes
    one in the next cycle. It sends nothing by itself: `join`, the stage behind, takes what it wants when it is told."""

    places: int = 2
    join: JoinStage | None = None
    out: list[int] = field(default_factory=list)

    def held(self) -> tuple[Held, ...]:
        """Returns how many beats it held."""
        return (Held("queue", self.places, [t + 1 for t in self.times], [t + 1 for t in self.out]),)

    def _ready(self, j: int) -> int:
        if j < self.places:
            return 0
        if j - self.places >= len(self.out):
            raise Stuck
        return self.out[j - self.places] + 1

    def _took(self, j: int, t: int) -> None:
        if self.join is not None:
            self.join.others()

    def take(self, after: Stage) -> bool:
        """Hands its next beat on; returns whether there is one."""
        if len(self.out) == len(self.times):
            return False
        self.out.append(-1)  # it is taken; when, the stages behind say
        self.out[-1] = after.push(self.times[len(self.out) - 1] + 2)
        return True


@dataclass(slots=True)
class ForkStage(Stage):
    """A beat is offered to all branches in the cycle in which it is there, and crosses when the last one takes it.

    branches: their first stages; main: which of them ends in no queue.
    """

    branches: list[Stage] = field(default_factory=list)
    main: int = 0

    def _ready(self, j: int) -> int:
        others = [branch for k, branch in enumerate(self.branches) if k != self.main]
        return max([branch.push(self.offered[j]) for branch in [*others, self.branches[self.main]]])

    def _took(self, j: int, t: int) -> None:
        pass


@dataclass(slots=True)
class JoinStage(Stage):
    """Beats of several streams by turns, in the cycles in which the stage behind takes them. counts: of a turn, the
    beats of each; queues: the stages of all but one stream, which is None: that one's beats are pushed."""

    counts: Sequence[int] = (1,)
    queues: Sequence[FifoStage | None] = (None,)
    _at: int = 0
    """Beats of all streams that were taken."""

    def push(self, valid: int) -> int:
        """Takes a beat of the stream without a queue, and whatever of the others stands before and behind it."""
        assert self.after is not None
        self.others()
        if self._queue() is not None:
            raise Stuck
        first = max(valid, self.times[-1] + 1 if self.times else 0)
        self.offered.append(first)
        self._at += 1
        self.times.append(self.after.push(first))
        self.others()
        return self.times[-1]

    def others(self) -> None:
        """Takes what comes next out of the queues, up to the next beat that is pushed or not there."""
        assert self.after is not None
        while (queue := self._queue()) is not None:
            self._at += 1
            if not queue.take(self.after):
                self._at -= 1
                return

    def _queue(self) -> FifoStage | None:
        """Where the next beat comes from."""
        at = self._at % sum(self.counts)
        for count, queue in zip(self.counts, self.queues, strict=True):
            if at < count:
                return queue
            at -= count
        raise AssertionError
