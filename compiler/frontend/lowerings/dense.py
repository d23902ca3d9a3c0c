"""MatMul and Gemm: one exact integer sum per output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context, Known, constant, lowers, symbolic
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.linear import gemm_tail
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need, optional, sign
from threshc.compiler.frontend.levels import NotAStep
from threshc.compiler.frontend.lowerings.composition import AFFINE, composed, composed_features, no_common_scale
from threshc.compiler.frontend.sums import coded_sums, plane_sums
from threshc.compiler.frontend.symbolic import (
    MOVES,
    Expr,
    Features,
    IntArray,
    Joined,
    Leaf,
    Pooled,
    Sums,
    apply,
    evaluate,
    leaf_expr,
)
from threshc.compiler.ir.shapes import plane_weights

_PROBES = 1024
"""Integers of the input at which a map is compared with a line."""


@lowers("Gemm")
def gemm(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """alpha * (x @ W') + beta * C with W' = W or its transpose; what follows the sum is part of the tail."""
    x, weights = symbolic(node, args, 0), constant(node, args, 1, "weight matrix")
    if node.attrs.get("transA", 0):
        raise fail("Gemm with transA=1 is not supported", where=node.where, hint="export the layer as x @ W")
    total = dense_layer(context, node, x, weights.T if node.attrs.get("transB", 0) else weights)
    bias = None if len(args) < 3 or args[2] is None else constant(node, args, 2, "bias")
    if bias is None and node.attrs.get("alpha", 1.0) == 1.0:
        return total
    tail = Kernel(lambda n, a: [gemm_tail(n, need(a, 0), optional(a, 1))], Kind.ELEMENTWISE, _alpha)
    return apply(node, tail, (total, bias), node.outputs[0])


def _alpha(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    return sign(np.asarray(node.attrs.get("alpha", 1.0)))


def dense_layer(context: Context, node: Node, x: Expr, weights: Array) -> Expr:
    """One exact sum per column of weights (n, R) over features x (.., n)."""
    if weights.ndim != 2 or x.shape[-1:] != weights.shape[:1] or x.src.size != x.shape[-1]:
        raise fail(
            f"a matrix product of shapes {list(x.shape)} and {list(weights.shape)} is not a dense layer",
            where=node.where,
            why="one sample is one row of features, and every feature needs a weight",
            hint="flatten the features before the layer",
        )
    name, shape = node.outputs[0], (*x.shape[:-1], weights.shape[1])
    if enters_as_integers(x):
        return leaf_expr(_integer_features(context, node, x, weights, shape, name))
    found = composed(context, x, False, weights.shape[1])
    if found is not None:
        return leaf_expr(composed_features(context, node, *found, weights.T, shape))
    coded = binary_input(context, node, x)
    return leaf_expr(coded_sums(context.builder, coded, weights.T, shape, name, node.where))


def enters_as_integers(x: Expr) -> bool:
    """Whether a layer reads the input's integers themselves: more than two values, and no step on the way but one that
    keeps every integer, as a quantizer of the input's own width does."""
    if x.leaf.source != Features(True) or int((x.leaf.hi - x.leaf.lo).max()) <= 1:
        return False
    return not x.stepped or _line(x) is not None


def _integer_features(context: Context, node: Node, x: Expr, weights: Array, shape: tuple[int, ...], name: str) -> Leaf:
    """A layer on the input's integers: they enter as bit planes, through an affine map."""
    line = affine_features(context, node, x)
    lo, hi = int(x.leaf.lo.min()), int(x.leaf.hi.max())
    plane, order = np.array(plane_weights(lo, hi)), x.src.ravel()
    planes, features = context.builder.planes(), x.leaf.lo.size
    ways = line.factor, line.slope, line.offset
    return plane_sums(planes, plane, order, features, *ways, weights.T, shape, name, node.where)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Features that are slope * factor[e] * i + offset[e] for the input's integers i; factor, offset (E,).

    factor: the smallest whole numbers that stand in the ratio of the channels' scales. parts, base: where the encoding
    alone states it, offset[e] is base[e] * slope / parts without any rounding; else parts is 0.
    """

    slope: float
    factor: IntArray
    offset: NDArray[np.float64]
    parts: int
    base: IntArray


def affine_features(context: Context, node: Node, x: Expr) -> Line:
    """Features that are affine functions of the input's integers. Raises CompileError where they are not."""
    encoding = context.builder.encoding
    if encoding is not None and all(n.op in MOVES for n in x.trail):  # the encoding itself, free of rounding
        slopes, offsets = encoding.line()
        slope, factors = _common(slopes, node.where)
        ratio = [o / slope for o in offsets]
        parts = lcm(*(r.denominator for r in ratio))
        whole = [int(r * parts) for r in ratio]
        if max(parts, *map(abs, whole)) >= 2**40:
            parts, whole = 0, [0] * len(whole)
        channel = encoding.channel(x.leaf.lo.size)[x.src.ravel()]
        real, base = np.array([float(o) for o in offsets]), np.array(whole, np.int64)
        return Line(float(slope), factors[channel], real[channel], parts, base[channel])
    found = _line(x)
    if found is None:
        raise fail(
            "the input reaches a layer through a map that is not one affine scale",
            where=f"{node.where}, tensor {x.tensor!r}",
            why="features that are not compared first must be integers times one scale, plus offsets",
            hint="use one scale for all features, or compare the features with thresholds",
        )
    one, offset = found
    return Line(one, np.ones(len(offset), np.int64), offset, 0, np.zeros(len(offset), np.int64))


def _common(slopes: Sequence[Fraction], where: str) -> tuple[Fraction, IntArray]:
    """The largest scale of which every slope is a whole multiple, and the multiples."""
    below = lcm(*(s.denominator for s in slopes))
    whole = [s.numerator * (below // s.denominator) for s in slopes]
    unit = gcd(*whole)
    if max(map(abs, whole)) // unit >= 2**40:
        raise fail(
            "the channels' scales of the input have no common unit of 40 bits",
            where=where,
            why="each weight is multiplied by its channel's scale, as a whole number",
            hint="state std= with fewer decimals, or one scale for all channels",
        )
    return Fraction(unit, below), np.array([w // unit for w in whole], np.int64)


def _line(x: Expr) -> tuple[float, NDArray[np.float64]] | None:
    """Slope and offsets (E,) of features that are affine in the input's integers, up to the rounding of float32."""
    lo, hi = int(x.leaf.lo.min()), int(x.leaf.hi.max())
    at = partial(_value_at, x)
    first, last = at(lo), at(hi)
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        return None
    tolerance = 4 * np.finfo(np.float32).eps * max(float(np.abs(np.r_[first, last]).max()), 1e-30)
    if hi - lo >= _PROBES and (x.stepped or not x.direction.all()):
        return None  # between the integers that are looked at it could do anything
    slopes = (last - first) / (hi - lo)
    slope = float(np.median(slopes))
    if slope == 0 or np.ptp(slopes) * (hi - lo) > tolerance:
        return None
    offsets = first - slope * lo
    offsets = np.where(np.abs(offsets) <= tolerance, 0.0, offsets)
    probes = np.unique(np.linspace(lo, hi, min(hi - lo + 1, _PROBES)).astype(np.int64))
    straight = all(np.abs(at(int(i)) - (slope * i + offsets)).max() <= tolerance for i in probes)
    return (slope, offsets) if straight else None


def _value_at(x: Expr, i: int) -> NDArray[np.float64]:
    return evaluate(x, np.full(x.leaf.shape, i, np.int64)).astype(np.float64).ravel()


def binary_input(context: Context, node: Node, x: Expr) -> Coded:
    """A layer's input as bits: one per threshold of its step, or per value of a sum that was only scaled and shifted.

    Raises CompileError where it takes too many values.
    """
    _want_step(node, x)
    try:
        return context.code(x)
    except NotAStep as error:
        if not x.stepped:
            raise CompileError(no_common_scale(node, x)) from error
        raise CompileError(no_step(node, x.tensor, x.trail, str(error))) from error


def _want_step(node: Node, x: Expr) -> None:
    if x.leaf.source == Features(False) and not x.stepped:
        raise fail(
            "the input enters a layer without a comparison, and nothing states its integers",
            where=f"{node.where}, input {x.leaf.name!r}",
            why="a sum over real features is not a sum over integers",
            hint="state the input with --input (input= in Python): uint8, uint8/255, "
            "(uint8/255-0.1307)/0.3081, int12*0.01, bipolar, bit, ... (docs/inputs.md)",
        )
    if isinstance(x.leaf.source, Sums | Pooled | Joined) and not x.stepped and not all(n.op in AFFINE for n in x.trail):
        raise CompileError(no_step(node, x.tensor, x.trail, "no step function lies between the layers"))


def no_step(node: Node, tensor: str, trail: Sequence[Node], why: str) -> Diagnostic:
    """The problem that a layer's input is not binary, with what the operators since the last layer suggest."""
    between = [n.op for n in trail]
    hint = "train with binary activations (Sign, comparisons, BipolarQuant, Quant, MultiThreshold) and export them"
    if "Relu" in between:
        why, hint = f"{why}: ReLU networks are not threshold networks", f"{hint}; for ReLU networks use hls4ml or FINN"
    if "Clip" in between:
        why = (
            f"{why}. Clip to -1..1 right before a layer is what remains of a BinaryNet-style sign: an assignment to "
            "`.data` is not recorded by torch.onnx.export, so the Sign was lost on export"
        )
        hint = (
            "in PyTorch binarize inside the graph, with torch.where(x >= 0, 1.0, -1.0) or torch.sign in an "
            "autograd.Function with a straight-through backward, and export again"
        )
    return Diagnostic("a layer's input is not binary", f"{node.where}, tensor {tensor!r}", why, hint)
