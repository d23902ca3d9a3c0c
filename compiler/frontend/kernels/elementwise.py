"""Operators that work element by element, with the direction in which each moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.dtypes import fits, is_float, is_integer, letter, named_type
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, number, optional, rising, sign, wide


def both_rise(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    """Returns the direction of operators that never fall in any input."""
    return 1


def falls_second(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    """Returns the direction of differences."""
    return 1 if k == 0 else -1


def falls(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    """Returns the direction of operators that never rise."""
    return -1


def _product(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    other = args[1 - k]
    return 0 if other is None else sign(other)


def _quotient(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    return _product(node, args, k, shape) if k == 0 else 0


def _wide_sum(node: Node, args: Sequence[Array | None]) -> Array:
    return sum((need(args, k) for k in range(1, len(args))), need(args, 0))


@kernel("Add", direction=both_rise, exact=_wide_sum, types=("Fi",))
def add(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) + need(args, 1)]


@kernel("Sum", direction=both_rise, exact=_wide_sum, types=("F",))
def sum_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    total = need(args, 0)
    for k in range(1, len(args)):
        total = total + need(args, k)
    return [total]


@kernel("Sub", direction=falls_second, exact=lambda node, args: need(args, 0) - need(args, 1), types=("Fi",))
def sub(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) - need(args, 1)]


@kernel("Mul", direction=_product, exact=lambda node, args: need(args, 0) * need(args, 1), types=("Fi",))
def mul(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) * need(args, 1)]


@kernel("Div", direction=_quotient, exact=lambda node, args: need(args, 0) / need(args, 1), types=("Fi",))
def div(node: Node, args: Sequence[Array | None]) -> list[Array]:
    a, b = need(args, 0), need(args, 1)
    if a.dtype.kind not in "iu":
        return [a / b]
    if (b == 0).any():
        raise fail(
            "integers are divided by zero",
            where=node.where,
            why="ONNX leaves the result open",
            hint="divide by a constant that is not zero",
        )
    quotient, rest = np.floor_divide(a, b), np.remainder(a, b)  # ONNX cuts towards zero
    return [(quotient + ((rest != 0) & ((a < 0) ^ (b < 0)))).astype(a.dtype)]


@kernel("Pow", types=("Fi", "Fi"))
def pow_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    base = need(args, 0)
    return [np.power(base, need(args, 1)).astype(base.dtype)]


@kernel("Neg", direction=falls, exact=lambda node, args: -need(args, 0), types=("Fi",))
def neg(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [-need(args, 0)]


@kernel("Reciprocal", types=("F",))
def reciprocal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.reciprocal(need(args, 0))]


@kernel("Abs", types=("Fi",))
def abs_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.abs(need(args, 0))]


@kernel("Sign", direction=rising, types=("Fi",))
def sign_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.sign(need(args, 0))]


@kernel("Floor", direction=rising, types=("F",))
def floor(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.floor(need(args, 0))]


@kernel("Ceil", direction=rising, types=("F",))
def ceil(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.ceil(need(args, 0))]


@kernel("Round", direction=rising, types=("F",))
def round_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.rint(need(args, 0))]  # half to even


@kernel("Sqrt", direction=rising, types=("F",))
def sqrt(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.sqrt(need(args, 0))]


@kernel("Relu", direction=rising, types=("Fi",))
def relu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.maximum(x, np.zeros((), x.dtype))]


@kernel("Exp", types=("F",))
def exp(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.exp(need(args, 0))]


@kernel("Clip", direction=rising, types=("Fi",), reads=("min", "max"))
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


@kernel("Max", direction=both_rise, types=("Fi",))
def max_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    best = need(args, 0)
    for k in range(1, len(args)):
        best = np.maximum(best, need(args, k))
    return [best]


@kernel("Min", direction=both_rise, types=("Fi",))
def min_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    best = need(args, 0)
    for k in range(1, len(args)):
        best = np.minimum(best, need(args, k))
    return [best]


def cast_type(node: Node) -> np.dtype[Any]:
    """Returns the type that a Cast node names. Raises CompileError for those that are not computed in (text, float8,
    ...)."""
    try:
        dtype = named_type(node.attrs.get("to", 0))
    except (ValueError, TypeError) as error:
        raise fail("a cast names no type", where=node.where, why=str(error), hint="export the model again") from error
    if letter(dtype) in ("f", "d", "h", "g", "i", "b"):
        return dtype
    raise fail(
        f"a cast to {dtype.name} is not supported",
        where=node.where,
        why="float32, float64, float16, bfloat16, bool and integers of 8 to 64 bits are",
        hint="export the model with one of these types",
    )


def _cast_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return 0 if letter(cast_type(node)) == "b" else 1


@kernel(
    "Cast",
    direction=_cast_direction,
    exact=lambda node, args: need(args, 0),
    types=("Fibq",),
    reads=("to",),
    void=("saturate", "round_mode"),
)
def cast(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Casts: integers keep their low bits, floating-point numbers are cut towards zero, and rounded to a narrower
    type."""
    x, dtype = need(args, 0), cast_type(node)
    if is_float(x.dtype) and is_integer(dtype) and not (inside := fits(x.astype(np.float64), dtype)).all():
        raise fail(
            f"a number is cast to {dtype.name} that does not fit it",
            where=node.where,
            why=f"{float(x[~inside][0]):g} is reachable; ONNX leaves the result open",
            hint="put Clip before the Cast",
        )
    return [x.astype(dtype)]


@kernel("Identity", "StopGradient", direction=rising, types=("*",))
@kernel("quant:DebugMarker", direction=rising, types=("*",), void=("export_debug_name",))
def identity(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0)]


@kernel("Dropout", direction=rising, types=("F", "F", "b"), void=("ratio", "seed"))
def dropout(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the tensor: nothing is dropped outside of training."""
    x, training = need(args, 0), optional(args, 2)
    if training is not None and training.any():
        raise ValueError("training mode is not supported; export the model in eval mode")
    return [x, np.ones(x.shape, bool)]


def _gamma_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    if k:
        return 0
    gamma = sign(need(args, 1))
    return gamma.reshape(-1, *[1] * (len(shape) - 2))


@kernel(
    "BatchNormalization",
    kind=Kind.CHANNELWISE,
    direction=_gamma_direction,
    types=("F",),
    reads=("epsilon",),
    void=("momentum",),
    fixed={"training_mode": (0,), "spatial": (1,)},
)
def batch_normalization(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes, as onnx.reference does, scale * (x - mean) / sqrt(var + epsilon) + bias, each step rounded to
    float32."""
    x = need(args, 0)
    if node.attrs.get("training_mode", 0) or node.attrs.get("spatial", 1) != 1:
        raise ValueError("training mode and spatial=0 are not supported; export the model in eval mode")
    shape = (-1, *[1] * (x.ndim - 2))
    gamma, beta, mean, var = (need(args, k).reshape(shape) for k in (1, 2, 3, 4))
    if (var < 0).any():
        raise ValueError("a running variance is negative")
    epsilon = number(node, "epsilon", 1e-5)
    return [(gamma * (x - mean) / np.sqrt(wide(var) + epsilon) + beta).astype(x.dtype)]
