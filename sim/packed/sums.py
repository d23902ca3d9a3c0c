"""Rows of weights as a ROWS step: signed digits to literals, constants to masks (`rows.py` says what for)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.digits import Digits, signed_digits
from threshc.sim.packed.layout import ROWS, VALUE
from threshc.sim.packed.tables import Planes, Tables

_NEAR = 8192 - 1
"""Planes below this one have offsets of 16 bits; rows over planes further up read them through a patch."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows to be computed at every position: sum of weights times bits, plus a constant, modulo 2**levels.

    weights: (R, C) int64; constant: R integers of any size; flip: R masks 0 / -1 that the stored planes are xored with.
    """

    weights: NDArray[np.int64]
    constant: Sequence[int]
    flip: Sequence[int]


def emit(tables: Tables, x: Planes, patch: int, rows: Rows, mode: int, levels: int, against: int = 0) -> Planes:
    """Append a ROWS step over x, the planes (P, C) of the bits at each position; `patch` has room for 2 * C planes.

    VALUE yields planes (P, R, levels), the other modes (P, R). Rows are computed in the order of their length, so
    that the branches on it are predicted.
    """
    (positions, width), count = x.shape, len(rows.weights)
    digits = signed_digits(rows.weights)
    near = positions == 1 and max(int(x.max()), tables.planes + width) < _NEAR
    plus, minus = (
        _literals(tables, x[0], digits) if near else (patch + np.arange(width), patch + width + np.arange(width))
    )
    order = np.argsort(np.count_nonzero(digits, axis=(0, 2)), kind="stable")
    row0, run0 = len(tables.starts), len(tables.runs)
    masks = []
    for r in order:
        tables.row([np.concatenate([plus[d > 0], minus[d < 0]]) for d in digits[::-1, r]])
        # a weight -1 counts the complement, 1 - x: one too many
        below = sum(int(np.count_nonzero(d < 0)) << k for k, d in enumerate(digits[:, r]))
        e = (rows.constant[r] - below) % (1 << levels)
        masks.append([-((e >> k) & 1) for k in range(len(digits) - 1 + levels)] + [rows.flip[r]])
    size = levels if mode == VALUE else 1
    out = tables.allocate(positions * count * size)
    tables.step(
        ROWS, levels=levels, digits=len(digits), mode=mode, rows=count, row0=row0, run0=run0,
        mask0=tables.mask_rows(masks), positions=positions, table=0 if near else tables.table(x),
        width=0 if near else width, inverse=int((digits < 0).any()), patch=patch, against=against,
        out=out, pitch=count * size,
    )  # fmt: skip
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    first = out + size * (np.arange(positions)[:, None] * count + place)
    return first[..., None] + np.arange(size) if mode == VALUE else first


def _literals(tables: Tables, x: Planes, digits: Digits) -> tuple[Planes, Planes]:
    """The planes (C,) of the bits and of their complements, the latter only where a digit is negative."""
    negative = (digits < 0).any(axis=(0, 1))
    complements = np.zeros_like(x)
    complements[negative] = tables.complement(x[negative])
    return x, complements
