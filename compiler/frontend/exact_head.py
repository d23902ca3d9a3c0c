"""Scores of wide sums: exact real numbers as integers, compared before any rounding to float32."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.dtypes import is_float
from threshc.compiler.frontend.heads import Head
from threshc.compiler.frontend.kernels.registry import Array, Kind
from threshc.compiler.frontend.symbolic import Expr, Sums

_LIMIT = 2**61


def exact_head(expr: Expr) -> Head:
    """Integer scores with the order of the exact real outputs, for sums with too many values to look at each.

    Only scales and biases may follow the sums. Their float32 rounding, which can make two outputs equal, is not
    imitated: the order is that of the real numbers. Raises CompileError for other tails and beyond 62 bits.
    """
    source = expr.leaf.source
    assert isinstance(source, Sums)
    row = expr.src.ravel() // source.places
    slope, bias = (part.ravel().tolist() for part in _affine(expr))
    unit = [Fraction(float(source.unit[r])) / source.over for r in row]
    shift = [Fraction(float(source.shift[r])) for r in row]
    factors = [a * u for a, u in zip(slope, unit, strict=True)]
    offsets = [a * s + b for a, s, b in zip(slope, shift, bias, strict=True)]
    denominator = lcm(*(f.denominator for f in factors + offsets))
    whole = [int(f * denominator) for f in factors + offsets]
    common = gcd(*whole) or 1
    factor, offset = ([w // common for w in part] for part in (whole[: len(row)], whole[len(row) :]))
    reach = np.abs(source.step[:, None] * source.weights).sum(axis=1) + np.abs(source.base)
    if max(abs(f) * int(reach[r]) + abs(o) for f, o, r in zip(factor, offset, row, strict=True)) >= _LIMIT:
        raise fail(
            "the exact scores do not fit 62 bits",
            where=f"tensor {expr.tensor!r}",
            why="the weights and biases of the last layer have too many different sizes",
            hint="quantize the weights of the last layer",
        )
    scale = np.full(len(row), float(Fraction(common, denominator)))
    return Head(np.array(factor, np.int64), np.array(offset, np.int64), scale, np.zeros(len(row)))


def _affine(expr: Expr) -> tuple[Array, Array]:
    """Slope and offset of every element over its real sum, exact, as Fractions in arrays of the tensor's shape."""
    if expr.node is None or expr.kernel is None:
        one = np.full(expr.shape, Fraction(1), object)
        return one, one * 0
    if not is_float(expr.sample.dtype):
        raise _not_affine(expr)
    inner = [_affine(a) for a in expr.args if isinstance(a, Expr)]
    constants = [_fractions(a) for a in expr.args if a is not None and not isinstance(a, Expr)]
    op, (slope, offset) = expr.node.op, inner[0]
    first = isinstance(expr.args[0], Expr)
    plain_gemm = all(expr.node.attrs.get(key, 1.0) == 1.0 for key in ("alpha", "beta"))
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
        case "Add" | "Gemm" | "Conv" if len(inner) == 1 and (op != "Gemm" or plain_gemm):
            return _shaped(expr, slope), offset + sum(constants)
        case "Sub" if len(inner) == 1:
            sign = 1 if first else -1
            return _shaped(expr, sign * slope), sign * (offset - constants[0])
        case "Mul" if len(inner) == 1:
            return slope * constants[0], offset * constants[0]
        case "Div" if len(inner) == 1 and first and all(constants[0].ravel()):
            return slope / constants[0], offset / constants[0]
    raise _not_affine(expr)


def _not_affine(expr: Expr) -> CompileError:
    return fail(
        "the last layer has too many reachable sums for what follows it",
        where=f"{expr.node.where if expr.node else 'the end'}, tensor {expr.tensor!r}",
        why="over real-valued weights the order of the outputs is exact only behind plain scales and biases",
        hint="end the model at the sums plus biases, or quantize the weights of the last layer",
    )


def _fractions(constant: Array) -> Array:
    flat = [Fraction(float(v)) for v in np.ravel(constant)]
    out = np.empty(len(flat), object)
    out[:] = flat
    return out.reshape(np.shape(constant))


def _shaped(expr: Expr, values: Array) -> Array:
    return np.broadcast_to(values, expr.shape)
