"""Exact thresholds: where, over the reachable integers, a model's own float32 tail changes its value.

Monotone tails (proved operator by operator, see `Expr.direction`) are bisected: evaluating the tail itself at candidate
integers is exact where closed forms such as ceil(mean - beta * sqrt(var + eps) / gamma) are off by one near ties.
Tails whose direction is not proved are evaluated at every reachable integer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.dtypes import has_nan
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.pieces import candidates
from threshc.compiler.frontend.real_features import any_number
from threshc.compiler.frontend.regions import regions
from threshc.compiler.frontend.symbolic import Expr, Features, IntArray, evaluate

MAX_STEPS = 255
"""Thresholds per element that still count as a step function: an 8-bit activation has 255."""

EXHAUSTIVE_LIMIT = 1 << 16
"""Reachable integers up to which a tail of unknown direction is evaluated at each of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Per element of a tensor (flattened, E elements): the value is table[e, k] where k thresholds are passed. It may
    rise at some and fall at others, as that of |x| > 3 does.

    count: (E,) thresholds of each element; threshold: (E, K) int64, ascending: the least integer of the next level;
    table: (E, K + 1) in the tensor's own type; both padded beyond count[e].
    """

    count: IntArray
    threshold: IntArray
    table: Array


class NotAStep(CompileError):
    """The tail takes more values than a step function would."""


def find_levels(expr: Expr, limit: int = MAX_STEPS) -> Levels:
    """Returns the levels of every element of a tensor.

    Raises NotAStep beyond `limit` thresholds, CompileError for NaN.
    """
    lo, hi = expr.leaf.lo.ravel()[expr.src].ravel(), expr.leaf.hi.ravel()[expr.src].ravel()
    steps: list[IntArray] = []
    values: list[Array] = []
    search = (
        _bisect(expr, lo, hi)
        if expr.direction.all()
        else _pieces(expr, lo, hi, limit) or _by_regions(expr, lo, hi, limit) or _scan(expr, lo, hi, limit)
    )
    for threshold, value in search:
        if len(steps) > limit:
            raise NotAStep(fail(f"it takes more than {limit + 1} values").diagnostics)
        steps.append(threshold)
        values.append(value)
    table = np.stack(values, axis=1)
    threshold = np.stack(steps, axis=1)[:, 1:]
    count = (threshold <= hi[:, None]).sum(axis=1)
    if expr.leaf.beside is not None:
        _want_clear(expr, count, table, threshold)
    return Levels(count, threshold, table)


def _bisect(expr: Expr, lo: IntArray, hi: IntArray) -> Iterator[tuple[IntArray, Array]]:
    """Level by level, all elements at once: (least integer of the level, value); hi + 1 past its last level."""
    last = _at(expr, hi)
    start, value = lo, _at(expr, lo)
    yield start, value
    while (open_ := value != last).any():
        below, above = start.copy(), np.where(open_, hi, hi + 1)  # f(below) == value; f(above) != value where open
        while (open_ & (above - below > 1)).any():
            middle = below + (above - below) // 2
            same = _at(expr, np.minimum(middle, hi)) == value
            below = np.where(open_ & same, middle, below)
            above = np.where(open_ & ~same, middle, above)
        start = np.where(open_, above, hi + 1)
        value = np.where(open_, _at(expr, np.minimum(start, hi)), value)
        yield start, value


def _pieces(expr: Expr, lo: IntArray, hi: IntArray, limit: int) -> list[tuple[IntArray, Array]] | None:
    """Like `_bisect`, for functions made of monotone steps; None where something else is among them."""
    try:
        places = candidates(expr, lambda part: np.where(*_reachable_steps(part)))
    except NotAStep:
        return None
    if places is None:
        return None
    changes = _Changes(lo, hi, _at(expr, lo), limit)
    for k in range(places.shape[1]):
        inside = np.clip(places[:, k], lo, hi)
        changes.add(inside, _at(expr, inside))
    return changes.levels


def _by_regions(expr: Expr, lo: IntArray, hi: IntArray, limit: int) -> list[tuple[IntArray, Array]] | None:
    """Like `_bisect`, region by region, for functions made of steps and of monotone parts; None for others."""
    if int((hi - lo).max()) < EXHAUSTIVE_LIMIT:
        return None
    found = regions(expr, lo, hi, lambda part: np.where(*_few_steps(part)))
    if found is None:
        return None
    changes = _Changes(lo, hi, _at(expr, lo), limit)
    for first, last, over in found:
        there, inside = first <= last, np.minimum(first, hi)
        for start, _ in (
            [(inside, None)] if not isinstance(over, Expr) else _bisect(over, inside, np.maximum(inside, last))
        ):
            at = np.where(there, np.minimum(start, last), inside)
            changes.add(at, np.where(there, _at(expr, at), changes.value))
    return changes.levels


def _few_steps(part: Expr) -> tuple[NDArray[np.bool_], IntArray, IntArray]:
    """The reachable steps; none where a monotone tensor takes too many values, as it has no turns."""
    try:
        return _reachable_steps(part)
    except NotAStep:
        none = np.zeros((part.src.size, 0), np.int64)
        return none.astype(bool), none, part.leaf.lo.ravel()[part.src].reshape(-1, 1)


def _reachable_steps(part: Expr) -> tuple[NDArray[np.bool_], IntArray, IntArray]:
    levels = find_levels(part)
    known = np.arange(levels.threshold.shape[1]) < levels.count[:, None]
    return known, levels.threshold, part.leaf.lo.ravel()[part.src].reshape(-1, 1)


class _Changes:
    """The levels of every element, built up by values at ascending integers."""

    def __init__(self, lo: IntArray, hi: IntArray, value: Array, limit: int) -> None:
        self._hi, self.value, self._limit = hi, value, limit
        self._level = np.zeros(len(lo), np.int64)
        self.levels: list[tuple[IntArray, Array]] = [(lo, value)]

    def add(self, at: IntArray, value: Array) -> None:
        """Elements take `value` from the integers `at` on. Raises NotAStep beyond the limit of thresholds."""
        moved = value != self.value
        if not moved.any():
            return
        self._level = self._level + moved
        while len(self.levels) <= self._level.max():
            self.levels.append((self._hi + 1, self.value.copy()))
            if len(self.levels) > self._limit + 2:
                raise NotAStep(fail(f"it takes more than {self._limit + 1} values").diagnostics)
        for e in np.flatnonzero(moved):
            self.levels[self._level[e]][0][e] = at[e]
            for later in self.levels[self._level[e] :]:
                later[1][e] = value[e]
        self.value = value


def _scan(expr: Expr, lo: IntArray, hi: IntArray, limit: int) -> Iterator[tuple[IntArray, Array]]:
    """Like `_bisect`, but reading the tail at every reachable integer, because nothing proves that it is monotone."""
    span = int((hi - lo).max()) + 1
    if span > EXHAUSTIVE_LIMIT:
        if expr.leaf.source == Features(False):
            raise any_number(expr, _where(expr), _unproved(expr))
        raise fail(
            "the operators before the step are not known to be monotone",
            where=_where(expr),
            why=f"{span} reachable sums are too many to evaluate each, and nothing proves that {_unproved(expr)} "
            "moves one way",
            hint="quantize the weights of the layer before it, so that its sums take fewer values, or use functions of "
            "which it is proved: scales, offsets, BatchNormalization, Relu, Clip, PRelu, LeakyRelu, HardSigmoid",
        )
    changes = _Changes(lo, hi, _at(expr, lo), limit)
    for offset in range(1, span):
        now = np.minimum(lo + offset, hi)
        changes.add(now, _at(expr, now))
    yield from changes.levels


def _unproved(expr: Expr) -> str:
    """The first operator on the way from the sums whose direction is not known."""
    inner = [a for a in expr.args if isinstance(a, Expr)]
    for a in [expr.part.expr] if expr.part is not None else inner:
        if not a.direction.all():
            return _unproved(a)
    return expr.node.op if expr.node else "the tensor"


def _want_clear(expr: Expr, count: IntArray, table: Array, threshold: IntArray) -> None:
    """Refuse ties: thresholds where one rounding among what the model sums decides, so that no sum has one answer."""
    for k in range(threshold.shape[1]):
        there = count > k
        for step, level in ((0, k + 1), (-1, k)):
            at = np.where(there, threshold[:, k] + step, expr.leaf.lo.ravel()[expr.src].ravel())
            for side in (-1, 1):
                wrong = there & (_at(expr, at, side) != table[:, level])
                if wrong.any():
                    raise _blurred(expr, int(np.flatnonzero(wrong)[0]), int(at[np.flatnonzero(wrong)[0]]))


def _blurred(expr: Expr, element: int, integer: int) -> CompileError:
    index = [int(i) for i in np.unravel_index(element, expr.shape)]
    return fail(
        "the model's own rounding decides a step",
        where=f"{_where(expr)}, index {index}",
        why=f"at the reachable sum {integer} of {expr.leaf.name!r} the exact value is so near to a threshold that the "
        "rounding of the numbers summed (averages, scaled levels, a decayed potential) decides, differently from input "
        "to input",
        hint="average over a power of two of places, use scales that are powers of two (in a spiking neuron a decay of "
        "1 or 1/2), or a bias that is not a tie",
    )


def _at(expr: Expr, candidates: IntArray, beside: int = 0) -> Array:
    """The tail at one candidate integer per element (E,). Elements that share a leaf element are evaluated in turns."""
    src = expr.src.ravel()
    out: Array | None = None
    for group in _turns(src):
        integers = expr.leaf.lo.ravel().copy()
        integers[src[group]] = candidates[group]
        got = evaluate(expr, integers.reshape(expr.leaf.shape), beside=beside).ravel()
        if out is None:
            out = got.copy()
        out[group] = got[group]
    assert out is not None
    if has_nan(out):
        element = int(np.flatnonzero(out != out)[0])
        index = [int(i) for i in np.unravel_index(element, expr.shape)]
        raise fail(
            "the model computes NaN",
            where=f"{_where(expr)}, index {index}",
            why=f"at the reachable sum {int(candidates[element])}",
            hint="check the scales and variances of this channel",
        )
    return out


def _turns(src: IntArray) -> list[IntArray]:
    """Elements grouped so that no group reads a leaf element twice; one group in the usual case."""
    if (src[1:] > src[:-1]).all() or len(np.unique(src)) == len(src):  # ascending: the quick test of the usual case
        return [np.arange(len(src))]
    order = np.argsort(src, kind="stable")
    ordered = src[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]]
    turn = np.arange(len(src)) - np.maximum.accumulate(np.where(first, np.arange(len(src)), 0))
    return [order[turn == k] for k in range(int(turn.max()) + 1)]


def _where(expr: Expr) -> str:
    return f"{expr.node.where}, tensor {expr.tensor!r}" if expr.node else f"tensor {expr.tensor!r}"
