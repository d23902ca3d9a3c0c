"""The parts of a batch: which samples are done together, by how many threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.planes.layout import LANES
from threshc.sim.packed.planes.plan import Plan

_CACHE_BYTES = 4 << 20  # blocks that pass a layer together share its tables; their planes should stay in cache
_NEAR_BYTES = 512 << 10
_BLOCKS = 4
_SHARE = 3  # from so many blocks on, a second thread is worth waking


class Schedule:
    """The parts of a batch, and the number of threads that they are for."""

    def __init__(
        self, plan: Plan, parts: Sequence[tuple[int, int]], stats: Sequence[tuple[int, int]], threads: int
    ) -> None:
        self.parts = parts
        self.first = (*parts[0], *stats[0])
        self.threads, self.count = max(1, min(threads, len(parts))), len(parts)
        self.blocks = min(blocks_together(plan), -(-max(b - a for a, b in parts) // LANES))
        self._jobs = np.array([(*part, *table) for part, table in zip(parts, stats, strict=True)], np.int64)
        self.jobs: int = self._jobs.ctypes.data


@lru_cache(maxsize=16)
def plain_schedule(plan: Plan, samples: int, threads: int) -> Schedule:
    """Returns the parts of a batch of which nothing is counted."""
    parts = spans(samples, threads, blocks_together(plan))
    return Schedule(plan, parts, [(0, 0)] * len(parts), threads)


def counting_schedule(plan: Plan, samples: int, threads: int, table: Callable[[int], NDArray[np.int64]]) -> Schedule:
    """Returns as few parts as there are threads, as each has a table of counters: table(k) (4, rows), see `stats`."""
    parts = spans(samples, threads, -(-samples // (LANES * threads)))
    return Schedule(plan, parts, [place(table(k)) for k in range(len(parts))], threads)


def spans(samples: int, threads: int, blocks: int) -> list[tuple[int, int]]:
    """Returns the samples in parts that begin at multiples of 512, whole for one thread.

    As long as there is much to do a part is `blocks` blocks; the last ones are smaller, so that all end together.
    """
    left = -(-samples // LANES)
    if threads == 1 or left < _SHARE:
        return [(0, samples)]
    sizes = [0]
    while left:
        sizes.append(min(blocks, -(-left // threads)))
        left -= sizes[-1]
    return list(pairwise(min(LANES * n, samples) for n in accumulate(sizes)))


def blocks_together(plan: Plan) -> int:
    """Returns how many blocks pass a layer together.

    That is good for tables that are larger than the planes; otherwise the planes of all layers should stay near.
    """
    size = 64 * plan.planes
    near = _NEAR_BYTES if plan.lits.nbytes < size else _CACHE_BYTES
    return max(1, min(_BLOCKS, near // size))


def place(array: NDArray[np.generic]) -> tuple[int, int]:
    """Address and length of an array."""
    return array.ctypes.data, array.size
