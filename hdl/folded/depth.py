"""How many places a queue beside a longer way must have, so that nothing hangs, and so that nothing waits for it.

A fork's beats go to all branches, a join takes their answers by turns. The branch that needs most beats for each of its
answers has no queue: the join waits for it, never for the others. Let n beats have gone into all. The fork gives each
branch one more at most before all have had that. What a branch has made of n + 1 beats, less what the join takes when
the others have made what they can of n, must have a place. Then every branch with a queue takes each beat that the fork
gives out, so the fork waits for the one without a queue alone, and that one goes on whenever the join does. So nothing
hangs, whatever the source and the reader do, and however long all take.

That counts beats, not cycles, and is proved from what each stage makes of how many beats. It says nothing of speed: a
queue lets nothing wait for it that need not, fed and taken without a pause, if it has the places that `filled` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from threshc.hdl.folded.branch_schedule import FifoStage
from threshc.hdl.folded.schedule import Sink, Stage

Makers = Sequence[Callable[[], Stage]]
"""The stages of a branch, made anew; none where it is the stream itself."""

_SAMPLES = 2


def made_of(branch: Makers, beats: int) -> list[int]:
    """Returns how many beats leave a branch when 0, 1, .. `beats` have come, if all that leave are taken."""
    sink = Sink()
    stages = [*(make() for make in branch), sink]
    for one, after in pairwise(stages):
        one.after = after
    found = [0]
    for k in range(beats):
        stages[0].push(k)
        found.append(len(sink.times))
    return found


def longest(branches: Sequence[Makers], counts: Sequence[int], beats: int) -> tuple[int, tuple[int, ...]] | None:
    """Returns which branch has no queue, and how many places those of the others must have, 0 for its own.

    counts: beats of each in a turn of the join; beats: of a sample that come into the fork. Of several branches that
    may be the one, it is that with which there are fewest places. None where there is none: none that needs, for every
    one of its answers, all that the others need for what the join takes before it.
    """
    made = [made_of(branch, _SAMPLES * beats) for branch in branches]
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for main in range(len(branches)):
        others = [k for k in range(len(branches)) if k != main]
        first = [[_before(counts, main, k, m) for m in made[main]] for k in range(len(branches))]
        if all(mine >= want for k in others for mine, want in zip(made[k], first[k], strict=True)):
            places = [max(_waiting(made, counts, main, k), 2) if k != main else 0 for k in range(len(branches))]
            found.append((sum(places), -main, tuple(places)))
    if not found:
        return None
    _, main, needed = min(found)
    return -main, needed


def _before(counts: Sequence[int], main: int, k: int, m: int) -> int:
    """How many beats of stream k the join takes before beat m of the main one, which is counted from 1 on."""
    if not m:
        return 0
    return ((m - 1) // counts[main] + (k < main)) * counts[k]


def _waiting(made: Sequence[Sequence[int]], counts: Sequence[int], main: int, k: int) -> int:
    """How many beats of stream k wait at most: it has been given a beat more than the others."""
    whose = [stream for stream, count in enumerate(counts) for _ in range(count)]
    at, most, taken = 0, 0, [0] * len(counts)
    for n in range(1, len(made[main])):
        while taken[stream := whose[at]] < made[stream][n if stream == k else n - 1]:
            taken[stream] += 1
            at = (at + 1) % len(whose)
        most = max(most, made[k][n] - taken[k])
    return most


def filled(stage: FifoStage) -> int:
    """Returns with how many places a queue that has run without a limit would have let every beat in when it did."""
    left, most = 0, 0
    for j, t in enumerate(stage.times):
        while left < len(stage.out) and stage.out[left] < t:
            left += 1
        most = max(most, j + 1 - left)
    return most
