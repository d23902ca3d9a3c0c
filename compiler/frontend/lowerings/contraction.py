"""Products of a tensor and constant weights, whichever axes they share: MatMul from either side, Einsum, Im2Col's.

With the shared axes as channels and the tensor's other axes as places, each is a convolution of one tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import Context, Known, constant, lowers, symbolic
from threshc.compiler.frontend.geometry import Geometry
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.channels_last import gather_patches, patches
from threshc.compiler.frontend.kernels.contraction import LETTERS, equation
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, find_kernel, need
from threshc.compiler.frontend.lowerings.conv import window_sums
from threshc.compiler.frontend.lowerings.dense import dense_layer
from threshc.compiler.frontend.lowerings.moves import channels_first, channels_last, laid_out, moved
from threshc.compiler.frontend.symbolic import MOST_ELEMENTS, Expr, apply, leaf_expr


@dataclass(frozen=True, slots=True)
class Axes:
    """A letter per axis of the tensor, of the weights and of the result."""

    x: str
    weights: str
    result: str


@lowers("MatMul")
def matmul(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Computes x @ W, or W @ x, with constant weights."""
    left = not isinstance(args[0], Expr) and isinstance(args[1], Expr)
    x = symbolic(node, args, 1 if left else 0)
    return product(context, node, x, constant(node, args, 0 if left else 1, "weight matrix"), left)


