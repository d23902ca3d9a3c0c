"""Step activations as thermometer bits: the point where an expression becomes Compare operations of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.levels import Levels, find_levels
from threshc.compiler.frontend.symbolic import Expr, IntArray
from threshc.compiler.ir.ops import Compare, Loc, Value


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A tensor of E elements as bits: element e has the value table[e, k] where k of its count[e] bits are set.

    Its bits are start[e] .. start[e] + count[e] - 1 of the IR value `bits` (M,), and set from the first on.
    """

    bits: Value
    shape: tuple[int, ...]
    start: IntArray
    count: IntArray
    table: NDArray[np.float32]
    tensor: str


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """How hidden bits can be read off the model, to check them: bit b of IR value `value` is 1 iff the ONNX tensor
    `tensor`, flattened per sample, has at element[b] a value above level[b], counting levels in table[element[b]]."""

    value: Value
    tensor: str
    element: IntArray
    level: IntArray
    table: NDArray[np.float32]
    count: IntArray


def expected_bits(probe: Probe, values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The bits (N, B) that a model's tensor values (N, E) stand for: above the middle of two neighbouring levels."""
    table = probe.table[probe.element].astype(np.float64)
    bit = np.arange(len(probe.element))
    below, above = table[bit, probe.level], table[bit, probe.level + 1]
    seen = values[:, probe.element].astype(np.float64)
    middle = (below + above) / 2
    return np.where(above > below, seen > middle, seen < middle).astype(np.uint8)


def encode_steps(builder: Builder, expr: Expr) -> tuple[Coded, Probe]:
    """Find the levels of a tensor and append the Compare operation that makes its bits."""
    levels = find_levels(expr)
    if not levels.count.any():
        raise fail(
            "a whole layer is constant",
            where=f"tensor {expr.tensor!r}",
            why="no reachable input changes any of its values",
            hint="check the thresholds, scales and the stated input encoding",
        )
    loc = Loc(expr.trail[-1].name if expr.trail else "", expr.tensor)
    element = np.repeat(np.arange(len(levels.count)), levels.count)
    level = np.arange(len(element)) - np.repeat(np.cumsum(levels.count) - levels.count, levels.count)
    row = expr.src.ravel()[element]
    if expr.leaf.linear is None:
        threshold = levels.threshold[element, level]
        value = (
            builder.add(Compare(0, row, threshold, loc))
            if expr.leaf.encoded
            else builder.step_bits(row, expr.leaf.real(threshold.reshape(1, -1)).ravel(), loc)
        )
    else:
        sign = _row_signs(expr, levels)
        levels = _turned(levels, sign[expr.src.ravel()] < 0)
        sums = builder.sums(expr.leaf, sign, Loc("", expr.leaf.name))
        value = builder.add(Compare(sums, row, levels.threshold[element, level], loc))
    start = np.cumsum(levels.count) - levels.count
    coded = Coded(value, expr.shape, start, levels.count, levels.table, expr.tensor)
    return coded, Probe(value, expr.tensor, element, level, levels.table, levels.count)


def _row_signs(expr: Expr, levels: Levels) -> IntArray:
    """-1 for sums whose every element falls as they rise, so that a set bit always means the higher value."""
    assert expr.leaf.linear is not None
    falls = levels.table[:, 0] > levels.table[np.arange(len(levels.count)), levels.count]
    rows, src = len(expr.leaf.linear.weights), expr.src.ravel()
    moves = levels.count > 0
    any_fall, any_rise = np.zeros(rows, bool), np.zeros(rows, bool)
    np.logical_or.at(any_fall, src[moves & falls], True)
    np.logical_or.at(any_rise, src[moves & ~falls], True)
    return np.where(any_fall & ~any_rise, -1, 1)


def _turned(levels: Levels, flip: NDArray[np.bool_]) -> Levels:
    """The same levels over the negated sums: u >= t is not (-u >= 1 - t), and the order of levels reverses."""
    threshold, table = levels.threshold.copy(), levels.table.copy()
    for e in np.flatnonzero(flip):
        k = levels.count[e]
        threshold[e, :k] = 1 - levels.threshold[e, :k][::-1]
        table[e, : k + 1] = levels.table[e, : k + 1][::-1]
    return Levels(levels.count, threshold, table)
