"""Layers without a step between them: one sum, two sums, or bits of the sum between (docs/reference/onnx.md)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import Diagnostic
from threshc.compiler.frontend.context import Context
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kept_sums import worth_keeping
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.levels import MAX_STEPS
from threshc.compiler.frontend.sum_map import Scaled, in_one_unit, is_plain, reach_of, weights_of_features
from threshc.compiler.frontend.sums import check_type, sums_leaf, weight_grid
from threshc.compiler.frontend.symbolic import MOVES, Expr, Leaf, Sums
from threshc.compiler.ir.ops import Gather, Loc

AFFINE = MOVES | {"Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization", "Gemm", "Conv", "XnorPopcountMatMul"}
AFFINE |= {"MatMul", "Einsum", "AveragePool", "MatMulInteger", "ConvInteger"}
"""Operators that scale, shift and move: behind them two layers still are one linear map."""


def composed(context: Context, x: Expr, padded: bool, weights: int) -> tuple[Expr, Scaled] | None:
    """Returns the sums that a layer reads without a step between, in one unit, over bits whose sum the layer then is.

    They are the bits that the sums are made of, or those of the sums' own integers where that takes fewer weights; None
    where x is something else, or its scales have no common unit. Under padding, where a sum is 0, nothing may have been
    added to the sums that is not an integer. weights: the layer's own for each element that it reads.
    """
    source = x.leaf.source
    if not isinstance(source, Sums) or not is_plain(x) or (padded and source.shift.any()):
        return None
    if x.sample.dtype != np.float32 and not _is_dyadic(source):
        return None  # float32's scales stand for real numbers; in other types each rounding counts
    if in_one_unit(source) is None:
        return None
    if worth_keeping(source, weights, source.places):
        leaf = context.in_binary(x.leaf)
        x = replace(x, leaf=leaf, node=None, kernel=None, args=())
        source = leaf.source
        assert isinstance(source, Sums)
    scaled = in_one_unit(source)
    assert scaled is not None
    return x, scaled


def _is_dyadic(sums: Sums) -> bool:
    """Whether every sum is an integer times a power of two, so that no type that holds it has rounded it."""
    mantissa, _ = np.frexp(np.append(sums.unit, sums.over))
    return bool((np.abs(mantissa) == 0.5).all()) and not sums.shift.any()


def composed_features(
    context: Context, node: Node, x: Expr, scaled: Scaled, weights: Array, shape: tuple[int, ...]
) -> Leaf:
    """Returns a layer (R, E) on the sums of the layer before it, as sums over that layer's bits."""
    sums = x.leaf.source
    assert isinstance(sums, Sums)
    n, row_unit = weight_grid(weights, node.where)
    w, base, shift, one, blur = weights_of_features(x, scaled, n, node.where)
    bound = np.abs(n.astype(np.float64)) @ reach_of(scaled.weights, scaled.base)[x.src.ravel() // sums.places]
    check_type(weights.dtype, bound, row_unit * one / sums.over, node.where, again=True)
    bits = sums.bits
    if len(context.builder.shape(bits)) > 1:
        bits = context.builder.add(Gather((bits,), np.arange(w.shape[1]), Loc("", x.tensor)))
    unit, shift, blur = row_unit * one, shift * row_unit, blur * row_unit
    return sums_leaf(bits, w, base, unit, shift, shape, node.outputs[0], weights.dtype, None, 0, sums.over, blur)


def no_common_scale(node: Node, x: Expr) -> Diagnostic:
    """Returns the problem that two layers without a step between them are not one sum in one unit."""
    scales = sorted(set(x.leaf.source.unit.tolist())) if isinstance(x.leaf.source, Sums) else []
    between = ", ".join(dict.fromkeys(n.op for n in x.trail if n.op not in MOVES))
    spread = (
        f"the scales of the sums before it, {np.float32(scales[0])} to {np.float32(scales[-1])},"
        if len(scales) > 1
        else ""
    )
    pooled = isinstance(x.leaf.source, Sums) and x.leaf.source.pooled
    return Diagnostic(
        "a pool of bits feeds a layer, and the two are not one integer sum"
        if pooled
        else "two layers without a step between them are not one integer sum",
        f"{node.where}, tensor {x.tensor!r}",
        f"{between or spread or 'what lies between'} would have to be rounded into the weights, "
        f"and the sums between take more than {MAX_STEPS + 1} values",
        "put a step between the layers, or fold what lies between into weights that are small integers times one scale",
    )
