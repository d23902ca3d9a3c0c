"""Standard ONNX quantization: QuantizeLinear and DequantizeLinear with one scale, one per channel, or one per block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.dtypes import is_float, is_integer, letter, limits, named_type
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional, sign


def _scale_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    scale = args[1]
    return 0 if k or scale is None else sign(_spread(node, shape, scale))


@kernel(
    "QuantizeLinear",
    kind=Kind.CHANNELWISE,
    direction=_scale_direction,
    types=("F", "F", "iq"),
    reads=("axis", "block_size", "output_dtype", "precision"),
    void=("saturate",),  # of float8 alone
)
def quantize_linear(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes saturate(round_half_even(x / scale) + zero_point), 2 to 16 bits; divided in the type that `precision`
    names."""
    x, scale, zero = need(args, 0), need(args, 1), optional(args, 2)
    if not (scale != 0).all():
        raise ValueError("a scale is 0")
    dtype = _quantized_type(node, zero)
    scale = _spread(node, x.shape, scale)
    if node.attrs.get("precision", 0):
        wide = _float_type(node, "precision")
        x, scale = x.astype(wide), scale.astype(wide)
    y = np.rint(x / scale).astype(np.float64)
    if zero is not None:
        y = y + _spread(node, x.shape, zero).astype(np.float64)
    if np.isnan(y).any():
        raise fail("NaN is quantized", where=node.where, why="it is not an integer", hint="check the scales before it")
    return [np.clip(y, *limits(dtype)).astype(dtype)]


def _quantized_type(node: Node, zero: Array | None) -> np.dtype[Any]:
    stated = int(node.attrs.get("output_dtype", 0))
    dtype = named_type(stated) if stated else np.dtype(np.uint8) if zero is None else zero.dtype
    if zero is not None and zero.dtype != dtype:
        raise ValueError(f"output_dtype is {dtype.name}, but the zero point is {zero.dtype.name}")
    if not is_integer(dtype) or limits(dtype)[1] > 65535:
        raise fail(
            f"quantization to {dtype.name} is not supported",
            where=node.where,
            why="integers of 2, 4, 8 and 16 bits are",
            hint="quantize to int8 or uint8",
        )
    return dtype


def _float_type(node: Node, key: str) -> np.dtype[Any]:
    dtype = named_type(int(node.attrs[key]))
    if not is_float(dtype):
        raise ValueError(f"{key} {dtype.name} is not a floating-point type that is computed in")
    return dtype


@kernel(
    "DequantizeLinear",
    kind=Kind.CHANNELWISE,
    direction=_scale_direction,
    types=("iq", "F", "iq"),
    reads=("axis", "block_size", "output_dtype"),
)
def dequantize_linear(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes (x - zero_point) * scale in float32, in the type of the scale or `output_dtype`."""
    x, scale, zero = need(args, 0), need(args, 1), optional(args, 2)
    if zero is not None and zero.dtype != x.dtype:
        raise ValueError(f"{x.dtype.name} is dequantized with a zero point of {zero.dtype.name}")
    y = x.astype(np.float32)
    if zero is not None:
        zero = _spread(node, x.shape, zero)
        y = y - (zero.astype(np.int8) if letter(zero.dtype) == "q" else zero)
    dtype = _float_type(node, "output_dtype") if node.attrs.get("output_dtype", 0) else scale.dtype
    return [(y * _spread(node, x.shape, scale)).astype(dtype)]


def _spread(node: Node, shape: Sequence[int], value: Array) -> Array:
    """A scale or zero point so that it broadcasts against a tensor: one, one per channel, or one per block."""
    axis, block = int(node.attrs.get("axis", 1)), int(node.attrs.get("block_size", 0))
    if block:
        if value.ndim != len(shape) or not -len(shape) <= axis < len(shape) or block < 0:
            raise ValueError(f"scales of shape {list(value.shape)} in blocks of {block} along axis {axis}")
        return np.repeat(value, block, axis=axis).take(range(shape[axis]), axis=axis)
    if value.ndim == 0 or (value.ndim == 1 and value.size == 1):
        return value.reshape(())
    if value.ndim != 1 or node.opset < 13 or not -len(shape) <= axis < len(shape) or value.size != shape[axis]:
        raise ValueError(f"scales of shape {list(value.shape)} do not lie along axis {axis} of {list(shape)}")
    return value.reshape([-1 if k == axis % len(shape) else 1 for k in range(len(shape))])
