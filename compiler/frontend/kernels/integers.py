"""Products of integers with zero points: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.dtypes import limits
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional
from threshc.compiler.frontend.kernels.spatial import conv

WINDOW = ("strides", "pads", "dilations", "auto_pad", "kernel_shape", "group")


def centred(x: Array, zero: Array | None, axis: int | None = None) -> Array:
    """Returns x - zero in int32, one zero point for the tensor, or one per place along an axis."""
    wide = x.astype(np.int32)
    if zero is None:
        return wide
    if zero.size == 1:
        return np.asarray(wide - zero.reshape(()).astype(np.int32))
    if axis is None or zero.ndim != 1 or zero.size != x.shape[axis]:
        raise ValueError(f"zero points of shape {list(zero.shape)} do not fit a tensor of shape {list(x.shape)}")
    shape = [-1 if k == axis % x.ndim else 1 for k in range(x.ndim)]
    return np.asarray(wide - zero.astype(np.int32).reshape(shape))


@kernel("MatMulInteger", kind=Kind.LINEAR, types=("i",))
def matmul_integer(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes (A - zero) @ (B - zero) in int32."""
    a, b = centred(need(args, 0), optional(args, 2)), centred(need(args, 1), optional(args, 3), -1)
    return [np.matmul(a.astype(np.int64), b.astype(np.int64)).astype(np.int32)]


@kernel("ConvInteger", kind=Kind.LINEAR, types=("i",), reads=WINDOW)
def conv_integer(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the convolution of X - zero, whose padding is 0, in int32."""
    return list(conv(node, [centred(need(args, 0), optional(args, 2)), centred(need(args, 1), optional(args, 3), 0)]))


@kernel("QLinearMatMul", kind=Kind.LINEAR, types=("i", "f", "i", "i", "f", "i", "f", "i"))
def qlinear_matmul(node: Node, args: Sequence[Array | None]) -> list[Array]:
    a, b = centred(need(args, 0), optional(args, 2)), centred(need(args, 3), optional(args, 5), -1)
    total = np.matmul(a.astype(np.int64), b.astype(np.int64)).astype(np.int32)
    return [requantized(total, need(args, 1), need(args, 4), need(args, 6), need(args, 7))]


@kernel("QLinearConv", kind=Kind.LINEAR, types=("i", "f", "i", "i", "f", "i", "f", "i", "i"), reads=WINDOW)
def qlinear_conv(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, w = centred(need(args, 0), optional(args, 2)), centred(need(args, 3), optional(args, 5), 0)
    (total,) = conv(node, [x, w, optional(args, 8)])
    scale = need(args, 4)
    if scale.size > 1:
        scale = scale.reshape(-1, *[1] * (total.ndim - 2))
    return [requantized(total, need(args, 1), scale, need(args, 6), need(args, 7))]


def requantized(total: Array, a: Array, b: Array, y: Array, zero: Array) -> Array:
    """Computes saturate(round(total * (a * b / y) + zero)) in float64, as onnx's evaluator computes int32 times
    float32."""
    scaled = total * (a * b / y) + zero
    return np.asarray(np.clip(np.rint(scaled), *limits(zero.dtype)).astype(zero.dtype))
