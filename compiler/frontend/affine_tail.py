"""What follows the last sums as exact numbers: slope and offset of every score over its real sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.dtypes import is_float
from threshc.compiler.frontend.kernels.registry import Array, Kind
from threshc.compiler.frontend.symbolic import Expr

RISING = {
    *("Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Exp", "Log", "Sqrt", "Elu", "Selu", "Celu", "LeakyRelu"),
    *("Atan", "Sinh", "Asinh"),
}
"""Functions that rise everywhere over the real numbers, with parameters as they are usual: the order of the real
scores before them is that of the real scores behind them."""
_PLACES = {"Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast"}


def before_rising(expr: Expr) -> Expr:
    """Returns the scores before the functions at the end that rise over the real numbers, all elements alike."""
    while expr.node is not None and isinstance(expr.args[0], Expr) and is_float(expr.args[0].sample.dtype):
        node, inner = expr.node, expr.args[0]
        parameters = [float(node.attrs.get(key, 1.0)) for key in ("alpha", "gamma")]
        if node.op not in _PLACES and not (node.op in RISING and min(parameters) > 0):
            break
        expr = inner
    return expr


def is_affine(expr: Expr) -> bool:
    """Returns whether only scales, biases and moves follow the sums."""
    try:
        affine_tail(expr)
    except CompileError:
        return False
    return True


def affine_tail(expr: Expr) -> tuple[Array, Array]:
    """Returns the slope and offset of every element over its real sum, as Fractions in arrays of the tensor's shape.

    Constants count as the numbers that they are; nothing is rounded but the root of a BatchNormalization, to float64.
    Raises CompileError for other operators than scales, biases and moves.
    """
    if expr.node is None or expr.kernel is None:
        one = np.full(expr.shape, Fraction(1), object)
        return one, one * 0
    if not is_float(expr.sample.dtype):
        raise not_affine(expr)
    inner = [affine_tail(a) for a in expr.args if isinstance(a, Expr)]
    constants = [_fractions(a) for a in expr.args if a is not None and not isinstance(a, Expr)]
    op, (slope, offset) = expr.node.op, inner[0]
    first = isinstance(expr.args[0], Expr)
    match op:
        case "Concat":
            axis = int(expr.node.attrs["axis"])
            return tuple(np.concatenate([part[k] for part in inner], axis=axis) for k in (0, 1))  # type: ignore[return-value]
        case _ if expr.kernel.kind is Kind.STRUCTURE:
            rest = list(expr.args[1:])
            moved = [expr.kernel.compute(expr.node, [part, *rest])[0] for part in inner[0]]  # type: ignore[list-item]
            return moved[0], moved[1]
        case "Identity" | "Dropout":
            return slope, offset
        case "Neg":
            return -slope, -offset
        case "Gemm":
            alpha, beta = (Fraction(float(expr.node.attrs.get(key, 1.0))) for key in ("alpha", "beta"))
            return _shaped(expr, slope * alpha), offset * alpha + beta * sum(constants)
        case "Add" | "Conv" | "XnorPopcountMatMul" if len(inner) == 1:
            return _shaped(expr, slope), offset + sum(constants)
        case "Sub" if len(inner) == 1:
            sign = 1 if first else -1
            return _shaped(expr, sign * slope), sign * (offset - constants[0])
        case "Mul" if len(inner) == 1:
            return slope * constants[0], offset * constants[0]
        case "Div" if len(inner) == 1 and first and all(constants[0].ravel()):
            return slope / constants[0], offset / constants[0]
        case "BatchNormalization" if len(inner) == 1 and first:
            return _normalized(expr, slope, offset)
    raise not_affine(expr)


def not_affine(expr: Expr) -> CompileError:
    """Returns the refusal of an operator behind sums of too many values to look at each."""
    op = expr.node.op if expr.node else "what follows"
    return fail(
        "the last layer has too many reachable sums for what follows it",
        where=f"{expr.node.where if expr.node else 'the end'}, tensor {expr.tensor!r}",
        why="over so many sums the order of the scores is exact behind scales, biases, BatchNormalization and "
        f"functions that rise everywhere; {op} is none of these",
        hint=f"end the model before {op}, or quantize the weights of the last layer",
    )


def _normalized(expr: Expr, slope: Array, offset: Array) -> tuple[Array, Array]:
    assert expr.node is not None
    shape = (-1, *[1] * (len(expr.shape) - 2))
    gamma, beta, mean, var = (np.asarray(a, np.float64).reshape(shape) for a in expr.args[1:5])
    root = np.sqrt(var + float(expr.node.attrs.get("epsilon", 1e-5)))
    if not root.all():
        raise not_affine(expr)
    scale = _fractions(gamma) / _fractions(root)
    return slope * scale, (offset - _fractions(mean)) * scale + _fractions(beta)


def _fractions(constant: Array) -> Array:
    flat = [Fraction(float(v)) for v in np.ravel(constant)]
    out = np.empty(len(flat), object)
    out[:] = flat
    return out.reshape(np.shape(constant))


def _shaped(expr: Expr, values: Array) -> Array:
    return np.broadcast_to(values, expr.shape)
