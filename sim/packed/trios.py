"""Rows of +-1 weights, three at a time: which three, and their seven lists (`triples.py` says what for)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.layout import TRIO_LEVELS, TRIOS
from threshc.sim.packed.sums import Columns, Rows, places
from threshc.sim.packed.tables import Planes

Vector = NDArray[np.int64]

PHASES = (0b101, 0b011, 0b111, 0b110, 0b100, 0b010, 0b001)
"""Which of the three rows want the inputs of a list, the first row being the highest bit."""

_OVERHEAD = 80
"""What the additions of a trio cost, in literals."""

_BLOCKS = {32: 1, 16: 3, 8: 5, 4: 6}
"""What blocks of literals cost besides these, in literals: the ripple of their carries."""

_MOST_ROWS = 4096
"""Rows are compared with each other up to here; more are taken as they come."""


def choose(weights: NDArray[np.int64], choice: Vector) -> tuple[Vector, Vector]:
    """Trios (T, 3) of rows of weights (R, C) +-1, and the sign +-1 of which each row (R,) counts the positive weights.

    No trios, and `choice` as it was, where they do not pay. Rows go together that agree, up to their signs, in many
    inputs; the signs are such that the class that is not counted is the largest.
    """
    count, width = weights.shape
    positive = np.count_nonzero(weights > 0, axis=1)
    alone = int(np.minimum(positive, width - positive).sum())
    none: Vector = np.zeros((0, 3), np.int64)
    if count < 3 or 2 * width + 2 >= 1 << (TRIO_LEVELS[-1] - 1) or alone < count // 3 * (width * 3 // 4 + _OVERHEAD):
        return none, choice
    signs = choice.copy()
    trios = _agreeing(weights) if count <= _MOST_ROWS else np.arange(count // 3 * 3).reshape(-1, 3)
    spent = 0
    for trio in trios:
        sizes = np.bincount(_classes(weights[trio] > 0), minlength=8)
        left_out = int(sizes.argmax())
        signs[trio] = [-1 if left_out >> (2 - k) & 1 else 1 for k in range(3)]
        spent += width - int(sizes[left_out]) + _OVERHEAD
    saved = np.minimum(positive, width - positive)[trios.ravel()].sum() - spent
    return (trios, signs) if saved > 0 else (none, choice)


def _agreeing(weights: NDArray[np.int64]) -> Vector:
    """Trios of rows, each row taken with the two free ones that agree most with it, up to signs."""
    w = weights.astype(np.float32)
    alike = w @ w.T
    free = np.ones(len(w), bool)
    trios = []
    for first in range(len(w)):
        if free[first] and free.sum() >= 3:
            free[first] = False
            second = int(np.where(free, np.abs(alike[first]), -1).argmax())
            free[second] = False
            both = alike[first] + np.sign(alike[first, second] + 0.5) * alike[second]
            third = int(np.where(free, np.abs(both), -1).argmax())
            free[third] = False
            trios.append((first, second, third))
    return np.array(trios, np.int64)


def _classes(wanted: NDArray[np.bool_]) -> Vector:
    """The class (C,) of every input: who of three rows (3, C) wants it, the first row being the highest bit."""
    found: Vector = np.array([4, 2, 1]) @ wanted
    return found


def emit_trios(columns: Columns, rows: Rows, levels: int, against: int) -> Planes:
    """Append a TRIOS step, joined to the one before; planes (P, R). Rows 3t, 3t + 1, 3t + 2 are trio t.

    Weights are 0 or 2. Lists have the same lengths in as many trios as possible, so that the branches on them are
    predicted: an input that too many of a trio's rows want together is counted in two lists instead.
    """
    tables = columns.tables
    plus, _ = columns.literals(np.zeros(columns.width, np.bool_))
    classes = np.stack([_classes(rows.weights[k : k + 3] > 0) for k in range(0, len(rows.weights), 3)])
    sizes = np.stack([np.count_nonzero(classes == c, axis=1) for c in range(8)], axis=1)
    most = _lengths(sizes)
    lists = [_split([np.flatnonzero(c == k) for k in range(8)], most) for c in classes]
    single = np.array([-(-max(len(found[c]) for c in (1, 2, 4)) // 8) * 8 for found in lists])
    order = np.argsort(single, kind="stable")
    row0, run0, masks = len(tables.starts), len(tables.runs), []
    for t in order:
        fours = [int(single[t] if c in (1, 2, 4) else most[c]) // 4 for c in PHASES]
        tables.trio([plus[lists[t][c]] for c in PHASES], fours)
        masks.append(_masks(rows.constant[3 * t : 3 * t + 3], rows.flip[3 * t : 3 * t + 3], levels))
    count = len(rows.weights)
    out, slots = tables.allocate(columns.positions * count), tables.allocate(4 * (levels - 1))
    columns.step(
        TRIOS, False, True, levels=levels, rows=count, row0=row0, run0=run0, mask0=tables.mask_rows(masks),
        against=against, out=out, pitch=count, slots=slots,
    )  # fmt: skip
    place = (3 * order[:, None] + np.arange(3)).ravel()
    return places(out, columns.positions, place, 1)[..., 0]


def _masks(constant: Sequence[int], flip: Sequence[int], levels: int) -> list[int]:
    """The words of a trio: digits of the constants Q, R and P, then low digit and flip of each row."""
    e1, e2, e3 = (e >> 1 for e in constant)
    starts = (e3 - e2, e3 - e1, e1 + e2 - e3)
    digits = [-((e >> k) & 1) for e in starts for k in range(levels - 1)]
    return digits + [word for e, f in zip(constant, flip, strict=True) for word in (-(e & 1), f)]


def _lengths(sizes: Vector) -> Vector:
    """The lengths (8,) of the lists that two or three rows share, for classes of `sizes` (T, 8); 0 for the others."""
    triple, pair = sizes[:, 7], sizes[:, [3, 5, 6]]
    best, found = np.inf, (0, 0)
    for a in _candidates(triple):
        for b in _candidates(pair):
            cost = _price(a) + 3 * _price(b) + 3 * _price(_singles(sizes, a, b)).mean()
            if cost < best:
                best, found = float(cost), (a, b)
    most = np.zeros(8, np.int64)
    most[7], most[[3, 5, 6]] = found
    return most


def _candidates(sizes: Vector) -> range:
    middle = int(np.median(sizes)) // 4 * 4
    return range(max(middle - 16, 0), middle + 20, 4)


def _price(length: Vector | int) -> Vector:
    """What lists of these lengths cost."""
    n = np.asarray(length, np.int64)
    return n + n // 32 * _BLOCKS[32] + sum((n // k & 1) * _BLOCKS[k] for k in (16, 8, 4))


def _singles(sizes: Vector, triple: int, pair: int) -> Vector:
    """The length (T,) of the longest list of a single row after `_split`, to whole eights."""
    singles, pairs = sizes[:, [4, 2, 1]].copy(), sizes[:, [3, 5, 6]].copy()  # pairs: without row 1, 2, 3
    excess = np.maximum(sizes[:, 7] - triple, 0)
    for k in range(3):
        moved = np.minimum(excess, np.maximum(pair - pairs[:, k], 0))
        pairs[:, k] += moved
        singles[:, k] += moved
        excess -= moved
    singles += excess[:, None]
    over = np.maximum(pairs - pair, 0)
    singles += over.sum(axis=1, keepdims=True) - over
    longest: Vector = -(-singles.max(axis=1) // 8) * 8
    return longest


def _split(lists: list[Vector], most: Vector) -> list[Vector]:
    """Lists by class, of which those of several rows have at most `most` inputs: the rest goes to smaller classes."""
    found = [list(x) for x in lists]
    while len(found[7]) > most[7]:
        pair = next((c for c in (3, 5, 6) if len(found[c]) < most[c]), 0)
        i = found[7].pop()
        for c in (pair, 7 - pair) if pair else (4, 2, 1):
            found[c].append(i)
    for pair in (3, 5, 6):
        while len(found[pair]) > most[pair]:
            i = found[pair].pop()
            for c in (1, 2, 4):
                if c & pair:
                    found[c].append(i)
    return [np.array(x, np.int64) for x in found]
