"""Threshold neurons: a Sum together with the Compares that read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.ops import Compare, Sum
from threshc.compiler.ir.shapes import plane_weights, row_bounds
from threshc.compiler.ir.types import Ints
from threshc.sim.packed.planes.csd import against_sum, magnitudes, signed_digits, signed_width
from threshc.sim.packed.planes.int_planes import Numbers, compare, constants, offset_of
from threshc.sim.packed.planes.integer_inputs import bits_of, emit_integer_inputs
from threshc.sim.packed.planes.layout import AGAINST, LEVELS, NUMBER_LEVELS, SIGN, TRIPLE_LEVELS, VALUE, levels_for
from threshc.sim.packed.planes.row_sums import Columns, Rows, emit
from threshc.sim.packed.planes.row_triples_plan import choose, emit_row_triples
from threshc.sim.packed.planes.sparse import emit_sparse, is_sparse
from threshc.sim.packed.planes.tables import ZERO_PLANE, Planes, Tables

Vector = NDArray[np.int64]


class Neurons:
    """Lowers one Sum over x, planes (P, C).

    A row with a single threshold, of which nobody wants the value, is compared in the registers that count it. Other
    rows are stored as numbers, and compared from there.
    """

    def __init__(self, tables: Tables, op: Sum, t: Ints, x: Planes, patch: int) -> None:
        self.tables, self.op, self.type, self.x, self.patch = tables, op, t, x, patch
        self.weights = op.weights.astype(np.int64)
        self.lo, self.hi = row_bounds(op)
        self.magnitudes = magnitudes(op.weights)

    def lower(self, compares: Sequence[Compare], keep: bool) -> tuple[Numbers | None, list[Planes]]:
        """Returns the numbers where `keep` asks for them, and the planes (.., M) of each Compare."""
        pairs = self._pairs(compares)
        several = np.bincount(pairs[0], minlength=len(self.lo)) > 1
        stored = np.full(len(self.lo), keep) | several
        numbers = self._store(stored) if stored.any() else None
        single = pairs[:, ~stored[pairs[0]]]
        fused = np.full((len(self.x), len(self.lo)), ZERO_PLANE)
        if single.size:
            fused[:, single[0]] = self._thresholds(single[0], single[1])
        return numbers, [self._pick(c, fused, numbers, stored) for c in compares]

    def _pairs(self, compares: Sequence[Compare]) -> NDArray[np.int64]:
        """The different (row, threshold) of all comparisons that are not constant, (2, K)."""
        row = np.concatenate([c.row for c in compares] + [np.zeros(0, np.int64)])
        limit = np.concatenate([c.threshold for c in compares] + [np.zeros(0, np.int64)])
        live = (limit > self.lo[row]) & (limit <= self.hi[row])
        return np.unique(np.stack([row[live], limit[live]]), axis=1)

    def _store(self, rows: NDArray[np.bool_]) -> Numbers:
        levels, offset = len(plane_weights(self.type.lo, self.type.hi)), offset_of(self.type)
        constant = [int(b) - offset for b in self.op.bias[rows]]
        wanted = Rows(self.weights[rows], constant, [0] * len(constant))
        planes = np.full((len(self.x), len(rows), levels), ZERO_PLANE)
        columns = Columns(self.tables, self.x, self.patch)
        planes[:, rows] = emit(columns, wanted, VALUE, levels_for(levels))[..., :levels]
        return Numbers(planes.reshape(*self.type.shape, levels), offset)

    def _pick(self, op: Compare, fused: Planes, numbers: Numbers | None, stored: NDArray[np.bool_]) -> Planes:
        out, live = constants(len(self.x), op.threshold, self.lo[op.row], self.hi[op.row])
        direct = live & ~stored[op.row]
        out[:, direct] = fused[:, op.row[direct]]
        for j in np.flatnonzero(live & stored[op.row]):
            assert numbers is not None
            flat = numbers.planes.reshape(len(self.x), len(stored), -1)[:, op.row[j]]
            out[:, j] = compare(self.tables, flat, numbers.offset, int(op.threshold[j]))
        return out.reshape(*self.type.shape[:-1], -1)

    def _thresholds(self, row: Vector, limit: Vector) -> Planes:
        """Planes (P, K) of s[row] >= limit.

        Rows that `against_sum` leaves alone are counted themselves: the sign of s - limit. The others, f = +-1,
        compare f * s = U - S with S = sum_i v_i x_i, which they share: the weights of U are f * w + v, and for f = -1
        the test is the complement of -s >= 1 - limit.
        """
        levels = len(plane_weights(min(self.type.lo, -1), self.type.hi))
        choice = against_sum(self.weights[row], self.magnitudes, levels)
        choice[is_sparse(self.weights[row])] = 0
        out = np.empty((len(self.x), len(row)), np.int64)
        for index in (np.flatnonzero(choice == 0), np.flatnonzero(choice)):
            if len(index):
                out[:, index] = self._fused(row[index], limit[index], choice[index].astype(np.int64))
        return out

    def _fused(self, row: Vector, limit: Vector, choice: Vector) -> Planes:
        shared = int(choice[0] != 0)
        triples = np.zeros((0, 3), np.int64)
        if shared and (self.magnitudes == 1).all() and (np.abs(self.weights[row]) == 1).all():
            triples, choice = choose(self.weights[row], choice)
        f = np.where(choice < 0, -1, 1)
        constant, widths = [], []
        for r, t, g in zip(row.tolist(), limit.tolist(), f.tolist(), strict=True):
            constant.append((int(self.op.bias[r]) - t if g > 0 else t - 1 - int(self.op.bias[r])) + shared)
            lo, hi = int(self.lo[r]) - t, int(self.hi[r]) - t
            widths.append(signed_width(lo, hi) if g > 0 else signed_width(-hi - 1, -lo - 1))
        rows = Rows(
            self.weights[row] * f[:, None] + shared * self.magnitudes, constant, [-1 if g > 0 else 0 for g in f]
        )
        bits = bits_of(self.weights[row], max(widths)) if shared else 0
        if bits:
            return emit_integer_inputs(
                self.tables, self.x, self.patch, rows, bits, levels_for(max(widths), NUMBER_LEVELS)
            )
        columns = Columns(self.tables, self.x, self.patch)
        if not shared:
            return self._signs(columns, rows, levels_for(max(widths)))
        levels = levels_for(max(widths), TRIPLE_LEVELS if len(triples) else LEVELS)
        inverse = bool((signed_digits(rows.weights) < 0).any())
        every = Rows(self.magnitudes[None], [0], [-1])
        minus_s = emit(columns, every, VALUE, levels, scratch=True, inverse=inverse)  # ~S = -1 - S
        against = int(minus_s[0, 0, 0])
        out = np.empty((len(self.x), len(row)), np.int64)
        if len(triples):
            out[:, triples.ravel()] = emit_row_triples(columns, rows.some(triples.ravel()), levels, against)
        rest = np.setdiff1d(np.arange(len(row)), triples)
        if len(rest):
            out[:, rest] = emit(columns, rows.some(rest), AGAINST, levels, against, joined=True)
        return out

    def _signs(self, columns: Columns, rows: Rows, levels: int) -> Planes:
        """Planes (P, R) of rows >= 0, each counted for itself."""
        out = np.empty((columns.positions, len(rows.weights)), np.int64)
        few = is_sparse(rows.weights)
        if few.any():
            limit = -np.array(rows.constant, object)[few].astype(np.int64)
            out[:, few] = emit_sparse(columns, rows.weights[few], limit)
        if not few.all():
            out[:, ~few] = emit(columns, rows.some(np.flatnonzero(~few)), SIGN, levels)
        return out
