"""Step activations as thermometer bits: the point where an expression becomes Compare operations of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.levels import MAX_STEPS, Levels, NotAStep, find_levels
from threshc.compiler.frontend.symbolic import Expr, IntArray, Joined, Leaf, Sums
from threshc.compiler.frontend.thresholds import threshold_bits
from threshc.compiler.ir.ops import Loc, Value


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A tensor of E elements as bits: element e has the value table[e, k] where k of its count[e] bits are set.

    Its bits are index[e, :count[e]] of the IR value `bits`, flattened, and are set from the first on.
    """

    bits: Value
    shape: tuple[int, ...]
    index: IntArray
    count: IntArray
    table: Array
    tensor: str


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A way to read hidden bits off the model, to check them: bit position[b] of IR value `value`, flattened, is 1
    iff the ONNX tensor `tensor`, flattened per sample, is at element[b] above level[b] of table[element[b]]."""

    value: Value
    position: IntArray
    tensor: str
    element: IntArray
    level: IntArray
    table: Array


def expected_bits(probe: Probe, values: NDArray[np.generic], ours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the bits (N, B) that a model's tensor values (N, E) stand for: above the middle of two neighbouring
    levels.

    A value that rises and falls again does not say which bits are set. There the bits `ours` (N, B) are the expected
    ones where the level that they stand for is nearest to the value, and all of them wrong where it is not.
    """
    table = probe.table[probe.element].astype(np.float64)
    bit = np.arange(len(probe.element))
    below, above = table[bit, probe.level], table[bit, probe.level + 1]
    seen = values[:, probe.element].astype(np.float64)
    middle = (below + above) / 2
    wanted = np.where(above > below, seen > middle, seen < middle).astype(np.uint8)
    for e in folding(probe):
        mine = np.flatnonzero(probe.element == e)
        levels = probe.table[e, : len(mine) + 1].astype(np.float64)
        away = np.abs(values[:, e, None].astype(np.float64) - levels)
        right = levels[away.argmin(axis=1)] == levels[ours[:, mine].sum(axis=1, dtype=np.int64)]
        wanted[:, mine] = np.where(right[:, None], ours[:, mine], 1 - ours[:, mine])
    return wanted


def folding(probe: Probe) -> IntArray:
    """Returns the elements whose value both rises and falls as their integer rises."""
    bit = np.arange(len(probe.element))
    table = probe.table[probe.element]
    up = table[bit, probe.level + 1] > table[bit, probe.level]
    size = len(probe.table)
    return np.flatnonzero(
        np.bincount(probe.element[up], minlength=size).astype(bool)
        & np.bincount(probe.element[~up], minlength=size).astype(bool)
    )


def encode_steps(builder: Builder, expr: Expr, limit: int = MAX_STEPS, most: int | None = None) -> tuple[Coded, Probe]:
    """Finds the levels of a tensor and append the operations that make its bits: at most `limit` per element, and
    `most` in all. Raises NotAStep beyond."""
    levels = find_levels(expr, limit)
    if most is not None and int(levels.count.sum()) > most:
        raise NotAStep(fail(f"its elements take more than {most} values together").diagnostics)
    if not levels.count.any():
        raise constant_layer(expr.tensor)
    src = expr.src.ravel()
    sign = _signs(expr, levels)
    levels = _turned(levels, sign[src] < 0)
    element = np.repeat(np.arange(len(levels.count)), levels.count)
    level = np.arange(len(element)) - np.repeat(np.cumsum(levels.count) - levels.count, levels.count)
    loc = Loc(expr.trail[-1].name if expr.trail else "", expr.tensor)
    bits, position = threshold_bits(builder, expr.leaf, src[element], levels.threshold[element, level], sign, loc)
    index = np.zeros(levels.threshold.shape, np.int64)
    index[element, level] = position
    coded = Coded(bits, expr.shape, index, levels.count, levels.table, expr.tensor)
    return coded, Probe(bits, position, expr.tensor, element, level, levels.table)


def constant_layer(tensor: str) -> CompileError:
    """Returns the error that nothing of a tensor depends on the input."""
    return fail(
        "a whole layer is constant",
        where=f"tensor {tensor!r}",
        why="no reachable input changes any of its values",
        hint="check the thresholds, scales and the stated input encoding",
    )


def _signs(expr: Expr, levels: Levels) -> IntArray:
    """-1 for leaf elements behind which everything falls as they rise, so that a set bit means the higher value.

    Sums can be negated for it, all places of a row alike; the integers of other leaves stay the same.
    """
    size, src = expr.leaf.lo.size, expr.src.ravel()
    falls = levels.table[:, 0] > levels.table[np.arange(len(levels.count)), levels.count]
    moves = levels.count > 0
    any_fall, any_rise = np.zeros(size, bool), np.zeros(size, bool)
    any_fall[src[moves & falls]] = True
    any_rise[src[moves & ~falls]] = True
    return _row_signs(expr.leaf, any_fall, any_rise)


def _row_signs(leaf: Leaf, fall: NDArray[np.bool_], rise: NDArray[np.bool_]) -> IntArray:
    match leaf.source:
        case Sums(places=places):
            by_row = fall.reshape(-1, places).any(axis=1) & ~rise.reshape(-1, places).any(axis=1)
            return np.repeat(np.where(by_row, -1, 1), places)
        case Joined(parts=parts):
            cuts = np.cumsum([p.lo.size for p in parts])[:-1]
            each = zip(parts, np.split(fall, cuts), np.split(rise, cuts), strict=True)
            return np.concatenate([_row_signs(p, f, r) for p, f, r in each])
        case _:
            return np.ones(len(fall), np.int64)


def _turned(levels: Levels, flip: NDArray[np.bool_]) -> Levels:
    """The same levels over the negated sums: u >= t is not (-u >= 1 - t), and the order of levels reverses."""
    if not flip.any():
        return levels
    threshold = 1 - _mirrored(levels.threshold, levels.count, flip)
    threshold[~flip] = levels.threshold[~flip]
    table = _mirrored(levels.table, levels.count + 1, flip)
    return Levels(levels.count, threshold, table)


def _mirrored(rows: Array, count: IntArray, which: NDArray[np.bool_]) -> Array:
    """Rows (E, K), the first count[e] elements of some of them in reverse order."""
    k = np.arange(rows.shape[1])
    back = count[:, None] - 1 - k
    return np.asarray(np.take_along_axis(rows, np.where(which[:, None] & (back >= 0), back, k), axis=1))
