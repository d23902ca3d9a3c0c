"""Convolution and pooling on (N, C, L) and (N, C, H, W) tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from threshc.compiler.frontend.dtypes import is_integer, limits
from threshc.compiler.frontend.geometry import Geometry, geometry
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional


def _map(x: Array) -> Array:
    """(N, C, L) as (N, C, L, 1)."""
    if x.ndim not in (3, 4):
        raise ValueError(f"a tensor of shape {list(x.shape)} is not a (N, C, L) or (N, C, H, W) map")
    return x.reshape(*x.shape, 1) if x.ndim == 3 else x


def taps(x: Array, g: Geometry, fill: float) -> Iterator[Array]:
    """Yields the map seen by each tap of the window, (N, C, OH, OW) each."""
    (top, left, bottom, right), (sh, sw), (dh, dw), (oh, ow) = g.pads, g.stride, g.dilation, g.out
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    for i in range(g.kernel[0]):
        for j in range(g.kernel[1]):
            rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
            yield padded[:, :, rows, j * dw : j * dw + (ow - 1) * sw + 1 : sw]


def _shaped(y: Array, like: Array) -> Array:
    return y[..., 0] if like.ndim == 3 else y


@kernel(
    "Conv", kind=Kind.LINEAR, types=("F",), reads=("strides", "pads", "dilations", "auto_pad", "kernel_shape", "group")
)
def conv(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the exact sums (float64 holds them) rounded once to float32, then the bias."""
    x, w = need(args, 0), need(args, 1)
    g = geometry(node, x.shape[2:], w.shape[2:])
    groups = int(node.attrs.get("group", 1))
    rows, per_group = len(w) // groups, w.shape[1]
    if x.shape[1] != per_group * groups or len(w) % groups:
        raise ValueError(f"{x.shape[1]} channels do not fit weights of shape {list(w.shape)} in {groups} groups")
    total = np.zeros((len(x), len(w), *g.out))
    weights = w.reshape(*w.shape[:2], -1).astype(np.float64)
    for tap, seen in enumerate(taps(_map(x).astype(np.float64), g, 0.0)):
        for k in range(groups):
            r, c = slice(k * rows, (k + 1) * rows), slice(k * per_group, (k + 1) * per_group)
            total[:, r] += np.einsum("rc,nchw->nrhw", weights[r, :, tap], seen[:, c], optimize=True)
    y = total.astype(x.dtype)
    bias = optional(args, 2)
    return [_shaped(y if bias is None else conv_tail(y, bias), x)]


def conv_tail(y: Array, bias: Array) -> Array:
    """Returns what Conv does after its sum: (N, R, ..) plus one bias per row."""
    return y + bias.reshape(-1, *[1] * (y.ndim - 2))


