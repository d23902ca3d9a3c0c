"""More functions of one number: of newer networks (PRelu, Gelu, Mish, Swish, ...), of geometry, and remainders.

Those that ONNX defines by other operators are computed by these, one rounding after the other, as onnx.reference does.
A direction is claimed only where every rounding on the way keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.activations import erf_of
from threshc.compiler.frontend.kernels.elementwise import both_rise
from threshc.compiler.frontend.kernels.registry import Array, kernel, need, number

_TYPES = ("fd",)


def _prelu_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    slope = args[1]
    return 0 if k or slope is None else np.where(np.asarray(slope) >= 0, 1, 0)


@kernel("PRelu", direction=_prelu_direction, types=_TYPES)
def prelu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, slope = need(args, 0), need(args, 1)
    if np.broadcast_shapes(x.shape, slope.shape) != x.shape:
        raise ValueError(f"the slopes of shape {list(slope.shape)} do not fit a tensor of shape {list(x.shape)}")
    return [np.where(x > 0, x, x * slope).astype(x.dtype)]


@kernel("Selu", types=_TYPES, reads=("alpha", "gamma"))
def selu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    alpha, gamma = number(node, "alpha", 1.6732631921768188), number(node, "gamma", 1.0507010221481323)
    return [(np.where(x > 0, x, alpha * np.expm1(x)) * gamma).astype(x.dtype)]


@kernel("Celu", types=("f",), reads=("alpha",))
def celu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, alpha = need(args, 0), number(node, "alpha", 1.0)
    return [(np.maximum(0, x) + np.minimum(0, alpha * np.expm1(x / alpha))).astype(x.dtype)]


def _rises_beyond(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return 1 if number(node, "alpha", 1.0) >= 0 else 0


@kernel("ThresholdedRelu", direction=_rises_beyond, types=_TYPES, reads=("alpha",))
def thresholded_relu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.where(x > number(node, "alpha", 1.0), x, 0).astype(x.dtype)]


def _shrink_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return 1 if number(node, "bias", 0.0) <= number(node, "lambd", 0.5) >= 0 else 0


@kernel("Shrink", direction=_shrink_direction, types=_TYPES, reads=("bias", "lambd"))
def shrink(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, bias, lambd = need(args, 0), number(node, "bias", 0.0), number(node, "lambd", 0.5)
    return [np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0)).astype(x.dtype)]


@kernel("HardSwish", types=_TYPES)
def hard_swish(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    sixth = float(np.float32(1 / 6))
    return [x * np.maximum(0, np.minimum(1, x * sixth + 0.5)).astype(x.dtype)]


@kernel("Swish", types=_TYPES, reads=("alpha",))
def swish(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [x * (1 / (1 + np.exp(-number(node, "alpha", 1.0) * x))).astype(x.dtype)]


@kernel("Mish", types=_TYPES)
def mish(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [x * np.tanh(np.logaddexp(x.dtype.type(0), x))]


@kernel("Gelu", types=("f",), reads=("approximate",))
def gelu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    one, half, three = (x.dtype.type(v) for v in (1, 0.5, 3))
    if node.attrs.get("approximate", "none") == "tanh":
        cubic = x + x.dtype.type(0.044715) * np.power(x, three)
        phi = one + np.tanh(np.sqrt(x.dtype.type(0.63661975)) * cubic)
    else:
        phi = one + erf_of(x / np.sqrt(x.dtype.type(2)))
    return [half * x * phi]


@kernel("Mean", direction=both_rise, types=_TYPES)
def mean(node: Node, args: Sequence[Array | None]) -> list[Array]:
    total = need(args, 0)
    for k in range(1, len(args)):
        total = total + need(args, k)
    return [(total / len(args)).astype(total.dtype)]


def _numpy(op: str, function: Callable[[Array], Array], types: str = "fd") -> None:
    """Register an operator that is one function of numpy."""

    def compute(node: Node, args: Sequence[Array | None]) -> list[Array]:
        return [function(need(args, 0))]

    kernel(op, types=(types,))(compute)


for _op, _function in (
    *(("Log", np.log), ("Sin", np.sin), ("Cos", np.cos), ("Tan", np.tan), ("Asin", np.arcsin), ("Acos", np.arccos)),
    *(("Atan", np.arctan), ("Sinh", np.sinh), ("Cosh", np.cosh), ("Asinh", np.arcsinh), ("Acosh", np.arccosh)),
    *(("Atanh", np.arctanh), ("IsNaN", np.isnan)),
):
    _numpy(_op, _function)


@kernel("IsInf", types=("fd",), reads=("detect_negative", "detect_positive"))
def is_inf(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    sides = [(-math.inf, "detect_negative"), (math.inf, "detect_positive")]
    return [np.any([x == end for end, key in sides if node.attrs.get(key, 1)] or [np.zeros(x.shape, bool)], axis=0)]


@kernel("Mod", types=("fdi", "fdi"), reads=("fmod",))
def mod(node: Node, args: Sequence[Array | None]) -> list[Array]:
    a, b = need(args, 0), need(args, 1)
    if a.dtype.kind in "iu" and (b == 0).any():
        raise fail(
            "the remainder of a division by zero",
            where=node.where,
            why="ONNX leaves the result open",
            hint="divide by a constant that is not zero",
        )
    return [np.fmod(a, b) if node.attrs.get("fmod", 0) else np.mod(a, b)]
