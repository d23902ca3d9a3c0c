"""Maps whose channels are integer sums of bits: what a layer reads, be it activations or the sums of a layer before it.

Two layers without a step between them are one: the sums of the second over the sums of the first are sums over the
first one's bits, with the products of the weights. No operation of the network stands between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.dtypes import digits, is_integer
from threshc.compiler.frontend.grid import Floats
from threshc.compiler.frontend.kernels.registry import Kind
from threshc.compiler.frontend.maps import BitMap
from threshc.compiler.frontend.rows import even_rows, want_size
from threshc.compiler.frontend.sums import check_size
from threshc.compiler.frontend.symbolic import Expr, IntArray, Sums
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import Gather, Loc, Value

_DIVISORS, _MULTIPLE = 16, 1 << 12
"""Scales count as multiples of one unit, as far as float32 can tell, where the smallest is up to _DIVISORS units and
the largest below _MULTIPLE units; beyond, the multiples must be exact."""


@dataclass(frozen=True, slots=True, eq=False)
class SumMap:
    """A map of C channels over bits (H, W, width): channel c at a place is
    unit[c] * (base[c] + weights[c] . bits[column[c]]) / over + shift[c], weights and columns (C, K) as in `rows`.

    blur (C,): how far one rounding takes the model's own number from it.
    """

    bits: Value
    size: tuple[int, int]
    weights: IntArray
    column: IntArray
    width: int
    base: IntArray
    shift: Floats
    unit: Floats
    blur: Floats
    over: int = 1

    @property
    def reach(self) -> Floats:
        """The greatest |value| of each channel (C,), in units."""
        return reach_of(self.weights, self.base)

    def under(self, n: IntArray, groups: int, where: str) -> tuple[IntArray, IntArray | None]:
        """Weights and columns over the bits under a window, tap after tap, of a kernel n (R, C / groups, taps)."""
        rows, per_group, taps = len(n) // groups, n.shape[1], n.shape[2]
        if groups == 1:
            want_size(len(n) * taps * self.width, where)
            return self._spread(n, np.arange(per_group), np.arange(self.width)), None
        weights, columns = [], []
        for k in range(groups):
            channels = np.arange(k * per_group, (k + 1) * per_group)
            used = np.unique(self.column[channels])
            weights += list(self._spread(n[k * rows : (k + 1) * rows], channels, used))
            columns += [(np.arange(taps)[:, None] * self.width + used).ravel()] * rows
        want_size(len(n) * max(len(c) for c in columns), where)
        return even_rows(columns, weights, taps * self.width)

    def _spread(self, n: IntArray, channels: IntArray, used: IntArray) -> IntArray:
        """A kernel (R, channels, taps) over the bits `used` (ascending) under each tap, (R, taps * used)."""
        if len(used) == self.width == self.weights.shape[1] and (self.column == used).all():
            return product(n.transpose(0, 2, 1), self.weights[channels]).reshape(len(n), -1)
        total = np.zeros((len(n), n.shape[2], len(used)), np.int64)
        for k, c in enumerate(channels):
            total[:, :, np.searchsorted(used, self.column[c])] += n[:, k, :, None] * self.weights[c]
        return total.reshape(len(n), -1)


def reach_of(weights: IntArray, base: IntArray) -> Floats:
    """Returns the greatest |base[r] + weights[r] . bits| of each row (R,)."""
    ends = [base + f(weights, 0).astype(np.float64).sum(axis=1) for f in (np.minimum, np.maximum)]
    return np.asarray(np.abs(ends).max(axis=0), np.float64)


def rounding(sums: Sums, dtype: np.dtype[Any]) -> Floats:
    """Returns how far one rounding, the last or an earlier one, takes the model's own numbers of a type from the sums
    (R,)."""
    blur = np.zeros(len(sums.weights)) if sums.blur is None else sums.blur
    reach = reach_of(sums.weights * sums.step[:, None], sums.base)
    mantissa, _ = np.frexp(np.append(sums.unit, sums.over))
    if is_integer(dtype) or not (
        (np.abs(mantissa) != 0.5).any() or sums.shift.any() or reach.max() > 2 ** digits(dtype)
    ):
        return blur  # whole multiples of a power of two, which the type holds
    most = np.abs(sums.unit) * reach / sums.over + np.abs(sums.shift)
    return np.maximum(blur, most * 2.0 ** -digits(dtype))


def product(a: IntArray, b: IntArray) -> IntArray:
    """Returns a @ b, exact; through float64, which is many times faster, where no sum can reach 2**53."""
    bound = np.abs(a).max(initial=0) * float(np.abs(b).max(initial=0)) * b.shape[0]
    if bound < 2.0**53:
        return np.asarray(np.matmul(a.astype(np.float64), b.astype(np.float64)), np.int64)
    return np.asarray(np.matmul(a, b))


def map_of_bits(field: BitMap, shift: Floats) -> SumMap:
    """Returns the map of an activation: the bits of a channel, and nothing else, make its value."""
    channels, width = len(field.base), len(field.channel)
    order = np.argsort(field.channel, kind="stable")
    cuts = np.cumsum(np.bincount(field.channel, minlength=channels))[:-1]
    columns = np.split(order, cuts)
    weights, column = even_rows(columns, [field.delta[c] for c in columns], width)
    return SumMap(field.bits, field.size, weights, column, width, field.base, shift, field.unit, field.blur)


def is_plain(x: Expr) -> bool:
    """Returns whether a tensor holds sums that nothing but moves of elements followed."""
    return isinstance(x.leaf.source, Sums) and _only_moved(x)


def _only_moved(x: Expr) -> bool:
    if x.node is None or x.kernel is None:
        return True
    moves = x.kernel.kind is Kind.STRUCTURE or x.node.op in ("Identity", "Dropout")
    return moves and all(_only_moved(a) for a in x.args if isinstance(a, Expr))


def common_unit(unit: Floats) -> tuple[IntArray, float] | None:
    """Scales (R,) as positive integers times one unit, or None: equal scales, or ratios of small whole numbers."""
    if (unit == unit[0]).all():
        return np.ones(len(unit), np.int64), float(unit[0])
    smallest = float(np.abs(unit).min())
    for divisor in range(1, _DIVISORS + 1):
        whole = np.rint(unit * divisor / smallest)
        exact = whole * (smallest / divisor)
        same = (exact.astype(np.float32) == unit.astype(np.float32)) & (np.abs(whole) < _MULTIPLE) | (exact == unit)
        if same.all() and np.abs(whole).max() < 2.0**31:
            return whole.astype(np.int64), smallest / divisor
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The integers of sums in chosen units: row r is unit[r] * (base[r] + weights[r] . bits) / over + shift[r]."""

    weights: IntArray
    base: IntArray
    unit: Floats


