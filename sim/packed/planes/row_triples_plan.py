"""Rows of +-1 weights, three at a time: which three, and their seven lists (`row_triples.py` says what for)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.planes.layout import TRIPLE_LEVELS, TRIPLES
from threshc.sim.packed.planes.row_sums import Columns, Rows, places
from threshc.sim.packed.planes.tables import Planes

Vector = NDArray[np.int64]

PHASES = (0b101, 0b011, 0b111, 0b110, 0b100, 0b010, 0b001)
"""Which of the three rows want the inputs of a list, the first row being the highest bit."""

_OVERHEAD = 64
"""What the additions of a triple cost, in literals."""

_MOST_ROWS = 4096
"""Rows are compared with each other up to here; more are taken as they come."""


def choose(weights: NDArray[np.int64], choice: Vector) -> tuple[Vector, Vector]:
    """Returns triples (T, 3) of rows of weights (R, C) +-1, and the sign (R,) +-1 of the weights that each row counts.

    No triples, and `choice` as it was, where they do not pay. Rows go together that agree, up to their signs, in many
    inputs; the signs are such that the class that is not counted is the largest.
    """
    count, width = weights.shape
    positive = np.count_nonzero(weights > 0, axis=1)
    alone = int(np.minimum(positive, width - positive).sum())
    none: Vector = np.zeros((0, 3), np.int64)
    if count < 3 or 2 * width + 2 >= 1 << (TRIPLE_LEVELS[-1] - 1) or alone < count // 3 * (width * 3 // 4 + _OVERHEAD):
        return none, choice
    signs = choice.copy()
    triples = _agreeing(weights) if count <= _MOST_ROWS else np.arange(count // 3 * 3).reshape(-1, 3)
    spent = 0
    for triple in triples:
        sizes = np.bincount(_classes(weights[triple] > 0), minlength=8)
        left_out = int(sizes.argmax())
        signs[triple] = [-1 if left_out >> (2 - k) & 1 else 1 for k in range(3)]
        spent += width - int(sizes[left_out]) + _OVERHEAD
    saved = np.minimum(positive, width - positive)[triples.ravel()].sum() - spent
    return (triples, signs) if saved > 0 else (none, choice)


def _agreeing(weights: NDArray[np.int64]) -> Vector:
    """Triples of rows, each row taken with the two free ones that agree most with it, up to signs."""
    w = weights.astype(np.float32)
    alike = w @ w.T
    free = np.ones(len(w), bool)
    triples = []
    for first in range(len(w)):
        if free[first] and free.sum() >= 3:
            free[first] = False
            second = int(np.where(free, np.abs(alike[first]), -1).argmax())
            free[second] = False
            both = alike[first] + np.sign(alike[first, second] + 0.5) * alike[second]
            third = int(np.where(free, np.abs(both), -1).argmax())
            free[third] = False
            triples.append((first, second, third))
    return np.array(triples, np.int64)


def _classes(wanted: NDArray[np.bool_]) -> Vector:
    """The class (C,) of every input: who of three rows (3, C) wants it, the first row being the highest bit."""
    found: Vector = np.array([4, 2, 1]) @ wanted
    return found


def emit_row_triples(columns: Columns, rows: Rows, levels: int, against: int) -> Planes:
    """Appends a TRIPLES step, joined to the one before; planes (P, R). Rows 3t, 3t + 1, 3t + 2 are triple t.

    Weights are 0 or 2.
    """
    tables, count = columns.tables, len(rows.weights)
    plus, _ = columns.literals(np.zeros(columns.width, np.bool_))
    row0, run0, masks = len(tables.starts), len(tables.runs), []
    for k in range(0, count, 3):
        classes = _classes(rows.weights[k : k + 3] > 0)
        tables.triple([plus[classes == c] for c in PHASES])
        masks.append(_masks(rows.constant[k : k + 3], rows.flip[k : k + 3], levels))
    out, slots = tables.allocate(columns.positions * count), tables.allocate(4 * (levels - 1))
    columns.step(
        TRIPLES, False, True, levels=levels, rows=count, row0=row0, run0=run0, mask0=tables.mask_rows(masks),
        against=against, out=out, pitch=count, slots=slots,
    )  # fmt: skip
    return places(out, columns.positions, np.arange(count), 1)[..., 0]


def _masks(constant: Sequence[int], flip: Sequence[int], levels: int) -> list[int]:
    """The words of a triple: digits of the constants Q, R and P, then low digit and flip of each row."""
    e1, e2, e3 = (e >> 1 for e in constant)
    starts = (e3 - e2, e3 - e1, e1 + e2 - e3)
    digits = [-((e >> k) & 1) for e in starts for k in range(levels - 1)]
    return digits + [word for e, f in zip(constant, flip, strict=True) for word in (-(e & 1), f)]
