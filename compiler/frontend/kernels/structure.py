"""Operators that only move elements, and those that read shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional

LARGEST = 1 << 24
"""Elements up to which an operator may repeat a tensor."""


def _ints(value: object) -> list[int]:
    return [int(v) for v in np.asarray(value).ravel()]


@kernel("Reshape", kind=Kind.STRUCTURE, types=("*", "i"), reads=("allowzero",))
def reshape(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, shape = need(args, 0), _ints(need(args, 1))
    if not node.attrs.get("allowzero", 0):
        shape = [x.shape[k] if d == 0 else d for k, d in enumerate(shape)]
    return [x.reshape(shape)]


@kernel("Flatten", kind=Kind.STRUCTURE, types=("*",), reads=("axis",))
def flatten(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    axis = int(node.attrs.get("axis", 1))
    axis = axis + x.ndim if axis < 0 else axis
    return [x.reshape(int(np.prod(x.shape[:axis])), -1)]


@kernel("Transpose", kind=Kind.STRUCTURE, types=("*",), reads=("perm",))
def transpose(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.transpose(need(args, 0), node.attrs.get("perm"))]


def _axes(node: Node, args: Sequence[Array | None]) -> list[int] | None:
    given = optional(args, 1)
    axes = node.attrs.get("axes") if given is None else given  # an input since opset 13
    return None if axes is None else _ints(axes)


@kernel("Squeeze", kind=Kind.STRUCTURE, types=("*", "i"), reads=("axes",))
def squeeze(node: Node, args: Sequence[Array | None]) -> list[Array]:
    axes = _axes(node, args)
    return [np.squeeze(need(args, 0), None if axes is None else tuple(axes))]


@kernel("Unsqueeze", kind=Kind.STRUCTURE, types=("*", "i"), reads=("axes",))
def unsqueeze(node: Node, args: Sequence[Array | None]) -> list[Array]:
    axes = _axes(node, args)
    if axes is None:
        raise ValueError("axes are missing")
    return [np.expand_dims(need(args, 0), tuple(axes))]


@kernel("Expand", kind=Kind.STRUCTURE, types=("*", "i"))
def expand(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(_ints(need(args, 1)))))]


@kernel("Tile", kind=Kind.STRUCTURE, types=("*", "i"))
def tile(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, repeats = need(args, 0), _ints(need(args, 1))
    if len(repeats) != x.ndim or min(repeats, default=1) < 1 or math.prod(repeats) * x.size > LARGEST:
        raise ValueError(f"{repeats} repeats of a tensor of shape {list(x.shape)} are not supported")
    return [np.tile(x, repeats)]


@kernel("DepthToSpace", kind=Kind.STRUCTURE, types=("*",), reads=("blocksize", "mode"))
def depth_to_space(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, b = need(args, 0), int(node.attrs["blocksize"])
    n, c, h, w = x.shape
    if str(node.attrs.get("mode", "DCR")) == "DCR":
        y = x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return [y.reshape(n, c // (b * b), h * b, w * b)]


@kernel("SpaceToDepth", kind=Kind.STRUCTURE, types=("*",), reads=("blocksize",), fixed={"mode": ("DCR",)})
def space_to_depth(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, b = need(args, 0), int(node.attrs["blocksize"])
    n, c, h, w = x.shape
    y = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
    return [y.reshape(n, c * b * b, h // b, w // b)]


@kernel("Slice", kind=Kind.STRUCTURE, types=("*", "i"), reads=("starts", "ends", "axes"))
def slice_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    if len(args) > 1:
        starts, ends = _ints(need(args, 1)), _ints(need(args, 2))
        axes, steps = optional(args, 3), optional(args, 4)
    else:  # opset < 10
        starts, ends = _ints(node.attrs["starts"]), _ints(node.attrs["ends"])
        axes, steps = node.attrs.get("axes"), None
    which = list(range(len(starts))) if axes is None else _ints(axes)
    by = [1] * len(starts) if steps is None else _ints(steps)
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(which, starts, ends, by, strict=True):
        index[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return [x[tuple(index)]]


@kernel("Gather", kind=Kind.STRUCTURE, types=("*", "i"), reads=("axis",))
def gather(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.take(need(args, 0), need(args, 1), axis=int(node.attrs.get("axis", 0)))]


@kernel("Concat", kind=Kind.OTHER, types=("*",), reads=("axis",))
def concat(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.concatenate([need(args, k) for k in range(len(args))], axis=int(node.attrs["axis"]))]


@kernel(
    "Constant", kind=Kind.OTHER, types=("*",), reads=("value", "value_float", "value_floats", "value_int", "value_ints")
)
def constant(node: Node, args: Sequence[Array | None]) -> list[Array]:
    for key, dtype in (
        ("value", None),
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if node.attrs.get(key) is not None:
            return [np.asarray(node.attrs[key], dtype)]
    raise ValueError(f"a constant given as {', '.join(node.attrs) or 'nothing'} is not supported")


@kernel("ConstantOfShape", kind=Kind.OTHER, types=("i",), reads=("value",))
def constant_of_shape(node: Node, args: Sequence[Array | None]) -> list[Array]:
    value = np.asarray(node.attrs.get("value", np.zeros(1, np.float32)))
    return [np.full(tuple(_ints(need(args, 0))), value.reshape(-1)[0], value.dtype)]


@kernel("Shape", kind=Kind.SHAPE, types=("*",), reads=("start", "end"))
def shape(node: Node, args: Sequence[Array | None]) -> list[Array]:
    dims = need(args, 0).shape
    start, end = int(node.attrs.get("start", 0)), node.attrs.get("end")
    return [np.asarray(dims[start:end], np.int64)]


@kernel("Size", kind=Kind.SHAPE, types=("*",))
def size(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.asarray(need(args, 0).size, np.int64)]
