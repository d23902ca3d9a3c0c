"""Rows of weights as a ROWS step: signed digits to literals, constants to masks (`rows.py` says what for)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.planes.csd import signed_digits
from threshc.sim.packed.planes.layout import ROWS, VALUE
from threshc.sim.packed.planes.tables import Planes, Tables

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

    def some(self, index: NDArray[np.int64]) -> Rows:
        """Returns the rows of an index."""
        return Rows(self.weights[index], [self.constant[i] for i in index], [self.flip[i] for i in index])


class Columns:
    """The bits that rows are sums of: planes x (P, C) at P positions; `patch` has room for 2 * C planes.

    Where they are not read in place, they are copied to the patch at every position; steps that are `joined` to the
    one before them read the copies of that one.
    """

    def __init__(self, tables: Tables, x: Planes, patch: int, copied: bool = False) -> None:
        self.tables, self.x, self.patch = tables, x, patch
        self.positions, self.width = x.shape
        self.near = not copied and self.positions == 1 and max(int(x.max()), tables.planes + self.width) < _NEAR

    def literals(self, negative: NDArray[np.bool_]) -> tuple[Planes, Planes]:
        """Returns the planes (C,) of the bits and of their complements, the latter only where `negative` (C,) says
        so."""
        if not self.near:
            place = self.patch + np.arange(self.width)
            return place, place + self.width
        complements = np.zeros_like(self.x[0])
        complements[negative] = self.tables.complement(self.x[0, negative])
        return self.x[0], complements

    def step(self, op: int, inverse: bool, joined: bool, **fields: int) -> None:
        """Appends a step over these bits."""
        place = {} if self.near else {"table": 0 if joined else self.tables.table(self.x), "width": self.width}
        self.tables.step(
            op, positions=self.positions, inverse=int(inverse), patch=self.patch, joined=int(joined and not self.near),
            **place, **fields,
        )  # fmt: skip


def emit(
    columns: Columns, rows: Rows, mode: int, levels: int, against: int = 0, scratch: bool = False,
    inverse: bool = False, joined: bool = False,
) -> Planes:  # fmt: skip
    """Appends a ROWS step.

    VALUE yields planes (P, R, levels), the other modes (P, R). `scratch`: the results are for steps that are joined to
    this one, and lie in the same planes at every position. `inverse`: those steps want complements.
    Rows are computed in the order of their length, so that the branches on it are predicted.
    """
    tables, count = columns.tables, len(rows.weights)
    digits = signed_digits(rows.weights)
    negative: NDArray[np.bool_] = np.asarray((digits < 0).any(axis=(0, 1)))
    plus, minus = columns.literals(negative)
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
    out = tables.allocate((1 if scratch else columns.positions) * count * size)
    columns.step(
        ROWS, inverse or bool((digits < 0).any()), joined, levels=levels, digits=len(digits), mode=mode, rows=count,
        row0=row0, run0=run0, mask0=tables.mask_rows(masks), against=against, out=out,
        pitch=0 if scratch else count * size,
    )  # fmt: skip
    found = places(out, columns.positions, order, size)
    return found if mode == VALUE else found[..., 0]


def places(out: int, positions: int, order: NDArray[np.intp], size: int) -> Planes:
    """Returns planes (P, R, size) of rows that were computed in an order (R,), `size` planes each, from plane `out`
    on."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    first = out + size * (np.arange(positions)[:, None] * len(order) + place)
    return first[..., None] + np.arange(size)
