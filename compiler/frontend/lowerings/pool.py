"""Pooling: the or of bits, the largest sum before its step, or a sum of bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import Context, Known, lowers, symbolic
from threshc.compiler.frontend.geometry import Geometry, geometry
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, find_kernel
from threshc.compiler.frontend.kernels.spatial import reduce_axes
from threshc.compiler.frontend.lowerings.conv import window_sums
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.maps import bit_map
from threshc.compiler.frontend.symbolic import (
    Expr,
    IntArray,
    Leaf,
    Pooled,
    Sums,
    Thermometer,
    apply,
    evaluate,
    leaf_expr,
)
from threshc.compiler.ir.ops import Loc, Reduce, Window


@lowers("MaxPool", "GlobalMaxPool")
def max_pool(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Of bits: the or of each thermometer bit. Of sums before their step: the largest sum, the smallest where what
    follows falls (a negative BatchNormalization gamma)."""
    x = symbolic(node, args, 0)
    return _largest(context, node, x, _window(node, x))


@lowers("AveragePool", "GlobalAveragePool")
def average_pool(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Of bits: their exact sum over the window, divided by its size."""
    x = symbolic(node, args, 0)
    window = _window(node, x)
    if any(window.pads) and not node.attrs.get("count_include_pad", 0):
        raise fail(
            "average pooling that leaves out padding is not supported",
            where=node.where,
            why="its divisor differs from place to place",
            hint="pool without padding, or with count_include_pad=1",
        )
    return leaf_expr(_mean(context, node, x, window, window.taps))


@lowers("ReduceMean", "ReduceSum", "ReduceMax")
def reduce(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Over all places of a map: global pooling."""
    x = symbolic(node, args, 0)
    axes = reduce_axes(node, [a if isinstance(a, np.ndarray) else None for a in args], len(x.shape))
    if len(x.shape) == 2 and axes == (1,):  # over all features: they are the places of a map with one channel
        x = _moved(node, "Unsqueeze", x, [1], x.tensor)
        pooled = _reduced(context, node, x, _window(node, x))
        return _moved(node, "Squeeze", pooled, [2] if node.attrs.get("keepdims", 1) else [1, 2], node.outputs[0])
    if len(x.shape) < 3 or axes != tuple(range(2, len(x.shape))):
        raise fail(
            f"{node.op} over axes {list(axes)} of a tensor of shape {list(x.shape)} is not supported",
            where=node.where,
            why="only reductions over all places of a map (global pooling) are",
            hint="reduce over the spatial axes of an (N, C, H, W) tensor",
        )
    pooled = _reduced(context, node, x, _window(node, x))
    return pooled if node.attrs.get("keepdims", 1) else _moved(node, "Squeeze", pooled, list(axes), node.outputs[0])


def _reduced(context: Context, node: Node, x: Expr, window: Geometry) -> Expr:
    """Global pooling of an (N, C, ..) tensor, all its axes kept."""
    if node.op != "ReduceMax":
        return leaf_expr(_mean(context, node, x, window, window.taps if node.op == "ReduceMean" else 1))
    return _largest(context, node, x, window)


def _largest(context: Context, node: Node, x: Expr, window: Geometry) -> Expr:
    if not isinstance(x.leaf.source, Sums) or x.stepped:
        return leaf_expr(_pooled_bits(context, node, x, window))
    if x.leaf.source.places > 1:
        return leaf_expr(_pooled_sums(node, x, window))
    if window.out != (1, 1) or window.pads[0] >= window.kernel[0] or window.pads[1] >= window.kernel[1]:
        raise ValueError("a window sees nothing but padding")
    return x  # the only place is the largest


def _moved(node: Node, op: str, x: Expr, axes: list[int], tensor: str) -> Expr:
    """x with axes of size 1 removed or added; its elements stay those of the model's `tensor`."""
    move = Node(op, "", node.name, node.inputs[:1], node.outputs, {"axes": axes}, node.opset)
    kernel = find_kernel(move)
    assert kernel is not None
    return apply(move, kernel, (x,), tensor)


def _window(node: Node, x: Expr) -> Geometry:
    if len(x.shape) not in (3, 4) or x.shape[0] != 1:
        raise fail(f"pooling of a tensor of shape {list(x.shape)}", where=node.where, hint="pool (N, C, H, W) maps")
    kernel = node.attrs.get("kernel_shape") if node.op in ("MaxPool", "AveragePool") else x.shape[2:]
    if kernel is None:
        raise fail("the pooling window has no size", where=node.where, hint="export the model again")
    return geometry(node, x.shape[2:], [int(k) for k in kernel])


def _shape(x: Expr, window: Geometry) -> tuple[int, ...]:
    return (*x.shape[:2], *window.out[: len(x.shape) - 2])


def _mean(context: Context, node: Node, x: Expr, window: Geometry, divide: int) -> Leaf:
    channels = x.shape[1]
    ones = np.ones((channels, 1, *window.kernel[: len(x.shape) - 2]), x.sample.dtype)
    return window_sums(context, node, x, ones, channels, window, divide)


def _pooled_bits(context: Context, node: Node, x: Expr, window: Geometry) -> Leaf:
    builder, coded = context.builder, binary_input(context, node, x)
    field = bit_map(builder, coded, node.where)
    if (field.level < 0).any() or (field.delta < 0).any():
        raise fail(
            "max pooling of activations that fall, or that were padded, is not supported",
            where=node.where,
            hint="pad inside the pooling operator, and pool after a step that rises",
        )
    loc = Loc(node.name, x.tensor)
    value = builder.add(Window(field.bits, window.kernel, window.stride, window.pads, window.dilation, 0, False, loc))
    value = builder.add(Reduce(value, "or", window.taps, Loc(node.name, node.outputs[0])))
    shape, places, width = _shape(x, window), int(np.prod(window.out)), len(field.channel)
    first = np.cumsum(field.count) - field.count
    levels = np.arange(max(int(field.count.max()), 1))
    index = np.arange(places)[:, None] * width + np.minimum(first[:, None] + levels, width - 1)[:, None, :]
    hi = np.repeat(field.count, places).reshape(shape)
    table = np.repeat(field.table, places, axis=0)

    def real(integers: IntArray) -> Array:
        return np.take_along_axis(table, integers.reshape(-1, 1), axis=1).reshape(integers.shape)

    source = Thermometer(value, index.reshape(-1, len(levels)))
    return Leaf(node.outputs[0], shape, np.zeros(shape, np.int64), hi, real, source)


def _pooled_sums(node: Node, x: Expr, window: Geometry) -> Leaf:
    sums = x.leaf
    assert isinstance(sums.source, Sums)
    places = sums.source.places
    direction = x.direction.reshape(-1, places)
    uniform = x.shape == sums.shape and np.array_equal(x.src.ravel(), np.arange(x.src.size)) and _same_everywhere(x)
    if (
        not uniform
        or not direction.all()
        or (direction != direction[:, :1]).any()
        or max(window.out) > max(x.shape[2:])
    ):
        raise fail(
            "max pooling follows operators that it cannot be exchanged with",
            where=node.where,
            why="the sums it compares must go through the same monotone operators at every place",
            hint="pool right after the convolution, or after the step",
        )
    sign = direction[:, 0].astype(np.int64)
    shape, spread = _shape(x, window), np.repeat(sign, int(np.prod(window.out)))
    rows_lo, rows_hi = (b.reshape(-1, places)[:, 0] for b in (sums.lo, sums.hi))
    lo = np.repeat(np.where(sign > 0, rows_lo, -rows_hi), int(np.prod(window.out))).reshape(shape)
    hi = np.repeat(np.where(sign > 0, rows_hi, -rows_lo), int(np.prod(window.out))).reshape(shape)
    corner = (slice(None), slice(None), *(slice(n) for n in shape[2:]))

    def real(integers: IntArray) -> Array:
        full = sums.lo.copy()
        full[corner] = integers * spread.reshape(shape)
        return evaluate(x, full)[corner]

    size = (*x.shape[2:], 1)[:2]
    pooled = Pooled(sums, sign, (size[0], size[1]), window.kernel, window.stride, window.pads, window.dilation)
    return Leaf(node.outputs[0], shape, lo, hi, real, pooled)


def _same_everywhere(x: Expr) -> bool:
    """Whether every constant on the way is the same at all places of the map."""
    if x.node is None:
        return True
    rank = len(x.shape)
    for a in x.args:
        if isinstance(a, Expr):
            if a.shape != x.shape or not _same_everywhere(a):
                return False
        elif a is not None and x.kernel is not None and x.kernel.kind is not Kind.CHANNELWISE:
            spatial = np.shape(a)[max(np.ndim(a) - (rank - 2), 0) :] if np.ndim(a) else ()
            if any(n != 1 for n in spatial):
                return False
    return True
