"""Functions of an input integer that are not affine maps (quantizers, clips), as integers made of few bits.

Written as thermometer bits, an 8-bit quantizer gives up to 255 columns for every feature. Two forms have fewer:
  * the input's own bits, each with a weight, and a threshold wherever the function leaves what they add up to:
    round(i / 255 * 127) is i >> 1, round(i / 255 * 128) is i >> 1 and the lowest bit, round(i / 255 * 256) is i and one
    threshold;
  * the count of the thresholds that are passed (`Compare`, `Sum`) in binary (`Bitplanes`): 8 columns for 255.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.coding import constant_layer
from threshc.compiler.frontend.grid import dyadic_grid, integer_grid
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.levels import find_levels
from threshc.compiler.frontend.symbolic import Expr, IntArray, evaluate
from threshc.compiler.ir.shapes import plane_weights

WIDEST = 1 << 12
"""Integers of an input up to which its functions are read at each of them."""
_FEW = 8
"""Thresholds per feature up to which the model's own steps are the bits, since `verify` compares those."""
_LONGEST = 1 << 10
"""Thresholds that are counted for a feature."""
_WIDEST_STEPS, _ELEMENTS, _FUNCTIONS = 1 << 16, 1 << 15, 1 << 10
"""Integers of an input, and elements, up to which thresholds are looked at instead; functions that may be different."""


@dataclass(frozen=True, slots=True, eq=False)
class Staircase:
    """n(i) = base + weights . (bits of i) + sum of jump[j] where i >= threshold[j]."""

    base: int
    weights: IntArray
    threshold: IntArray
    jump: IntArray

    @property
    def columns(self) -> int:
        """The number of bits that it reads."""
        return len(self.threshold) + int(np.count_nonzero(self.weights))


@dataclass(frozen=True, slots=True, eq=False)
class InputTable:
    """Element e (flattened) is unit * stairs[which[e]](i), but for `blur`, the rounding of the model's levels.

    counted: thresholds alone, whose count enters in binary."""

    which: IntArray
    stairs: tuple[Staircase, ...]
    unit: float
    blur: float
    counted: bool


def input_table(x: Expr, uses: int) -> InputTable | None:
    """Returns a tensor over the input's integers in the form with the fewest columns, for a layer in which each element
    has `uses` weights. None where its thresholds as they are do as well, or there are too many integers or none that
    fit.
    """
    lo, hi = int(x.leaf.lo.min()), int(x.leaf.hi.max())
    read = _values(x, lo, hi) if hi - lo < WIDEST else _of_levels(x, lo, hi) if hi - lo < _WIDEST_STEPS else None
    if read is None:
        return None
    which, values = read
    find = integer_grid if values.dtype == np.float32 else dyadic_grid
    found = find(values.astype(np.float64)) if np.isfinite(values.astype(np.float64)).all() else None
    if found is None or np.abs(found[0]).max() >= 2**40:
        return None
    n, unit = found
    maps = _Maps(lo, hi)
    plain = [maps.staircase(row, np.zeros(len(maps.planes), np.int64)) for row in n]
    most = max(len(s.threshold) for s in plain)
    if not most:
        raise constant_layer(x.tensor)
    if x.stepped and most <= _FEW:
        return None
    stairs = [min((maps.staircase(row, w) for w in maps.weights(row)), key=lambda s: s.columns) for row in n]
    straight = all(s.weights.any() and not len(s.threshold) for s in stairs)
    blur = 0.0 if straight else float(np.abs(values.astype(np.float64) - n * unit).max())
    columns = max(s.columns for s in stairs)
    length = max(int(np.abs(s.jump).sum()) for s in plain)
    counted = length.bit_length()
    if length <= _LONGEST and columns > 2 * counted and columns * uses > 2 * length + counted * uses:
        return InputTable(which, tuple(plain), unit, blur, True)
    return InputTable(which, tuple(stairs), unit, blur, False) if columns < most or not x.stepped else None


def _values(x: Expr, lo: int, hi: int) -> tuple[IntArray, Array] | None:
    """The functions that occur, (G, hi - lo + 1) values at lo..hi, and which of them each element (E,) is."""
    which, first, seen = np.zeros(x.src.size, np.int64), np.zeros(1, np.int64), list[Array]()
    for i in range(lo, hi + 1):
        now = evaluate(x, np.full(x.leaf.shape, i, np.int64)).ravel()
        if (now != now[first][which]).any():
            _, kind = np.unique(now, return_inverse=True)
            before = which
            _, first, which = np.unique(which * (kind.max() + 1) + kind, return_index=True, return_inverse=True)
            if len(first) > _FUNCTIONS:
                return None
            seen = [values[before[first]] for values in seen]
        seen.append(now[first])
    return which, np.stack(seen, axis=1)


def _of_levels(x: Expr, lo: int, hi: int) -> tuple[IntArray, Array] | None:
    """The same of steps over many integers, from their thresholds."""
    if not x.stepped or x.src.size > _ELEMENTS:
        return None
    try:
        levels = find_levels(x)
    except CompileError:
        return None  # it is named where the bits of the steps are made
    known = np.arange(levels.threshold.shape[1]) < levels.count[:, None]
    threshold = np.where(known, levels.threshold, hi + 1)
    last = levels.table[np.arange(len(levels.count)), levels.count]
    table = np.where(np.pad(known, ((0, 0), (1, 0)), constant_values=True), levels.table, last[:, None])
    _, kind = np.unique(table, return_inverse=True)
    keys = np.concatenate([threshold, kind.reshape(table.shape)], axis=1)
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    if len(first) > _FUNCTIONS * WIDEST // (hi - lo + 1):
        return None
    often = np.diff(threshold[first], axis=1, prepend=lo, append=hi + 1)
    return which.ravel(), np.stack([np.repeat(t, n) for t, n in zip(table[first], often, strict=True)])


class _Maps:
    """Linear maps of the bits of the integers lo..hi. planes (k,): what the bits weigh; bits (hi - lo + 1, k)."""

    def __init__(self, lo: int, hi: int) -> None:
        self.planes, self.lo = np.array(plane_weights(lo, hi)), lo
        self.bits = np.arange(lo, hi + 1)[:, None] >> np.arange(len(self.planes)) & 1

    def staircase(self, n: IntArray, weights: IntArray) -> Staircase:
        """A function n (hi - lo + 1,) as a map with these weights and thresholds."""
        rest = n - self.bits @ weights
        jump = np.diff(rest)
        at = np.flatnonzero(jump)
        return Staircase(int(rest[0]), weights, self.lo + 1 + at, jump[at])

    def weights(self, n: IntArray) -> list[IntArray]:
        """Weights that are worth a try: scale * (i >> shift), the same rounded, and the values at each bit alone."""
        k = np.arange(len(self.planes))
        found, jump = [k * 0], np.diff(n)
        for shift in range(len(self.planes)):
            down = np.where(k >= shift, self.planes >> shift, 0)
            for start, way in ((0, down), (1 << shift >> 1, down + (k == shift - 1))):
                steps, counts = np.unique(
                    jump[start - self.lo - 1 & ((1 << shift) - 1) :: 1 << shift], return_counts=True
                )
                found += [int(s) * way for s in steps[np.argsort(-counts)][:2] if s]
        if self.lo <= 0 < self.lo + len(n):
            found.append(n[np.clip(self.planes - self.lo, 0, len(n) - 1)] - n[-self.lo])
        return found
