"""Layers of integers with zero points: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import Context, Known, constant, lowers, symbolic
from threshc.compiler.frontend.dtypes import limits
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.integers import centred, requantized
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need, optional, sign
from threshc.compiler.frontend.lowerings.contraction import product
from threshc.compiler.frontend.lowerings.conv import convolution
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.lowerings.input_numbers import enters_as_integers
from threshc.compiler.frontend.symbolic import Expr, apply


@lowers("MatMulInteger")
def matmul_integer(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Computes (A - zero) @ (B - zero) in int32."""
    left = isinstance(args[1], Expr)
    x, w = (
        _centred(context, node, args, int(left), 2 + int(left)),
        _weights(node, args, 1 - int(left), 3 - int(left), -1),
    )
    return product(context, node, x, w, left)


@lowers("ConvInteger")
def conv_integer(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns the convolution of X - zero, around which lie zeros, in int32."""
    return convolution(context, node, [_centred(context, node, args, 0, 2), _weights(node, args, 1, 3, 0)])


@lowers("QLinearMatMul")
def qlinear_matmul(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns an integer sum, then scaled, rounded and kept in the range of the result's type."""
    left = isinstance(args[3], Expr)
    x, w = (
        _centred(context, node, args, 3 * int(left), 2 + 3 * int(left)),
        _weights(node, args, *((0, 2) if left else (3, 5)), -1),
    )
    return _requantized(node, args, product(context, node, x, w, left), ())


@lowers("QLinearConv")
def qlinear_conv(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns the same of a convolution, with a scale for all channels, or for each."""
    bias = None if len(args) < 9 or args[8] is None else constant(node, args, 8, "bias")
    total = convolution(context, node, [_centred(context, node, args, 0, 2), _weights(node, args, 3, 5, 0), bias])
    return _requantized(node, args, total, (-1, *[1] * (len(total.shape) - 2)))


def _zero(node: Node, args: Sequence[Known | None], k: int) -> Array | None:
    return None if k >= len(args) or args[k] is None else constant(node, args, k, "zero point")


def _weights(node: Node, args: Sequence[Known | None], k: int, zero: int, axis: int) -> Array:
    return centred(constant(node, args, k, "weight matrix"), _zero(node, args, zero), axis)


def _centred(context: Context, node: Node, args: Sequence[Known | None], k: int, zero: int) -> Expr:
    """Input k without its zero point. An activation's bits are made of the model's own tensor."""
    x, point = symbolic(node, args, k), _zero(node, args, zero)
    minus = Kernel(lambda n, a: [centred(need(a, 0), optional(a, 1))], Kind.ELEMENTWISE, lambda n, a, k, s: 1)
    move = Node("Cast", "", node.name, node.inputs, node.outputs, {}, node.opset)
    result = apply(move, minus, (x, point), x.tensor)
    if not enters_as_integers(context, x):
        coded = binary_input(context, node, x)
        context.know(result, replace(coded, table=centred(coded.table, point)))
    return result


def _requantized(node: Node, args: Sequence[Known | None], total: Expr, channel: tuple[int, ...]) -> Expr:
    first = 1, 4, 6, 7
    a, b, y, zero = (constant(node, args, k, "scale") for k in first)
    b = b.reshape(channel) if b.size > 1 and channel else b
    _want_no_tie(node, total, a * b / y, zero)
    tail = Kernel(
        lambda n, values: [requantized(*(need(values, k) for k in range(5)))],
        Kind.ELEMENTWISE,
        lambda n, values, k, shape: sign(np.asarray(a * b / y)) if k == 0 else 0,
    )
    return apply(node, tail, (total, a, b, y, zero), node.outputs[0])


def _want_no_tie(node: Node, total: Expr, scale: Array, zero: Array) -> None:
    """Refuse reachable sums in the middle between two integers where the zero point is odd: ONNX's document rounds to
    an even integer before it adds the zero point, as onnxruntime does, and its reference evaluator behind it."""
    if int(zero) % 2 == 0:
        return
    lo, hi = limits(zero.dtype)
    middle = np.arange(lo - int(zero), hi - int(zero)).reshape(-1, *[1] * len(total.shape)) + 0.5
    sums = np.rint(middle / scale)
    least, most = np.minimum(total.sample, total.top), np.maximum(total.sample, total.top)
    tied = (sums * scale == middle) & (sums >= least) & (sums <= most)
    if tied.any():
        raise fail(
            f"{node.op} rounds a tie, for which ONNX's evaluators give different integers",
            where=node.where,
            why=f"a reachable sum lies in the middle between two integers, and the zero point {int(zero)} is odd: it "
            "counts whether the zero point is added before or after rounding",
            hint="use an even zero point, or write the layer with DequantizeLinear, MatMul and QuantizeLinear",
        )
