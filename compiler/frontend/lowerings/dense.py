"""MatMul and Gemm: one exact integer sum per output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail, option
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context, Known, constant, lowers, symbolic
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.linear import gemm_tail
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need, optional, sign
from threshc.compiler.frontend.levels import NotAStep
from threshc.compiler.frontend.lowerings.composition import AFFINE, composed, composed_features, no_common_scale
from threshc.compiler.frontend.lowerings.input_numbers import input_numbers
from threshc.compiler.frontend.numbers import number_sums, room_beside
from threshc.compiler.frontend.refusals import FACTOR
from threshc.compiler.frontend.sums import coded_sums
from threshc.compiler.frontend.symbolic import (
    Expr,
    Features,
    Joined,
    Pooled,
    Sums,
    apply,
    leaf_expr,
)


@lowers("Gemm")
def gemm(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Computes alpha * (x @ W') + beta * C with W' = W or its transpose; what follows the sum is part of the tail."""
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
    """Returns one exact sum per column of weights (n, R) over features x (.., n)."""
    if weights.ndim != 2 or x.shape[-1:] != weights.shape[:1] or x.src.size != x.shape[-1]:
        raise fail(
            f"a matrix product of shapes {list(x.shape)} and {list(weights.shape)} is not a dense layer",
            where=node.where,
            why="one sample is one row of features, and every feature needs a weight",
            hint="flatten the features before the layer",
        )
    name, shape = node.outputs[0], (*x.shape[:-1], weights.shape[1])
    numbers = input_numbers(context, node, x, False, room_beside(weights.T, node.where), weights.shape[1])
    if numbers is not None:
        return leaf_expr(number_sums(context.builder, numbers, weights.T, shape, name, node.where))
    found = composed(context, x, False, weights.shape[1])
    if found is not None:
        return leaf_expr(composed_features(context, node, *found, weights.T, shape))
    coded = binary_input(context, node, x)
    return leaf_expr(coded_sums(context.builder, coded, weights.T, shape, name, node.where))


def binary_input(context: Context, node: Node, x: Expr) -> Coded:
    """Returns a layer's input as bits: one per threshold of its step, or per value of a sum that was only scaled and
    shifted.

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
    if not x.stepped and any(n.op == "Abs" for n in x.trail):
        raise fail("a layer reads |x|", where=f"{node.where}, tensor {x.tensor!r}", why=FACTOR[0], hint=FACTOR[1])
    if x.leaf.source == Features(False) and not x.stepped:
        raise fail(
            "the input enters a layer without a comparison, and nothing states its integers",
            where=f"{node.where}, input {x.leaf.name!r}",
            why="a sum over real features is not a sum over integers",
            hint=f"state the input with {option('input')}: uint8, uint8/255, "
            "(uint8/255-0.1307)/0.3081, int12*0.01, bipolar, bit, ... (docs/guide/inputs.md)",
        )
    if isinstance(x.leaf.source, Sums) and x.leaf.source.pooled:
        return  # few values, whatever follows
    if isinstance(x.leaf.source, Sums | Pooled | Joined) and not x.stepped and not all(n.op in AFFINE for n in x.trail):
        raise CompileError(no_step(node, x.tensor, x.trail, "no step function lies between the layers"))


def no_step(node: Node, tensor: str, trail: Sequence[Node], why: str) -> Diagnostic:
    """Returns the problem that a layer's input is not binary, with what the operators since the last layer suggest."""
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
