"""Pooling: the or of bits, the largest sum before its step, or a sum of bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import Context, Known, constants, lowers, symbolic
from threshc.compiler.frontend.geometry import Geometry, geometry
from threshc.compiler.frontend.graph import CHANNELS_LAST, Node
from threshc.compiler.frontend.joining import side_by_side
from threshc.compiler.frontend.kernels.quant import channel_axis
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need
from threshc.compiler.frontend.kernels.spatial import inside, reduce_axes
from threshc.compiler.frontend.lowerings.conv import window_sums
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.lowerings.fields import parts_of_channels
from threshc.compiler.frontend.lowerings.largest import are_several_sums, largest_of_sums
from threshc.compiler.frontend.lowerings.moves import channels_first, channels_last, laid_out, moved
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


@lowers("channels_last:MaxPool", "quant:MaxPoolNHWC")
def max_pool_channels_last(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns the same of (N, H, W, C) maps."""
    x = channels_first(context, node, symbolic(node, args, 0), layer=False)
    return channels_last(node, _largest(context, node, x, _window(node, x)))


@lowers("MaxPool", "GlobalMaxPool")
def max_pool(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns, for bits, the or of each thermometer bit. Of sums before their step: the largest sum, the smallest where
    what follows falls (a negative BatchNormalization gamma)."""
    x = symbolic(node, args, 0)
    return _largest(context, node, x, _window(node, x))


@lowers("AveragePool", "GlobalAveragePool")
def average_pool(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns, for bits, their exact sum over the window, divided by its size."""
    x = symbolic(node, args, 0)
    window = _window(node, x)
    if any(window.pads) and not node.attrs.get("count_include_pad", 0):
        return _mean_of_inside(context, node, x, window)
    return leaf_expr(_mean(context, node, x, window, window.taps))


@lowers("ReduceMean", "ReduceSum", "ReduceMax")
def reduce(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Pools over any axes: global pooling of a map whose places are those axes, and whose channels are the others."""
    x = symbolic(node, args, 0)
    axes = reduce_axes(node, [None, *constants(node, args)], len(x.shape))
    if 0 in axes or not axes:
        raise fail(
            f"{node.op} over axes {list(axes)} of a tensor of shape {list(x.shape)} is not supported",
            where=node.where,
            why="the first axis holds the samples, each of which is a computation of its own",
            hint="reduce over the spatial axes of an (N, C, H, W) tensor",
        )
    keep = bool(node.attrs.get("keepdims", 1))
    if axes == tuple(range(2, len(x.shape))):
        pooled = _reduced(context, node, x, _window(node, x))
        return pooled if keep else moved(node, "Squeeze", pooled, node.outputs[0], axes=list(axes))
    perm = [*(a for a in range(len(x.shape)) if a not in axes), *axes]
    places = int(np.prod([x.shape[a] for a in axes]))
    shape = [1 if a in axes else n for a, n in enumerate(x.shape) if keep or a not in axes]
    if node.op == "ReduceMax" and are_several_sums(x, x.src.size // places):
        return leaf_expr(largest_of_sums(context, node, x, perm, shape))
    laid = laid_out(context, node, x, perm, [1, x.src.size // places, places])
    pooled = _reduced(context, node, laid, _window(node, laid))
    return moved(node, "Reshape", pooled, node.outputs[0], np.array(shape))


def _reduced(context: Context, node: Node, x: Expr, window: Geometry) -> Expr:
    """Global pooling of an (N, C, ..) tensor, all its axes kept."""
    if node.op != "ReduceMax":
        return leaf_expr(_mean(context, node, x, window, window.taps if node.op == "ReduceMean" else 1))
    return _largest(context, node, x, window)


def _largest(context: Context, node: Node, x: Expr, window: Geometry) -> Expr:
    parts = None if x.stepped else parts_of_channels(x)
    if parts is not None:  # channel by channel, so tensor by tensor
        pooled = [_largest(context, node, part, window) for part in parts]
        return side_by_side(node, pooled, lambda arrays, fill: np.concatenate(arrays, axis=1), 0)
    if not isinstance(x.leaf.source, Sums) or x.stepped:
        return leaf_expr(_pooled_bits(context, node, x, window))
    if are_several_sums(x, x.shape[1]) and window.out == (1, 1):
        return leaf_expr(
            largest_of_sums(context, node, x, range(len(x.shape)), (*x.shape[:2], *(1 for _ in x.shape[2:])))
        )
    if x.leaf.source.places > 1 or max(x.shape[2:]) > 1:
        return leaf_expr(_pooled_sums(node, x, window))
    if window.out != (1, 1) or window.pads[0] >= window.kernel[0] or window.pads[1] >= window.kernel[1]:
        raise ValueError("a window sees nothing but padding")
    return x  # the only place is the largest


def _window(node: Node, x: Expr) -> Geometry:
    if len(x.shape) not in (3, 4) or x.shape[0] != 1:
        raise fail(f"pooling of a tensor of shape {list(x.shape)}", where=node.where, hint="pool (N, C, H, W) maps")
    kernel = x.shape[2:] if node.op.startswith(("Global", "Reduce")) else node.attrs.get("kernel_shape")
    if kernel is None:
        raise fail("the pooling window has no size", where=node.where, hint="export the model again")
    return geometry(node, x.shape[2:], [int(k) for k in kernel])


def _shape(x: Expr, window: Geometry) -> tuple[int, ...]:
    return (*x.shape[:2], *window.out[: len(x.shape) - 2])


def _mean(context: Context, node: Node, x: Expr, window: Geometry, divide: int) -> Leaf:
    channels = x.shape[1]
    ones = np.ones((channels, 1, *window.kernel[: len(x.shape) - 2]), x.sample.dtype)
    return _as_pool(window_sums(context, node, x, ones, channels, window, divide))


def _as_pool(leaf: Leaf) -> Leaf:
    assert isinstance(leaf.source, Sums)
    return replace(leaf, source=replace(leaf.source, pooled=True))


def _mean_of_inside(context: Context, node: Node, x: Expr, window: Geometry) -> Expr:
    """The sum under each window over as many places as lie in the map: the divisor is a part of the tail."""
    if x.sample.dtype != np.float32:
        raise fail(
            f"average pooling of {x.sample.dtype.name} that leaves out padding is not supported",
            where=node.where,
            why="its rounding is not followed",
            hint="pool in float32",
        )
    channels, rank = x.shape[1], len(x.shape) - 2
    ones = np.ones((channels, 1, *window.kernel[:rank]))  # float64, so that the sum is rounded once, as a mean
    total = leaf_expr(_as_pool(window_sums(context, node, x, ones, channels, window)))
    mean = Kernel(
        lambda n, a: [(need(a, 0) / need(a, 1)).astype(np.float32)], Kind.ELEMENTWISE, lambda n, a, k, s: 1 - k
    )
    return apply(node, mean, (total, inside(window, x.shape[2:])), node.outputs[0])


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
    uniform = (
        x.shape == sums.shape and np.array_equal(x.src.ravel(), np.arange(x.src.size)) and _same_everywhere(x, places)
    )
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

    def beside(integers: IntArray, side: int) -> Array:
        full = sums.lo.copy()
        full[corner] = integers * spread.reshape(shape)
        return evaluate(x, full, beside=side)[corner]

    size = (*x.shape[2:], 1)[:2]
    pooled = Pooled(sums, sign, (size[0], size[1]), window.kernel, window.stride, window.pads, window.dilation)
    blurred = None if sums.beside is None else beside
    return Leaf(node.outputs[0], shape, lo, hi, lambda i: beside(i, 0), pooled, blurred)


def _same_everywhere(x: Expr, places: int) -> bool:
    """Whether every constant on the way is the same at all places of a row of sums, wherever its axes lie."""
    if x.node is None or x.kernel is None:
        return True
    inner = [a for a in x.args if isinstance(a, Expr)]
    row, others = x.src // places, [np.asarray(a) for a in x.args if a is not None and not isinstance(a, Expr)]
    match x.kernel.kind:
        case Kind.STRUCTURE:
            same = True
        case Kind.CHANNELWISE:
            axis = _channel_axis(x.node, len(x.shape))
            index = np.arange(x.shape[axis]).reshape([-1 if k == axis else 1 for k in range(len(x.shape))])
            whole = max(a.ndim for a in others) == 1 or x.node.op == "MultiThreshold"  # no scale per block
            same = all(a.size == 1 for a in others) or (whole and _one_per_row(row, index))
        case Kind.ELEMENTWISE:
            same = all(_one_per_row(row, a) for a in others)
        case _:
            same = False
    return same and all(_same_everywhere(a, places) for a in inner)


def _channel_axis(node: Node, rank: int) -> int:
    if node.op in ("QuantizeLinear", "DequantizeLinear"):
        return int(node.attrs.get("axis", 1)) % rank
    if node.op == "MultiThreshold":
        return channel_axis(str(node.attrs.get("data_layout", "")), rank)
    return rank - 1 if node.domain == CHANNELS_LAST else 1


def _one_per_row(row: IntArray, values: Array) -> bool:
    """Whether values, broadcast against the rows, are equal wherever the row is."""
    order = np.argsort(row, axis=None, kind="stable")
    spread = np.broadcast_to(values, row.shape).ravel()[order]
    return bool(((spread[1:] == spread[:-1]) | np.diff(row.ravel()[order]).astype(bool)).all())
