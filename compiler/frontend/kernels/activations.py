"""Smooth activations: between a sum and a step they are only functions of an integer, and their order is what matters.

Where float32 rounding could break the order (nothing proves that numpy's exp or tanh never falls by one unit), the
direction is left unknown, and the tail is read at every reachable sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, kernel, need, number, wide


def _slope_rises(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    default = 0.2 if node.op == "HardSigmoid" else 0.01
    return 1 if k == 0 and number(node, "alpha", default) >= 0 else 0


@kernel("LeakyRelu", direction=_slope_rises, types=("F",), reads=("alpha",))
def leaky_relu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.where(x < 0, x * x.dtype.type(number(node, "alpha", 0.01)), x)]


@kernel("HardSigmoid", direction=_slope_rises, types=("F",), reads=("alpha", "beta"))
def hard_sigmoid(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    alpha, beta = (number(node, key, d) for key, d in (("alpha", 0.2), ("beta", 0.5)))
    return [np.maximum(0, np.minimum(1, wide(x) * alpha + beta)).astype(x.dtype)]


@kernel("Tanh", types=("F",))
def tanh(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.tanh(need(args, 0))]


@kernel("Sigmoid", types=("fdh",))
def sigmoid(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes 1 / (1 + exp(-x)), and exp(x) / (1 + exp(x)) below zero, as onnx.reference"""
    x = need(args, 0)
    small = np.exp(-np.abs(x))
    one = x.dtype.type(1)
    return [np.where(x > 0, one / (one + small), small / (one + small)).astype(x.dtype)]


@kernel("Softsign", types=("F",))
def softsign(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [x / (x.dtype.type(1) + np.abs(x))]


@kernel("Softplus", types=("fdh",))
def softplus(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.logaddexp(x.dtype.type(0), x)]


@kernel("Elu", types=("F",), reads=("alpha",))
def elu(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    return [np.where(x > 0, x, number(node, "alpha", 1.0) * wide(np.expm1(x))).astype(x.dtype)]


def erf_of(x: Array) -> Array:
    """Returns the error function of every element, in the type of x."""
    return np.array([math.erf(float(v)) for v in x.ravel()], x.dtype).reshape(x.shape)


@kernel("Erf", types=("f",))
def erf(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [erf_of(need(args, 0))]