@kernel(
    "MaxPool",
    kind=Kind.OTHER,
    types=("Fi",),
    reads=("strides", "pads", "dilations", "auto_pad", "kernel_shape", "ceil_mode"),
    void=("storage_order",),
)
def max_pool(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    g = geometry(node, x.shape[2:], node.attrs["kernel_shape"])
    least = limits(x.dtype)[0] if is_integer(x.dtype) else -np.inf
    return [_shaped(np.max(list(taps(_map(x), g, least)), axis=0), x)]


@kernel(
    "AveragePool",
    kind=Kind.OTHER,
    types=("f",),
    reads=("strides", "pads", "dilations", "auto_pad", "kernel_shape", "ceil_mode", "count_include_pad"),
)
def average_pool(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    g = geometry(node, x.shape[2:], node.attrs["kernel_shape"])
    total = np.sum(list(taps(_map(x).astype(np.float64), g, 0.0)), axis=0)
    if node.attrs.get("count_include_pad", 0) or not any(g.pads):
        return [_shaped((total / g.taps).astype(x.dtype), x)]
    return [(_shaped(total, x) / inside(g, x.shape[2:])).astype(x.dtype)]


def inside(g: Geometry, size: Sequence[int]) -> Array:
    """Returns how many places of a map each window sees, (1, 1, OH, OW) or (1, 1, OL)."""
    ones = np.ones((1, 1, *size))
    return _shaped(np.sum(list(taps(_map(ones), g, 0.0)), axis=0), ones)


@kernel("GlobalAveragePool", kind=Kind.OTHER, types=("f",))
def global_average_pool(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    axes = tuple(range(2, x.ndim))
    return [x.astype(np.float64).mean(axis=axes, keepdims=True).astype(x.dtype)]


@kernel("GlobalMaxPool", kind=Kind.OTHER, types=("F",))
def global_max_pool(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [x.max(axis=tuple(range(2, x.ndim)), keepdims=True)]


def reduce_axes(node: Node, args: Sequence[Array | None], rank: int) -> tuple[int, ...]:
    """Returns the axes of a Reduce operator, as not negative numbers."""
    given = optional(args, 1)
    axes = node.attrs.get("axes") if given is None else given
    chosen = range(rank) if axes is None or not np.size(axes) else np.asarray(axes).ravel()
    return tuple(sorted(int(a) % rank for a in chosen))


@kernel(
    "ReduceMean",
    "ReduceSum",
    "ReduceMax",
    kind=Kind.OTHER,
    types=("Fi", "i"),
    reads=("axes", "keepdims"),
    fixed={"noop_with_empty_axes": (0,)},
)
def reduce(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    axes, keep = reduce_axes(node, args, x.ndim), bool(node.attrs.get("keepdims", 1))
    if node.op == "ReduceMax":
        return [x.max(axis=axes, keepdims=keep)]
    if is_integer(x.dtype):
        if node.op == "ReduceMean":
            raise ValueError("the mean of integers is not supported")
        return [x.sum(axis=axes, keepdims=keep, dtype=x.dtype)]
    if node.op == "ReduceMean" and x.dtype != np.float32:
        raise ValueError(f"the mean of {x.dtype.name} is not supported: its rounding is not followed")
    exact = x.astype(np.float64)
    y = exact.mean(axis=axes, keepdims=keep) if node.op == "ReduceMean" else exact.sum(axis=axes, keepdims=keep)
    return [y.astype(x.dtype)]


@kernel("Pad", kind=Kind.OTHER, types=("Fib", "i", "Fib", "i"), reads=("mode", "pads", "value"))
def pad(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    widths, value = pad_widths(node, args, x.ndim)
    return [np.pad(x, widths, constant_values=x.dtype.type(value))]


def pad_widths(node: Node, args: Sequence[Array | None], rank: int) -> tuple[list[tuple[int, int]], Any]:
    """Returns, per axis, how much a Pad node adds before and after, and the constant that it adds."""
    if str(node.attrs.get("mode", "constant")) != "constant":
        raise ValueError(f"padding mode {node.attrs['mode']!r} is not supported; constant is")
    given, constant, axes = optional(args, 1), optional(args, 2), optional(args, 3)
    pads = [int(v) for v in (node.attrs["pads"] if given is None else np.asarray(given).ravel())]
    where = range(rank) if axes is None else [int(a) % rank for a in np.asarray(axes).ravel()]
    widths = [(0, 0)] * rank
    half = len(pads) // 2
    for axis, before, after in zip(where, pads[:half], pads[half:], strict=True):
        widths[axis] = (before, after)
    if min(min(pair) for pair in widths) < 0:
        raise ValueError("negative pads (cropping) are not supported; use Slice")
    value = node.attrs.get("value", 0.0) if constant is None else np.ravel(constant)[0].item()
    return widths, value


@kernel("Split", kind=Kind.OTHER, types=("*", "i"), reads=("axis", "split", "num_outputs"))
def split(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, axis = need(args, 0), int(node.attrs.get("axis", 0))
    given = optional(args, 1)
    if node.attrs.get("num_outputs", len(node.outputs)) != len(node.outputs):
        raise ValueError(f"num_outputs is {node.attrs['num_outputs']}, but there are {len(node.outputs)} outputs")
    sizes = node.attrs.get("split") if given is None else [int(v) for v in np.asarray(given).ravel()]
    if sizes is None:
        if node.opset < 18 and x.shape[axis] % len(node.outputs):
            raise ValueError(f"{x.shape[axis]} elements do not fall into {len(node.outputs)} equal parts")
        each = -(-x.shape[axis] // len(node.outputs))
        sizes = [min(each, x.shape[axis] - k * each) for k in range(len(node.outputs))]
    if sum(sizes) != x.shape[axis] or len(sizes) != len(node.outputs):
        raise ValueError(f"a split into {sizes} does not fit an axis of {x.shape[axis]}")
    return [np.asarray(part) for part in np.split(x, np.cumsum(sizes)[:-1], axis=axis)]


@kernel("quant:XnorPopcountMatMul", kind=Kind.LINEAR, types=("f",))
def xnor_popcount_matmul(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns how many of the bits of a row and a column are equal   (finn.custom_op.general.xnorpopcount)"""
    a, w = need(args, 0).astype(np.float64), need(args, 1).astype(np.float64)
    return [((np.matmul(2 * a - 1, 2 * w - 1) + w.shape[0]) / 2).astype(np.float32)]
