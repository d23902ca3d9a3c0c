"""Operators that work element by element, with the direction in which each moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional, rising, sign


def _both_rise(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return 1


def _falls_second(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return 1 if k == 0 else -1


def _rises_second(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return -1 if k == 0 else 1


def _falls(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return -1


def _product(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    other = args[1 - k]
    return 0 if other is None else sign(other)


def _quotient(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    return _product(node, args, k, shape) if k == 0 else 0


@kernel("Add", direction=_both_rise)
def add(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) + need(args, 1)]


@kernel("Sum", direction=_both_rise)
def sum_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    total = need(args, 0)
    for k in range(1, len(args)):
        total = total + need(args, k)
    return [total]


@kernel("Sub", direction=_falls_second)
def sub(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) - need(args, 1)]


@kernel("Mul", direction=_product)
def mul(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) * need(args, 1)]


@kernel("Div", direction=_quotient)
def div(node: Node, args: Sequence[Array | None]) -> list[Array]:
    a, b = need(args, 0), need(args, 1)
    if a.dtype.kind in "iu":  # ONNX integer division truncates towards zero
        return [(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)]
    return [a / b]


@kernel("Pow")
def pow_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    base = need(args, 0)
    return [np.power(base, need(args, 1)).astype(base.dtype)]


@kernel("Neg", direction=_falls)
def neg(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [-need(args, 0)]


@kernel("Reciprocal")
def reciprocal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.reciprocal(need(args, 0))]


@kernel("Abs")
def abs_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.abs(need(args, 0))]


@kernel("Sign", direction=rising)
def sign_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.sign(need(args, 0))]


@kernel("Floor", direction=rising)
def floor(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.floor(need(args, 0))]


@kernel("Ceil", direction=rising)
def ceil(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.ceil(need(args, 0))]


@kernel("Round", direction=rising)
def round_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.rint(need(args, 0))]  # half to even


@kernel("Sqrt", direction=rising)
def sqrt(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.sqrt(need(args, 0))]


@kernel("Relu", direction=rising)
def relu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.maximum(x, np.zeros((), x.dtype))]


@kernel("Exp")
def exp(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.exp(need(args, 0))]


@kernel("Clip", direction=rising)
def clip(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    low, high = optional(args, 1), optional(args, 2)
    if low is None and "min" in node.attrs:  # opset < 11
        low = np.asarray(node.attrs["min"], x.dtype)
    if high is None and "max" in node.attrs:
        high = np.asarray(node.attrs["max"], x.dtype)
    if low is not None:
        x = np.maximum(x, low)
    if high is not None:
        x = np.minimum(x, high)
    return [x]


@kernel("Max", direction=_both_rise)
def max_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    best = need(args, 0)
    for k in range(1, len(args)):
        best = np.maximum(best, need(args, k))
    return [best]


@kernel("Min", direction=_both_rise)
def min_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    best = need(args, 0)
    for k in range(1, len(args)):
        best = np.minimum(best, need(args, k))
    return [best]


@kernel("Greater", direction=_falls_second)
def greater(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) > need(args, 1)]


@kernel("GreaterOrEqual", direction=_falls_second)
def greater_or_equal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) >= need(args, 1)]


@kernel("Less", direction=_rises_second)
def less(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) < need(args, 1)]


@kernel("LessOrEqual", direction=_rises_second)
def less_or_equal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) <= need(args, 1)]


@kernel("Equal")
def equal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) == need(args, 1)]


@kernel("Not", direction=_falls)
def not_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_not(need(args, 0))]


@kernel("And", direction=_both_rise)
def and_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_and(need(args, 0), need(args, 1))]


@kernel("Or", direction=_both_rise)
def or_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_or(need(args, 0), need(args, 1))]


@kernel("Xor")
def xor(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_xor(need(args, 0), need(args, 1))]


def _where_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    if k:
        return 1
    a, b = args[1], args[2]
    return 0 if a is None or b is None else sign(np.asarray(a, np.float64) - np.asarray(b, np.float64))


@kernel("Where", direction=_where_direction)
def where(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.where(need(args, 0), need(args, 1), need(args, 2))]


def _cast_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    from onnx import TensorProto

    return 0 if node.attrs.get("to") == TensorProto.BOOL else 1


@kernel("Cast", direction=_cast_direction)
def cast(node: Node, args: Sequence[Array | None]) -> list[Array]:
    from onnx import helper

    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(node.attrs["to"]))
    if dtype.kind in "cOSU":
        raise ValueError(f"a cast to {dtype.name} is not supported")
    return [need(args, 0).astype(dtype)]


@kernel("Identity", "Dropout", "StopGradient", "quant:DebugMarker", direction=rising)
def identity(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [x, np.ones(x.shape, bool)][: max(len(node.outputs), 1)]


def _gamma_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    if k:
        return 0
    gamma = sign(need(args, 1))
    return gamma.reshape(-1, *[1] * (len(shape) - 2))


@kernel("BatchNormalization", kind=Kind.CHANNELWISE, direction=_gamma_direction)
def batch_normalization(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """As onnx.reference: scale * (x - mean) / sqrt(var + epsilon) + bias, each step rounded to float32."""
    x = need(args, 0)
    if node.attrs.get("training_mode", 0) or node.attrs.get("spatial", 1) != 1:
        raise ValueError("training mode and spatial=0 are not supported; export the model in eval mode")
    shape = (-1, *[1] * (x.ndim - 2))
    gamma, beta, mean, var = (need(args, k).reshape(shape) for k in (1, 2, 3, 4))
    if (var < 0).any():
        raise ValueError("a running variance is negative")
    epsilon = float(node.attrs.get("epsilon", 1e-5))
    return [(gamma * (x - mean) / np.sqrt(var + epsilon) + beta).astype(x.dtype)]
