"""Concat, Split and Pad, of activations and of tensors before their step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context, Known, constants, lowers, symbolic
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.joining import side_by_side
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, find_kernel
from threshc.compiler.frontend.kernels.spatial import pad_widths
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.symbolic import Expr, IntArray, Joined, Leaf, Pooled, Sums, Thermometer, apply, leaf_expr
from threshc.compiler.ir.ops import Gather, Loc


@lowers("Concat")
def concat(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Puts bits side by side; constants among them stay constants. Tensors before their step stay what they are."""
    axis = int(node.attrs["axis"])
    if any(isinstance(a, Expr) and _waits(a) for a in args):
        parts = [a if isinstance(a, Expr) else _constant(node, a) for a in args]
        return side_by_side(node, parts, lambda arrays, fill: np.concatenate(arrays, axis=axis), 0)
    size = sum(a.src.size if isinstance(a, Expr) else np.size(a) for a in args if isinstance(a, Expr | np.ndarray))
    if size > MOST_JOINED:
        why = f"at most {MOST_JOINED:,} are taken"
        raise fail(f"a tensor of {size:,} elements is too large", where=node.where, why=why, hint="use a smaller model")
    coded = [_part(context, node, args, k) for k in range(len(args))]
    width = max(p.table.shape[1] for p in coded)
    if size * width > MOST_LEVELS:
        what = f"a tensor of {size:,} elements with up to {width:,} levels each is too large"
        why = f"at most {MOST_LEVELS:,} levels of all elements together are taken"
        raise fail(what, where=node.where, why=why, hint="put a step before the Concat, or use a smaller model")
    offsets = np.cumsum([0] + [int(np.prod(context.builder.shape(p.bits))) if p.count.any() else 0 for p in coded])
    sources = tuple(p.bits for p in coded if p.count.any())
    order = np.concatenate([_ids(p, k) for k, p in enumerate(coded)], axis=axis)
    which, element = order.ravel() >> 32, order.ravel() & 0xFFFFFFFF
    dtype = np.result_type(*(p.table for p in coded))  # the operator wants one type for all
    table, count = np.zeros((order.size, width), dtype), np.zeros(order.size, np.int64)
    positions = np.zeros((order.size, max(width - 1, 1)), np.int64)
    for k, p in enumerate(coded):
        mine = which == k
        table[mine, : p.table.shape[1]] = p.table[element[mine]]
        count[mine] = p.count[element[mine]]
        positions[mine, : p.index.shape[1]] = p.index[element[mine]] + offsets[k]
    return leaf_expr(_joined(context, node, sources, order.shape, positions, count, table))


def _waits(x: Expr) -> bool:
    """Whether the step of a tensor is still to come."""
    return not x.stepped and isinstance(x.leaf.source, Sums | Pooled | Joined)


def _constant(node: Node, value: Known | None) -> Array:
    if not isinstance(value, np.ndarray | np.generic):
        raise fail(f"{node.op} of a class index is not supported", where=node.where)
    return np.asarray(value)


def _ids(part: Coded, k: int) -> NDArray[np.int64]:
    size = int(np.prod(part.shape))
    return (np.arange(size) + (k << 32)).reshape(part.shape)


def _part(context: Context, node: Node, args: Sequence[Known | None], k: int) -> Coded:
    value = args[k]
    if isinstance(value, Expr):
        return binary_input(context, node, value)
    flat = _constant(node, value).reshape(-1, 1)
    none = np.zeros((len(flat), 0), np.int64)
    return Coded(0, np.shape(_constant(node, value)), none, np.zeros(len(flat), np.int64), flat, node.inputs[k])


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


MOST_JOINED = 1 << 20
"""Elements of a Concat of bits: every one is looked up by itself."""
MOST_LEVELS = 1 << 22
"""Elements times levels of a Concat, also of the raw input: 16,384 elements of 8 bits."""
LARGEST_TENSOR = 1 << 22
"""Elements of a padded tensor, at most: each may become several bits of the network."""


@lowers("Pad")
def pad(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Lowers constant padding that is an operator of its own."""
    x = symbolic(node, args, 0)
    widths, value = pad_widths(node, [None, *constants(node, args)], len(x.shape))
    if not any(before or after for before, after in widths):
        return x
    size = float(np.prod([float(n) + before + after for n, (before, after) in zip(x.shape, widths, strict=True)]))
    if size > LARGEST_TENSOR:
        raise fail(f"padding to {size:.3g} elements is too large", where=node.where, hint="pad by less")
    if _waits(x):
        return side_by_side(node, (x,), lambda arrays, fill: np.pad(arrays[0], widths, constant_values=fill), value)
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
    """Returns the parts of a tensor, each a slice of it."""
    x, whole = symbolic(node, args, 0), find_kernel(node)
    assert whole is not None

    def part(k: int) -> Kernel:
        return Kernel(lambda n, a: [whole.compute(n, a)[k]], Kind.STRUCTURE, whole.direction)

    return [apply(node, part(k), (x, *constants(node, args)), name) for k, name in enumerate(node.outputs)]
