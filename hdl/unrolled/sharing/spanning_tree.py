"""A spanning tree of rows says which row each row is made from: the distance is the number of bits that differ."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

_NOISE = 0.15


@dataclass(frozen=True, slots=True)
class Parent:
    """The row that another one is made from; `inverted`: from its opposite."""

    row: int
    inverted: bool


def spanning_tree(
    signs: NDArray[np.int8], deepest: int, noise: Random | None = None
) -> tuple[list[Parent | None], int]:
    """Returns a parent for every row, or None for a row that is made of its bits; and how many bits are added up in
    all.

    signs: (rows, bits) of 1, -1, 0. Prim's algorithm; no row is more than `deepest` below a row without a parent.
    `noise` disturbs the distances and so makes another tree of almost that kind.
    """
    far, inverted = _distances(signs)
    own = np.count_nonzero(signs, axis=1).astype(np.float64)
    weights = far.astype(np.float64)
    if noise is not None:
        weights *= np.array([[1 + _NOISE * noise.random() for _ in row] for row in weights])
    parents: list[Parent | None] = [None] * len(signs)
    depth = [0] * len(signs)
    least, source = own.copy(), np.full(len(signs), -1)
    least[int((weights.sum(axis=1) + own).argmin())] = -1.0  # the first: near to all others
    total = 0
    for _ in range(len(signs)):
        row = int(least.argmin())
        least[row] = np.inf
        parent = int(source[row])
        if parent >= 0:
            parents[row] = Parent(parent, bool(inverted[parent, row]))
            depth[row] = depth[parent] + 1
        total += int(own[row] if parent < 0 else far[parent, row])
        if depth[row] < deepest:
            nearer = (weights[row] < least) & np.isfinite(least)
            least[nearer], source[nearer] = weights[row][nearer], row
    return parents, total


def _distances(signs: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Returns in how many bits two rows differ, up to sign, and whether one of them is inverted for that: (rows,
    rows)."""
    plus, minus = (signs > 0).astype(np.float32), (signs < 0).astype(np.float32)
    same = plus @ plus.T + minus @ minus.T
    opposite = plus @ minus.T
    opposite = opposite + opposite.T
    count = (plus + minus).sum(axis=1)
    either = count[:, None] + count[None, :] - same - opposite
    return either - np.maximum(same, opposite), opposite > same


def from_roots(parents: list[Parent | None]) -> list[int]:
    """Returns the rows, each after the row that it is made from."""
    children: list[list[int]] = [[] for _ in parents]
    for row, parent in enumerate(parents):
        if parent is not None:
            children[parent.row].append(row)
    order = [row for row, parent in enumerate(parents) if parent is None]
    for row in order:
        order += children[row]
    return order
