"""Concat, Split and Pad of activations, and additions of two different sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context, Known, lowers, symbolic
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.grid import on_unit
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, find_kernel
from threshc.compiler.frontend.kernels.spatial import pad_widths
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.sums import check_size, check_type, sums_leaf
from threshc.compiler.frontend.symbolic import MOVES, Expr, IntArray, Leaf, Sums, Thermometer, apply, leaf_expr
from threshc.compiler.ir.ops import Gather, Loc


@lowers("Concat")
def concat(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Bits side by side; constants among them stay constants."""
    plain = _of_one_leaf(node, args)
    if plain is not None:
        return plain
    parts = [_part(context, node, args, k) for k in range(len(args))]
    axis = int(node.attrs["axis"])
    width = max(p.table.shape[1] for p in parts)
    offsets = np.cumsum([0] + [int(np.prod(context.builder.shape(p.bits))) if p.count.any() else 0 for p in parts])
    sources = tuple(p.bits for p in parts if p.count.any())
    order = np.concatenate([_ids(p, k) for k, p in enumerate(parts)], axis=axis)
    which, element = order.ravel() >> 32, order.ravel() & 0xFFFFFFFF
    dtype = np.result_type(*(p.table for p in parts))  # the operator wants one type for all
    table, count = np.zeros((order.size, width), dtype), np.zeros(order.size, np.int64)
    positions = np.zeros((order.size, max(width - 1, 1)), np.int64)
    for k, p in enumerate(parts):
        mine = which == k
        table[mine, : p.table.shape[1]] = p.table[element[mine]]
        count[mine] = p.count[element[mine]]
        positions[mine, : p.index.shape[1]] = p.index[element[mine]] + offsets[k]
    return leaf_expr(_joined(context, node, sources, order.shape, positions, count, table))


def _of_one_leaf(node: Node, args: Sequence[Known | None]) -> Expr | None:
    """Functions of the same sums side by side (a score and its negative): still a function of these sums."""
    exprs = [a for a in args if isinstance(a, Expr)]
    if (
        len(exprs) != len(args)
        or any(e.leaf is not exprs[0].leaf or e.stepped for e in exprs)
        or exprs[0].leaf.is_input
    ):
        return None
    kernel, axis = find_kernel(node), int(node.attrs["axis"])
    src, direction, sample, top = (
        np.concatenate([getattr(e, what) for e in exprs], axis=axis) for what in ("src", "direction", "sample", "top")
    )
    trail = (*exprs[0].trail, node)
    return Expr(
        exprs[0].leaf, node.outputs[0], src, direction, False, sample, top, node, kernel, tuple(exprs), 0, trail
    )


def _ids(part: Coded, k: int) -> NDArray[np.int64]:
    size = int(np.prod(part.shape))
    return (np.arange(size) + (k << 32)).reshape(part.shape)


def _part(context: Context, node: Node, args: Sequence[Known | None], k: int) -> Coded:
    value = args[k]
    if isinstance(value, Expr):
        return binary_input(context, node, value)
    if not isinstance(value, np.ndarray | np.generic):
        raise fail(f"{node.op} of a class index is not supported", where=node.where)
    flat = np.asarray(value).reshape(-1, 1)
    none = np.zeros((len(flat), 0), np.int64)
    return Coded(0, np.shape(value), none, np.zeros(len(flat), np.int64), flat, node.inputs[k])


def _joined(
    context: Context,
    node: Node,
    sources: tuple[int, ...],
    shape: tuple[int, ...],
    positions: IntArray,
    count: IntArray,
    table: Array,
) -> Leaf:
    element = np.repeat(np.arange(len(count)), count)
    level = np.arange(len(element)) - np.repeat(np.cumsum(count) - count, count)
    bits = context.builder.add(Gather(sources, positions[element, level], Loc(node.name, node.outputs[0])))
    index = np.zeros(positions.shape, np.int64)
    index[element, level] = np.arange(len(element))

    def real(integers: IntArray) -> Array:
        return np.take_along_axis(table, integers.reshape(-1, 1), axis=1).reshape(integers.shape)

    source = Thermometer(bits, index)
    return Leaf(node.outputs[0], shape, np.zeros(shape, np.int64), count.reshape(shape), real, source)


LARGEST_TENSOR = 1 << 22
"""Elements of a padded tensor, at most: each may become several bits of the network."""


