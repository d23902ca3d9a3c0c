"""Threshold neurons with few inputs as FEW steps (`sparse_rows.py` says what for)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.planes.layout import FEW, SPARSE, sparse_width
from threshc.sim.packed.planes.row_sums import Columns
from threshc.sim.packed.planes.tables import ONE_PLANE, ZERO_PLANE, Planes, Tables


def is_sparse(weights: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns which rows of (R, C) weights there are kernels for."""
    plus, minus = np.count_nonzero(weights > 0, axis=1), np.count_nonzero(weights < 0, axis=1)
    fits = np.array([_kind(int(p), int(m)) is not None for p, m in zip(plus, minus, strict=True)], bool)
    few: NDArray[np.bool_] = fits & (np.abs(weights).max(axis=1, initial=0) <= 1)
    return few


def _kind(plus: int, minus: int) -> int | None:
    """The cheapest kind of a neuron with so many weights 1 and -1; it may have complements of no input added."""
    least = min(plus, minus)
    found = (k for k, (n, m) in enumerate(SPARSE) if m >= least and n - m >= max(plus, minus))
    return next(found, None)


def emit_sparse(columns: Columns, weights: NDArray[np.int64], limit: NDArray[np.int64]) -> Planes:
    """Returns planes (P, R) of sum of weights (R, C) times bits >= limit (R,): rows that `is_sparse` takes.

    A neuron with more weights -1 than 1 is taken as the complement of its opposite. Limits that cannot fail or
    cannot be reached are not for this.
    """
    neurons: list[list[tuple[int, list[int]]]] = [[] for _ in SPARSE]
    zero, one = ZERO_PLANE, ONE_PLANE
    plane, _ = columns.literals(np.zeros(columns.width, bool))
    for r, (w, t) in enumerate(zip(weights, limit.tolist(), strict=True)):
        plus, minus, flip = plane[w > 0].tolist(), plane[w < 0].tolist(), zero
        if len(minus) > len(plus):
            plus, minus, t, flip = minus, plus, 1 - t, one
        kind = _kind(len(plus), len(minus))
        assert kind is not None
        size, negative = SPARSE[kind]
        start = size - (t + len(minus))  # what a counter of the literals starts from, to reach `size` at the limit
        assert 0 <= start < size
        line = plus + [zero] * (size - negative - len(plus)) + minus + [one] * (negative - len(minus))
        line += [one if start >> k & 1 else zero for k in range(size.bit_length() - 1)] + [flip]
        neurons[kind].append((r, line + [zero] * (sparse_width(size) - len(line))))
    out = columns.tables.allocate(columns.positions * len(weights))
    place, done = np.empty(len(weights), np.int64), 0
    for kind, made in enumerate(neurons):
        if made:
            place[[r for r, _ in made]] = done + np.arange(len(made))
            columns.step(
                FEW, False, done > 0, levels=kind, rows=len(made), out=out + done, pitch=len(weights),
                row0=_append(columns.tables, np.array([line for _, line in made], np.int64)),
            )  # fmt: skip
            done += len(made)
    found: Planes = out + np.arange(columns.positions)[:, None] * len(weights) + place
    return found


def _append(tables: Tables, literals: Planes) -> int:
    """Append rows of plane numbers (R, a multiple of four); where in the literals."""
    tables.lits.append(literals.ravel())
    tables.literals += literals.size
    return tables.literals - literals.size