def in_one_unit(sums: Sums) -> Scaled | None:
    """Returns the sums with all rows in one unit, or None where their scales have none."""
    found = common_unit(sums.unit)
    if found is None:
        return None
    k = found[0]
    return Scaled(sums.weights * (sums.step * k)[:, None], sums.base * k, np.full(len(k), found[1]))


def in_own_units(sums: Sums) -> Scaled:
    """Returns the sums with every row in its own unit."""
    return Scaled(sums.weights * sums.step[:, None], sums.base, sums.unit)


def map_of_sums(builder: Builder, x: Expr, scaled: Scaled, shape: tuple[int, ...], where: str) -> SumMap:
    """Returns plain sums, `scaled` as the caller needs them, as a map of the given shape (1, C, H, W) or (1, C, L)."""
    sums = x.leaf.source
    assert isinstance(sums, Sums)
    height, width = (*shape[2:], 1)[:2]
    src = x.src.reshape(shape[1], -1)
    row, place = src // sums.places, src % sums.places
    if (row != row[:, :1]).any():
        raise fail(
            "a channel of a map does not have the same sums at every place",
            where=f"{where}, tensor {x.tensor!r}",
            why="the weights of a convolution, and of a sum of two maps, are the same everywhere",
            hint="put a step before the operator that moves the elements",
        )
    row = row[:, 0]
    weights = scaled.weights[row]
    column = np.broadcast_to(np.arange(sums.width), weights.shape) if sums.column is None else sums.column[row]
    bits, columns = sums.bits, sums.width
    if (place != place[0]).any():  # channels that were moved apart, as DepthToSpace does: each takes its own bits along
        index = place.T[:, :, None] * sums.width + column
        columns = column.size
        column = np.arange(columns).reshape(weights.shape)
        bits = builder.add(Gather((bits,), index.reshape(height, width, -1), Loc("", x.tensor)))
    else:
        index = (place[0][:, None] * sums.width + np.arange(sums.width)).reshape(height, width, -1)
        bits = gathered(builder, bits, index, builder.shape(bits), Loc("", x.tensor))
    base, shift, unit = scaled.base[row], sums.shift[row], scaled.unit[row]
    return SumMap(
        bits,
        (height, width),
        weights,
        column,
        columns,
        base,
        shift,
        unit,
        rounding(sums, x.sample.dtype)[row],
        sums.over,
    )


def weights_of_features(
    x: Expr, scaled: Scaled, n: IntArray, where: str
) -> tuple[IntArray, IntArray, Floats, float, Floats]:
    """Returns layer weights n (R, E) over plain sums in one unit: weights (R, places * width) over their bits laid end
    to end, the integers (R,) and reals (R,) to be added, the unit (before division by `over`), and the blur (R,)."""
    sums = x.leaf.source
    assert isinstance(sums, Sums)
    rows, places = len(sums.weights), sums.places
    want_size(len(n) * places * sums.width, where)
    check_size([(n, reach_of(scaled.weights, scaled.base)[x.src.ravel() // places])], where)
    by_sum = np.zeros((rows * places, len(n)), np.int64)
    np.add.at(by_sum, x.src.ravel(), n.T)
    m = by_sum.T.reshape(len(n), rows, places)
    if sums.column is None:
        total = product(m.transpose(0, 2, 1), scaled.weights)
    else:
        total = np.zeros((len(n), places, sums.width), np.int64)
        for r in range(rows):
            total[:, :, sums.column[r]] += m[:, r, :, None] * scaled.weights[r]
    times = m.sum(axis=2)
    blur = (np.abs(m).max(axis=2) * rounding(sums, x.sample.dtype)).max(axis=1)
    return total.reshape(len(n), -1), times @ scaled.base, times @ sums.shift, float(scaled.unit[0]), blur