@lowers("Pad")
def pad(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Constant padding of activations that is an operator of its own."""
    x = symbolic(node, args, 0)
    widths, value = pad_widths(
        node, [None, *(a if isinstance(a, np.ndarray) else None for a in args[1:])], len(x.shape)
    )
    if not any(before or after for before, after in widths):
        return x
    size = float(np.prod([float(n) + before + after for n, (before, after) in zip(x.shape, widths, strict=True)]))
    if size > LARGEST_TENSOR:
        raise fail(f"padding to {size:.3g} elements is too large", where=node.where, hint="pad by less")
    coded = binary_input(context, node, x)
    order = np.pad(np.arange(x.src.size).reshape(x.shape), widths, constant_values=-1)
    inside = order.ravel() >= 0
    element = np.maximum(order.ravel(), 0)
    count = np.where(inside, coded.count[element], 0)
    table = np.where(inside[:, None], coded.table[element], coded.table.dtype.type(value))
    positions = coded.index[element].reshape(len(element), -1)
    return leaf_expr(_joined(context, node, (coded.bits,), order.shape, positions, count, table))


@lowers("Split")
def split(context: Context, node: Node, args: Sequence[Known | None]) -> list[Expr]:
    """The parts of a tensor, each a slice of it."""
    x, whole = symbolic(node, args, 0), find_kernel(node)
    assert whole is not None

    def part(k: int) -> Kernel:
        return Kernel(lambda n, a: [whole.compute(n, a)[k]], Kind.STRUCTURE, whole.direction)

    rest = [a if isinstance(a, np.ndarray) else None for a in args[1:]]
    return [apply(node, part(k), (x, *rest), name) for k, name in enumerate(node.outputs)]


@lowers("Add", "Sub")
def add(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Of one tensor and constants: element by element. Of two different sums: one sum over the bits of both."""
    a, b = args[0], args[1]
    kernel = find_kernel(node)
    assert kernel is not None
    if not (isinstance(a, Expr) and isinstance(b, Expr)) or a.leaf is b.leaf:
        tensors: list[Expr | Array | None] = [v if isinstance(v, Expr) else np.asarray(v) for v in (a, b)]
        return apply(node, kernel, tensors, node.outputs[0])
    first, second = (_bare_sums(node, e) for e in (a, b))
    return leaf_expr(_sum_of_sums(context, node, a.leaf, first, second, -1 if node.op == "Sub" else 1))


def _bare_sums(node: Node, x: Expr) -> Sums:
    bare = np.array_equal(x.src.ravel(), np.arange(x.src.size)) and not any(n.op not in MOVES for n in x.trail)
    if isinstance(x.leaf.source, Sums) and bare:
        return x.leaf.source
    raise fail(
        "two tensors are added that are not both plain integer sums",
        where=f"{node.where}, tensor {x.tensor!r}",
        why="an element of the result would depend on two sums through two different float functions",
        hint="add the outputs of the two layers before BatchNormalization and step, or concatenate activations",
    )


def _sum_of_sums(context: Context, node: Node, leaf: Leaf, a: Sums, b: Sums, sign: int) -> Leaf:
    if len(a.weights) != len(b.weights) or a.places != b.places:
        raise fail("two sums of different shapes are added", where=node.where, hint="give both the same shape")
    unit = np.minimum(a.unit, b.unit)
    scale = [on_unit(s.unit, 1.0) if (unit == 1.0).all() else _multiples(s.unit, unit) for s in (a, b)]
    if scale[0] is None or scale[1] is None or a.shift.any() or b.shift.any():
        raise fail(
            "two sums with different scales are added",
            where=node.where,
            why="their scales are no integer multiples of one unit",
            hint="use the same weight and activation scales in both layers",
        )
    dtype = leaf.real(leaf.lo).dtype
    parts = [(s.weights * (s.step * k)[:, None], s.base * k) for s, k in ((a, scale[0]), (b, sign * scale[1]))]
    w = np.concatenate([part[0] for part in parts], axis=1)
    check_size([(w, np.ones(w.shape[1], np.int64))], node.where)
    bound = np.abs(w).sum(axis=1) + np.abs(parts[0][1]) + np.abs(parts[1][1])
    check_type(dtype, bound.astype(np.float64), unit, node.where)
    shapes = [context.builder.shape(s.bits) for s in (a, b)]
    index = [np.arange(int(np.prod(s))).reshape(s) for s in shapes]
    joined = np.concatenate([index[0], index[1] + index[0].size], axis=-1)
    bits = context.builder.add(Gather((a.bits, b.bits), joined, Loc(node.name, node.outputs[0])))
    return sums_leaf(bits, w, parts[0][1] + parts[1][1], unit, np.zeros(len(w)), leaf.shape, node.outputs[0], dtype)


def _multiples(values: NDArray[np.float64], unit: NDArray[np.float64]) -> IntArray | None:
    with np.errstate(all="ignore"):
        k = np.rint(values / unit)
    if not (np.abs(k) < 2.0**53).all():
        return None
    return k.astype(np.int64) if np.array_equal(k * unit, values) else None
