"""Scores of wide sums: exact real numbers as integers, compared before any rounding to float32."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.heads import Head
from threshc.compiler.frontend.kernels.registry import Array, Kind
from threshc.compiler.frontend.symbolic import Expr, Sums

_LIMIT = 2**61


def exact_head(expr: Expr) -> Head:
    """Integer scores with the order of the exact real outputs, for sums with too many values to look at each.

    Only biases may follow the sums. Their float32 rounding, which can make two different outputs equal, is not
    imitated: the order is that of the real numbers. Raises CompileError for other tails and beyond 62 bits.
    """
    source = expr.leaf.source
    assert isinstance(source, Sums)
    row = expr.src.ravel() // source.places
    bias = _bias(expr).astype(np.float64).ravel()
    factors = [Fraction(float(source.unit[r])) for r in row]
    offsets = [Fraction(float(source.shift[r])) + Fraction(float(b)) for r, b in zip(row, bias, strict=True)]
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


def _bias(expr: Expr) -> Array:
    """What is added to the sums, where additions and moves are all that follows them."""
    if expr.node is None or expr.kernel is None:
        return np.zeros(expr.shape, np.float64)
    values = [_bias(a) if isinstance(a, Expr) else a for a in expr.args]
    if expr.kernel.kind is Kind.STRUCTURE:
        return expr.kernel.compute(expr.node, values)[0]
    constants = [np.asarray(a, np.float64) for a in expr.args if a is not None and not isinstance(a, Expr)]
    inner = next(_bias(a) for a in expr.args if isinstance(a, Expr))
    sign = {"Add": 1, "Identity": 1, "Dropout": 1, "Gemm": 1, "Sub": -1}.get(expr.node.op, 0)
    scaled = any(expr.node.attrs.get(key, 1.0) != 1.0 for key in ("alpha", "beta"))
    if not sign or scaled or len(constants) > 1 or not isinstance(expr.args[0], Expr | None):
        raise fail(
            "the last layer has too many reachable sums for what follows it",
            where=f"{expr.node.where}, tensor {expr.tensor!r}",
            why="over real-valued weights the order of the outputs is exact only behind plain biases",
            hint="end the model at the sums plus biases, or quantize the weights of the last layer",
        )
    total: Array = np.broadcast_to(inner, expr.shape) + sum(sign * c for c in constants)
    return total