@lowers("quant:XnorPopcountMatMul")
def xnor_popcount_matmul(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns how many bits of a row agree with each column of binary weights: sum (2w - 1) x + sum (1 - w)."""
    weights = constant(node, args, 1, "weight matrix")
    if not np.isin(weights, (0, 1)).all():
        raise fail("XnorPopcountMatMul has weights other than 0 and 1", where=node.where, hint="export binary weights")
    total = product(context, node, symbolic(node, args, 0), (2 * weights - 1).astype(np.float32))
    zeros = (1 - weights).sum(axis=0).astype(np.float32)
    tail = Kernel(lambda n, a: [need(a, 0) + need(a, 1)], Kind.ELEMENTWISE, lambda n, a, k, s: 1)
    return apply(node, tail, (total, zeros), node.outputs[0])


@lowers("Einsum")
def einsum(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Multiplies one tensor and constant weights, where that is a matrix product."""
    left = not isinstance(args[0], Expr) and len(args) > 1 and isinstance(args[1], Expr)
    x, weights = symbolic(node, args, 1 if left else 0), constant(node, args, 0 if left else 1, "weight matrix")
    a, b, result = equation(node, [len(np.shape(weights)), len(x.shape)] if left else [len(x.shape), weights.ndim])
    return contract(context, node, x, weights, Axes(b, a, result) if left else Axes(a, b, result))


@lowers("quant:Im2Col")
def im2col(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns the places under a window side by side; what lies outside of the map is a constant."""
    x, kernel = symbolic(node, args, 0), find_kernel(node)
    assert kernel is not None
    window = patches(node, x.shape)
    size = window.taps * window.out[0] * window.out[1] * x.shape[-1]
    if size > MOST_ELEMENTS:
        why = f"at most {MOST_ELEMENTS:,} are taken"
        raise fail(f"a tensor has {size:,} elements", where=node.where, why=why, hint="give the model before lowering")
    if not any(window.pads):
        return apply(node, replace(kernel, kind=Kind.STRUCTURE), (x,), node.outputs[0])
    fill = x.sample.dtype.type(node.attrs.get("pad_value", 0))
    src, direction = gather_patches(x.src, window, 0), gather_patches(x.direction, window, 1)
    sample, top = (gather_patches(end, window, fill) for end in (x.sample, x.top))
    trail = (*x.trail, node)
    return Expr(x.leaf, node.outputs[0], src, direction, x.stepped, sample, top, node, kernel, (x,), 0, trail)


def product(context: Context, node: Node, x: Expr, weights: Array, left: bool = False) -> Expr:
    """Returns x @ weights, or weights @ x, as numpy's matmul has it."""
    if not left and x.node is not None and x.node.op == "Im2Col" and weights.ndim == 2:
        found = _convolution(context, node, x, weights)
        if found is not None:
            return found
    if not left and weights.ndim == 2 and x.src.size == x.shape[-1]:
        return dense_layer(context, node, x, weights)
    axes = _matmul_axes(node, x, weights, left)
    return contract(context, node, x, weights, axes)


def _matmul_axes(node: Node, x: Expr, weights: Array, left: bool) -> Axes:
    rank = max(len(x.shape), weights.ndim)
    batch = LETTERS[: max(rank - 2, 0)]

    def named(shape: Sequence[int], first: str, second: str, is_left: bool) -> str:
        if len(shape) == 1:
            return second if is_left else first
        return batch[len(batch) - (len(shape) - 2) :] + first + second

    sides = (weights.shape, x.shape) if left else (x.shape, weights.shape)
    a, b = named(sides[0], "m", "k", True), named(sides[1], "k", "n", False)
    result = batch + ("m" if len(sides[0]) > 1 else "") + ("n" if len(sides[1]) > 1 else "")
    return Axes(b, a, result) if left else Axes(a, b, result)


def contract(context: Context, node: Node, x: Expr, weights: Array, axes: Axes) -> Expr:
    """Returns the sums over the axes that both have and the result lacks. Raises CompileError where it is more than
    that."""
    x, weights, axes = _squeezed(node, x, weights, axes)
    size = dict(zip(axes.x, x.shape, strict=True)) | dict(zip(axes.weights, weights.shape, strict=True))
    groups = [c for c in axes.x if c in axes.weights and c in axes.result]
    summed = [c for c in axes.x if c in axes.weights and c not in axes.result]
    places, rows = [c for c in axes.x if c not in axes.weights], [c for c in axes.weights if c not in axes.x]
    many = {
        c: (n, m)
        for c, n in zip(axes.x, x.shape, strict=True)
        for d, m in zip(axes.weights, weights.shape, strict=True)
        if c == d and n != m
    }
    if many or not summed or not set(places + rows) <= set(axes.result):
        raise fail(
            f"a product of shapes {list(x.shape)} and {list(weights.shape)} is not a layer",
            where=node.where,
            why="each sum runs over axes that the tensor and the weights share, and over nothing else",
            hint="flatten the features before the layer, or sum over other axes in an operator of its own",
        )

    def count(letters: Sequence[str]) -> int:
        return int(np.prod([size[c] for c in letters], dtype=np.int64))

    w = weights.transpose([axes.weights.index(c) for c in (*groups, *rows, *summed)]).reshape(-1, count(summed))
    perm = [axes.x.index(c) for c in (*groups, *summed, *places)]
    if count(groups) == 1 and count(places) == 1:
        total = dense_layer(context, node, laid_out(context, node, x, perm, (1, w.shape[1])), w.T)
    else:
        laid = laid_out(context, node, x, perm, (1, count(groups) * count(summed), count(places)))
        window = Geometry((1, 1), (1, 1), (0, 0, 0, 0), (1, 1), (count(places), 1))
        total = leaf_expr(window_sums(context, node, laid, w[:, :, None], count(groups), window))
    made = [*groups, *rows, *places]
    back = moved(node, "Reshape", total, node.outputs[0], np.array([size[c] for c in made]))
    return moved(node, "Transpose", back, node.outputs[0], perm=[made.index(c) for c in axes.result])


def _squeezed(node: Node, x: Expr, weights: Array, axes: Axes) -> tuple[Expr, Array, Axes]:
    """Without axes of size 1 that only one of the two has, or that stand for a longer one of the other."""
    for c, n in zip(axes.x, x.shape, strict=True):
        other = weights.shape[axes.weights.index(c)] if c in axes.weights else 0
        if n == 1 and other != 1 and (other or c not in axes.result):
            k = axes.x.index(c)
            x = moved(node, "Reshape", x, x.tensor, np.array(x.shape[:k] + x.shape[k + 1 :], np.int64))
            axes = replace(axes, x=axes.x.replace(c, ""))
    for c in axes.weights:
        k = axes.weights.index(c)
        other = x.shape[axes.x.index(c)] if c in axes.x else 0
        if weights.shape[k] == 1 and other != 1 and (other or c not in axes.result):
            weights, axes = weights.squeeze(k), replace(axes, weights=axes.weights.replace(c, ""))
    return x, weights, axes


def _convolution(context: Context, node: Node, x: Expr, weights: Array) -> Expr | None:
    """Im2Col and MatMul as the convolution that they came from."""
    assert x.node is not None
    whole = x.args[0]
    assert isinstance(whole, Expr)
    window, channels = patches(x.node, whole.shape), whole.shape[-1]
    if x.shape[-1] != len(weights) or (any(window.pads) and x.node.attrs.get("pad_value", 0)):
        return None
    kernel = weights.reshape(*window.kernel, channels, -1).transpose(3, 2, 0, 1)
    first = channels_first(context, node, whole)
    return channels_last(node, leaf_expr(window_sums(context, node, first, kernel, 1, window)))
