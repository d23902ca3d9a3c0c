"""The end of a model: integer scores whose order is the order of the model's float32 outputs, proved, not assumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.dtypes import digits, is_float
from threshc.compiler.frontend.symbolic import Expr, IntArray, Sums, evaluate

SPAN_LIMIT = 1 << 16
"""Reachable sums per output up to which the order is checked on every one of them."""
Floats = NDArray[np.float64]
Values = NDArray[np.float64] | NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Scores s_c = factor[c] * D_c + offset[c] over the exact dot products D_c of the last layer.

    The largest s_c, lowest index first among equals, is the largest model output, for every reachable input.
    scale, shift (C,): the model's real output is scale * s + shift, but for the rounding of floats; where
    `order_only`, it is but near that: margins between scores are not the model's.
    weights (C, K): of the scores themselves over the bits of their sums, in place of a factor.
    """

    factor: IntArray
    offset: IntArray
    scale: Floats
    shift: Floats
    order_only: bool = False
    weights: IntArray | None = None


def find_head(expr: Expr) -> Head | None:
    """Returns integer scores for a tensor of C outputs, the smallest that keep the order on all pairs of reachable
    sums.

    First the dot products themselves, then their negatives, then affine fits with more and more bits. None where no fit
    of 40 bits keeps the order.
    """
    values, sums = reachable(expr)
    slope, shift = _lines(values, sums)
    plain = np.ones(len(values), np.int64)
    for sign in (1, -1):
        if keeps_order(values, [sign * s for s in sums]):
            return Head(sign * plain, 0 * plain, sign * slope, shift, not _straight(values, sums, slope, shift))
    return fitted(values, sums, slope, shift)


def fitted(values: Sequence[Values], sums: Sequence[IntArray], slope: Floats, shift: Floats) -> Head | None:
    """Returns the affine scores of the fewest bits, up to 40, near slope * sum + shift and in the order of the
    values."""
    for sigma in _resolutions(float(np.abs(slope).max())):
        real = np.rint(np.stack([slope, shift]) * sigma)
        if not np.abs(real).max(initial=0) < 2.0**62:
            break
        factor, offset = real.astype(np.int64)
        if keeps_order(values, [f * s + o for f, s, o in zip(factor, sums, offset, strict=True)]):
            return Head(factor, offset, np.full(len(values), 1 / sigma), np.zeros(len(values)), True)
    return None


def narrow_type(expr: Expr) -> str:
    """Returns the name of a type narrower than float32 that lies on the way from the sums, or ""."""
    seen, waiting = set[int](), [expr]
    while waiting:
        part = waiting.pop()
        dtype = part.sample.dtype
        if is_float(dtype) and digits(dtype) < 24:
            return str(dtype.name)
        waiting += [a for a in part.args if isinstance(a, Expr) and id(a) not in seen]
        seen.update(map(id, part.args))
    return ""


def reachable(expr: Expr) -> tuple[list[Floats], list[IntArray]]:
    """Returns, per output, the model's value at every reachable integer, and the dot product there."""
    leaf, src = expr.leaf, expr.src.ravel()
    linear = leaf.source
    assert isinstance(linear, Sums)
    lo, hi = leaf.lo.ravel(), leaf.hi.ravel()
    columns = [evaluate(expr, np.minimum(leaf.lo + k, leaf.hi)).astype(np.float64).ravel() for k in range(span(expr))]
    table = np.stack(columns, axis=1)
    if not np.isfinite(table).all():
        raise fail(
            "the model computes NaN or infinity",
            where=f"tensor {expr.tensor!r}",
            hint="check the scales of the last layer",
        )
    counts = (hi - lo + 1)[src]
    row = src // linear.places
    sums = [linear.step[r] * np.arange(lo[e], hi[e] + 1) + linear.base[r] for r, e in zip(row, src, strict=True)]
    return [row[:n] for row, n in zip(table, counts, strict=True)], sums


def span(expr: Expr) -> int:
    """Returns how many values the widest sum behind a tensor can take."""
    return int((expr.leaf.hi - expr.leaf.lo).ravel()[expr.src].max()) + 1


def _lines(values: Sequence[Floats], sums: Sequence[IntArray]) -> tuple[Floats, Floats]:
    """Slope and intercept per output, through its first and last point."""
    slope = np.array(
        [(float(v[-1]) - float(v[0])) / max(int(s[-1] - s[0]), 1) for v, s in zip(values, sums, strict=True)]
    )
    first = np.array([float(v[0]) for v in values])
    return slope, first - slope * np.array([int(s[0]) for s in sums])


def _straight(values: Sequence[Floats], sums: Sequence[IntArray], slope: Floats, shift: Floats) -> bool:
    """Whether every value lies on its output's line, but for the rounding of float32 on the way."""
    for v, s, a, b in zip(values, sums, slope, shift, strict=True):
        off = np.abs(v.astype(np.float64) - (a * s + b)).max(initial=0)
        if off > 16 * np.finfo(np.float32).eps * max(float(np.abs(v).max(initial=0)), abs(float(b))):
            return False
    return True


def _resolutions(steepest: float) -> Iterator[float]:
    """Scales to try, from one unit for the steepest output up to 40 bits, four per octave."""
    if steepest == 0:
        steepest = 1.0
    for quarter in range(160):
        yield 2 ** (quarter / 4) / steepest


def keeps_order(values: Sequence[Values], scores: Sequence[IntArray]) -> bool:
    """Returns whether argmax over scores equals argmax over values for every choice of one point per output.

    That is, for all outputs c < d and points i, j: values[c][i] >= values[d][j] iff scores[c][i] >= scores[d][j].
    """
    order = [np.argsort(s, kind="stable") for s in scores]
    if any((v[o][1:] < v[o][:-1]).any() for v, o in zip(values, order, strict=True)):
        return False
    for d in range(1, min(len(values), 4)):  # most orders that differ do so early
        two = slice(d - 1, d + 1)
        if not np.array_equal(_places(values[two], order[two]), _places(scores[two], order[two])):
            return False
    return bool(np.array_equal(_places(values, order), _places(scores, order)))


def departures(values: Sequence[Floats], scores: Sequence[IntArray]) -> tuple[int, int]:
    """Returns how many pairs of reachable sums of two outputs stand in another order in the values than in the scores,
    and how many pairs there are. The values of each output never fall as its scores rise."""
    order = [np.argsort(s, kind="stable") for s in scores]
    place = np.empty(sum(map(len, values)), np.int64)
    place[_places(values, order)] = np.arange(len(place))
    sizes = [len(v) for v in values]
    total = (sum(sizes) ** 2 - sum(n * n for n in sizes)) // 2
    return _inversions(place[_places(scores, order)]), total


def _places(values: Sequence[Values], order: Sequence[IntArray]) -> IntArray:
    """All points of all outputs, end to end, from the least to the greatest; among equals the later output is less, and
    the points of one output stand in an order (the one in which its scores rise)."""
    points = np.concatenate([v[o] for v, o in zip(values, order, strict=True)])
    owner = np.repeat(np.arange(len(values)), [len(v) for v in values])
    return np.lexsort((-owner, points))  # keeps the order of equal keys


def _inversions(ranks: IntArray) -> int:
    """How many pairs of a sequence stand with the greater one first."""
    if len(ranks) <= 512:
        return int(np.triu(ranks[:, None] > ranks, 1).sum())
    left, right = np.split(ranks, [len(ranks) // 2])
    between = len(left) * len(right) - int(np.searchsorted(np.sort(left), right).sum())
    return _inversions(left) + _inversions(right) + between
