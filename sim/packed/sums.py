"""A Sum and the Compares that read it, as rows of literals (see `rows.py` for what a row computes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threshc.sim.packed.digits import signed_digits, signed_width
from threshc.sim.packed.layout import AGAINST, ROWS, SIGN, VALUE, levels_for
from threshc.sim.packed.tables import Planes, Tables

_DIRECT = 8192 - 1
"""Planes below this one have offsets of 16 bits; rows over planes further up read them through a patch."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that one kernel call computes at every position: sum of weights times bits, plus constant.

    weights: (R, C) int64; constant: R Python integers; flip: R masks 0 / -1 that the stored planes are xored with.
    """

    weights: NDArray[np.int64]
    constant: Sequence[int]
    flip: Sequence[int]


def emit(tables: Tables, x: Planes, patch: int, rows: Rows, mode: int, levels: int, against: int = 0) -> Planes:
    """Append a ROWS step over x, the planes (P, C) of the bits at each position; `patch` has room for 2 * C planes.

    VALUE yields planes (P, R, levels), the other modes (P, R).
    """
    positions, width = x.shape
    count = len(rows.weights)
    digits = signed_digits(rows.weights)
    depth = max(len(digits), 1)
    negative = bool((digits < 0).any())
    direct = positions == 1 and max(int(x.max()), tables.planes + width) < _DIRECT
    if direct:
        plus = x[0]
        minus = tables.complement(plus[(digits < 0).any(axis=(0, 1))]) if negative else plus[:0]
        spread = np.zeros(width, np.int64)
        spread[(digits < 0).any(axis=(0, 1))] = minus
        minus = spread
    else:
        plus = patch + np.arange(width)
        minus = plus + width
    order = np.argsort(np.count_nonzero(digits, axis=(0, 2)), kind="stable") if len(digits) else np.arange(count)
    row0, run0 = len(tables.starts), len(tables.runs)
    masks = []
    for r in order:
        lists = [
            np.concatenate([plus[d[r] > 0], minus[d[r] < 0]]) if len(digits) else plus[:0]
            for d in (digits[::-1] if len(digits) else [None])
        ]
        tables.row(lists)
        below = sum(int(np.count_nonzero(d[r] < 0)) << k for k, d in enumerate(digits))
        e = (rows.constant[r] - below) % (1 << levels)
        masks.append([-((e >> k) & 1) for k in range(depth - 1 + levels)] + [rows.flip[r]])
    size = levels if mode == VALUE else 1
    out = tables.allocate(positions * count * size)
    tables.step(
        ROWS,
        levels=levels,
        digits=depth,
        mode=mode,
        rows=count,
        row0=row0,
        run0=run0,
        mask0=tables.mask_rows(masks),
        positions=positions,
        table=0 if direct else tables.table(x),
        width=0 if direct else width,
        inverse=int(negative),
        patch=patch,
        against=against,
        out=out,
        pitch=count * size,
    )
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    first = out + size * (np.arange(positions)[:, None] * count + place)
    return first[..., None] + np.arange(size) if mode == VALUE else first


def thresholds(
    tables: Tables,
    x: Planes,
    patch: int,
    weights: NDArray[np.int64],
    bias: NDArray[np.int64],
    threshold: NDArray[np.int64],
    against: NDArray[np.int8],
) -> Planes:
    """Bits bias_r + sum_i weights[r, i] * x_i >= threshold_r, none of them constant, as planes (P, R).

    Rows with against = 0 are counted as they are: the sign of sum - threshold. Rows with against = f = +-1 compare
    f * sum = U - S with S = sum_i x_i, which all rows share: the weights of U are f * w + 1, and for f = -1 the
    test is the complement of -sum >= 1 - threshold.
    """
    out = np.empty((len(x), len(weights)), np.int64)
    w = weights.astype(np.int64)
    lo, hi = np.minimum(w, 0).sum(axis=1) + bias, np.maximum(w, 0).sum(axis=1) + bias
    for chosen in (against == 0, against != 0):
        index = np.flatnonzero(chosen)
        if not len(index):
            continue
        f = np.where(against[index] == 0, 1, against[index]).astype(np.int64)
        shared = int(against[index[0]] != 0)
        constant = [
            int(b) - int(t) if g > 0 else int(t) - int(b) - 1
            for b, t, g in zip(bias[index], threshold[index], f, strict=True)
        ]
        width = max(
            max(signed_width(int(a) - int(t), int(b) - int(t)), signed_width(int(t) - 1 - int(b), int(t) - 1 - int(a)))
            for a, b, t in zip(lo[index], hi[index], threshold[index], strict=True)
        )
        levels = levels_for(width)
        rows = Rows(w[index] * f[:, None] + shared, [c + shared for c in constant], [-1 if g > 0 else 0 for g in f])
        if not shared:
            out[:, index] = emit(tables, x, patch, rows, SIGN, levels)
            continue
        ones = np.ones((1, x.shape[1]), np.int64)
        s = emit(tables, x, patch, Rows(ones, [0], [-1]), VALUE, levels)  # ~S = -1 - S
        out[:, index] = emit(tables, x, patch, rows, AGAINST, levels, int(s[0, 0, 0]))
    return out
