"""What the cycle model has seen, as figures: how full queues were, when steps were taken, how often samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.held import Held
from threshc.hdl.folded.schedule import FoldedStage


def fill(held: Held, first: int, end: int) -> tuple[int, float]:
    """Returns the most that was held in the cycles first .. end - 1, and the mean."""
    came, left = (np.sort(np.asarray(times, np.int64)) for times in (held.came, held.left))
    cycles = np.arange(first, end)
    level = np.searchsorted(came, cycles, side="right") - np.searchsorted(left, cycles, side="right")
    return (int(level.max()), float(level.mean())) if len(level) else (0, 0.0)


def steps(stage: FoldedStage) -> NDArray[np.int64]:
    """Returns the cycles in which a folded layer took a step, in order."""
    if stage.begun < 0:
        return np.zeros(0, np.int64)
    taken = np.ones(stage.last + 1 - stage.begun, bool)
    for wait in stage.waits:
        taken[wait.first - stage.begun : wait.first - stage.begun + wait.cycles] = False
    return stage.begun + np.flatnonzero(taken)


def shares(cycles: Sequence[int] | NDArray[np.int64], first: int, end: int, columns: int) -> list[float]:
    """Returns, for columns of equal width from cycle `first` to `end`, which share of their cycles is among these."""
    edges = np.linspace(first, end, columns + 1)
    found, _ = np.histogram(np.asarray(cycles, np.int64), bins=edges)
    counts: list[float] = (found / np.maximum(np.diff(np.ceil(edges)), 1)).tolist()
    return counts


def mean_interval(gaps: Sequence[int]) -> int:
    """Returns the cycles that a sample takes in the long run, rounded up.

    gaps: from each sample's end to the next's; of a rhythm that repeats in them whole periods count, of others all.
    """
    for period in range(1, len(gaps) // 2 + 1):
        if gaps[period:] == gaps[:-period]:
            return -(-sum(gaps[:period]) // period)
    return -(-sum(gaps) // len(gaps))
