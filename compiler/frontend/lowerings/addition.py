"""Additions of two tensors that depend on the input: one sum over the bits of both.

A sum before its step, and an activation (thermometer bits with a value per level), are both integers times a scale.
Where the two scales are whole multiples of one unit, so is the sum of the two; nothing is rounded on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import ClassIndex, Context, Known, lowers, symbolic
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.grid import Floats
from threshc.compiler.frontend.kernels.registry import Array, find_kernel
from threshc.compiler.frontend.lowerings.classes import shifted_class
from threshc.compiler.frontend.lowerings.fields import joined_bits, own_field
from threshc.compiler.frontend.sum_map import SumMap, common_unit
from threshc.compiler.frontend.sums import check_size, check_type, sums_leaf
from threshc.compiler.frontend.symbolic import Expr, Leaf, apply, leaf_expr
from threshc.compiler.ir.ops import Gather, Loc


@lowers("Add", "Sub", "Sum")
def add(context: Context, node: Node, args: Sequence[Known | None]) -> Expr | ClassIndex:
    """Works element by element on one tensor and constants. Of two tensors: one sum over the bits of both. Of a
    class index and a number: classes that are counted from another number."""
    kernel = find_kernel(node)
    assert kernel is not None
    shifted = shifted_class(node, args)
    if shifted is not None:
        return shifted
    exprs = [a if isinstance(a, Expr) else symbolic(node, args, k) for k, a in enumerate(args) if not _is_constant(a)]
    if (len({(id(e.leaf), e.shape, e.src.tobytes()) for e in exprs}) == 1 and len(exprs) > 1) or len(exprs) == 1:
        tensors: list[Expr | Array | None] = [v if isinstance(v, Expr) else np.asarray(v) for v in args]
        return apply(node, kernel, tensors, node.outputs[0])
    if len(exprs) != len(args):
        raise fail(
            "several tensors and a constant are added in one operator",
            where=node.where,
            hint="write one Add after the other",
        )
    total = exprs[0]
    for other in exprs[1:]:
        total = leaf_expr(_both(context, node, total, other, -1 if node.op == "Sub" else 1))
    return total


def _is_constant(value: Known | None) -> bool:
    return value is None or isinstance(value, np.ndarray | np.generic)


def _both(context: Context, node: Node, a: Expr, b: Expr, sign: int) -> Leaf:
    if a.shape != b.shape:
        raise fail(
            "two tensors of different shapes are added",
            where=node.where,
            why=f"shapes {list(a.shape)} and {list(b.shape)}; values of one would be used at several places",
            hint="give both the same shape",
        )
    first, second = (own_field(context, node, x) for x in (a, b))
    first, second, unit = _in_common_unit(node, first, second)
    value = joined_bits(context, [first, second], Loc(node.name, node.outputs[0]))
    if first.size == (1, 1):
        value = context.builder.add(Gather((value,), np.arange(first.width + second.width), Loc("", node.outputs[0])))
    weights = np.concatenate([first.weights, sign * second.weights], axis=1)
    check_size([(weights, np.ones(weights.shape[1], np.int64))], node.where)
    column = np.concatenate([first.column, second.column + first.width], axis=1)
    base, width = first.base + sign * second.base, first.width + second.width
    shift = first.shift + sign * second.shift
    dtype, name = a.sample.dtype, node.outputs[0]
    check_type(dtype, first.reach + second.reach, unit / first.over, node.where, again=True)
    blur = np.maximum(first.blur, second.blur)
    return sums_leaf(value, weights, base, unit, shift, a.shape, name, dtype, column, width, first.over, blur)


def _in_common_unit(node: Node, a: SumMap, b: SumMap) -> tuple[SumMap, SumMap, Floats]:
    """Both with the same unit in each channel, and the same divisor."""
    over = lcm(a.over, b.over)
    units = np.stack([a.unit * (over // a.over), b.unit * (over // b.over)])
    for k, m in enumerate((a, b)):  # 0 is a multiple of every unit
        nothing = ~m.weights.any(axis=1) & (m.base == 0)
        units[k, nothing] = units[1 - k, nothing]
    found = [common_unit(pair) for pair in units.T]
    missing = next((c for c, pair in enumerate(found) if pair is None), None)
    if missing is not None:
        one, other = units[:, missing] / over
        raise fail(
            "two tensors of different scales are added",
            where=f"{node.where}, channel {missing}",
            why=f"their scales {np.float32(one)!s} and {np.float32(other)!s} are not small multiples of one unit",
            hint="give both branches one scale (in Brevitas: share the quantizer of the addition), or a multiple of it",
        )
    pairs = [p for p in found if p is not None]
    whole, unit = np.array([k for k, _ in pairs]).T, np.array([u for _, u in pairs])
    first, second = (
        replace(m, weights=m.weights * k[:, None], base=m.base * k, unit=unit, over=over)
        for m, k in zip((a, b), whole, strict=True)
    )
    return first, second, unit
