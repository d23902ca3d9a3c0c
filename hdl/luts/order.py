"""Which inputs of a layer are added up together: those whose weights agree over the rows, so that rows share adders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST = 4096  # inputs from which the order stays as it is: the search is quadratic
Triple = tuple[int, int, int]


def plan(signs: NDArray[np.int8]) -> tuple[list[Triple], list[int]]:
    """Full adders that every row makes of its bits of weight 1, and what is left of them: at most two.

    signs: (rows, bits), 1 or -1 where the bit is inverted. Positions 0.. are the bits, then the sum of each adder in
    turn. A full adder of inverted bits is the inverted full adder, so the sum is the same cell for all rows, and the
    carry for all rows where the three signs, or their opposites, are the same: such bits come together, by levels.
    """
    level = list(range(signs.shape[1]))
    wide = signs.astype(np.float32)
    columns = [wide[:, k] for k in level]
    triples: list[Triple] = []
    while len(level) > 2:
        order = similar_first(np.stack([columns[k] for k in level], axis=1))
        ordered = [level[k] for k in order.tolist()]
        level = ordered[len(ordered) // 3 * 3 :]
        for at in range(0, len(ordered) // 3 * 3, 3):
            a, b, c = ordered[at : at + 3]
            triples.append((a, b, c))
            level.append(len(columns))
            columns.append(columns[a] * columns[b] * columns[c])
    return triples, level


def similar_first(wide: NDArray[np.float32]) -> NDArray[np.int64]:
    """An order of the columns of (rows, columns) signs in which every three have few sign patterns over the rows.

    Taken greedily: each triple begins with the column most alike to the last triple's first, up to sign.
    """
    count = wide.shape[1]
    if count > _MOST:
        return np.arange(count)
    alike = np.abs(wide.T @ wide)
    free = np.ones(count, np.bool_)
    order: list[int] = []
    first = 0
    while len(order) < count:
        if order:
            first = int(np.where(free, alike[first], -1).argmax())
        order.append(first)
        free[first] = False
        partners = alike[first].copy()
        for _ in range(min(2, count - len(order))):
            following = int(np.where(free, partners, -1).argmax())
            order.append(following)
            free[following] = False
            partners = _patterns(wide, first, following)
    return np.array(order)


def _patterns(wide: NDArray[np.float32], first: int, second: int) -> NDArray[np.float32]:
    """How much each column would add to a triple: agreement with both, split by how these two agree with each other."""
    relative = wide[:, first] * wide[:, second]
    own = wide * wide[:, first : first + 1]
    same, other = own[relative > 0].sum(axis=0), own[relative < 0].sum(axis=0)
    missing = (np.abs(same) < (relative > 0).sum()).astype(np.float32) + (np.abs(other) < (relative < 0).sum())
    score: NDArray[np.float32] = np.abs(same) + np.abs(other) - len(wide) * missing + 2 * len(wide)
    return score
