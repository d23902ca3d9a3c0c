"""Which bits of a group of rows are added up together: those whose signs agree, so that rows share full adders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.unrolled.sharing.shared_parts import SharedPart

_MOST = 4096  # bits from which the order is not changed: the search is quadratic
Triple = tuple[int, tuple[int, int, int]]
"""A column and three nodes in it."""


def common_triples(
    parts: Sequence[SharedPart], sizes: Sequence[int], parity: Callable[..., int], most: tuple[float, float]
) -> list[Triple]:
    """Returns full adders for parts of a group whose rows are split into children of `sizes` rows, in that order.

    A full adder of inverted bits is the inverted full adder: so the sum is one cell for all rows, and the carry is one
    cell for all rows in which the three signs, or their opposites, are the same. Rows of a child share one adder when
    the three bits have, in each of these rows, the same signs up to a common factor. An adder is taken if it costs at
    most most[0] LUTs per child in column 0, most[1] above. `parity` makes the sum of three literals.
    """
    ends = list(accumulate(sizes))
    cells: dict[tuple[object, ...], list[tuple[int, list[int]]]] = {}
    for part in parts:
        key, relative = [], []
        for end, size in zip(ends, sizes, strict=True):
            signs = part.signs[end - size : end]
            first = next((s for s in signs if s), 0)
            key.append(tuple(s * first for s in signs))
            relative.append(first)
        for c, lit in part.plain:
            if lit > 1:
                sign = -1 if lit & 1 else 1
                cells.setdefault((c, *key), []).append((lit >> 1, [r * sign for r in relative if r]))
    found: list[Triple] = []
    for (column, *_), bits in cells.items():
        if len(bits) > 2 and len(bits[0][1]) > 1:
            assert isinstance(column, int)
            found += _triples(column, bits, parity, most[column > 0])
    return found


def _triples(column: int, bits: list[tuple[int, list[int]]], parity: Callable[..., int], most: float) -> list[Triple]:
    signs = np.array([relative for _, relative in bits], np.int8).T
    nodes = [node for node, _ in bits]
    columns = list(signs.T)
    found: list[Triple] = []
    for a, b, c in plan(signs):
        columns.append(columns[a] * columns[b] * columns[c])
        nodes.append(parity(*(2 * nodes[k] for k in (a, b, c))) >> 1)
        patterns = len(set((2 * columns[a] * columns[b] + columns[a] * columns[c]).tolist()))
        if 1 + patterns <= most * len(signs):
            found.append((column, (nodes[a], nodes[b], nodes[c])))
    return found


def plan(signs: NDArray[np.int8]) -> list[tuple[int, int, int]]:
    """Returns full adders over bits until at most two are left, by levels.

    signs: (rows, bits), 1 or -1 where the bit is inverted. Positions 0.. are the bits, then the sum of each adder in
    turn.
    """
    level = list(range(signs.shape[1]))
    wide = signs.astype(np.float32)
    columns = [wide[:, k] for k in level]
    triples: list[tuple[int, int, int]] = []
    while len(level) > 2:
        order = similar_first(np.stack([columns[k] for k in level], axis=1))
        ordered = [level[k] for k in order.tolist()]
        level = ordered[len(ordered) // 3 * 3 :]
        for at in range(0, len(ordered) // 3 * 3, 3):
            a, b, c = ordered[at : at + 3]
            triples.append((a, b, c))
            level.append(len(columns))
            columns.append(columns[a] * columns[b] * columns[c])
    return triples


def similar_first(wide: NDArray[np.float32]) -> NDArray[np.int64]:
    """Returns an order of the columns of (rows, columns) signs in which every three have few sign patterns over the
    rows.

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
    """Returns what each column would add to a triple: agreement with both, split by how these two agree with each
    other."""
    relative = wide[:, first] * wide[:, second]
    own = wide * wide[:, first : first + 1]
    same, other = own[relative > 0].sum(axis=0), own[relative < 0].sum(axis=0)
    missing = (np.abs(same) < (relative > 0).sum()).astype(np.float32) + (np.abs(other) < (relative < 0).sum())
    score: NDArray[np.float32] = np.abs(same) + np.abs(other) - len(wide) * missing + 2 * len(wide)
    return score
