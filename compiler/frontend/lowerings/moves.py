"""Tensors laid out in another order, for operators that want their channels first, and back again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, find_kernel
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.lowerings.input_numbers import enters_as_integers
from threshc.compiler.frontend.sum_map import is_plain
from threshc.compiler.frontend.symbolic import Expr, apply


def moved(node: Node, op: str, x: Expr, tensor: str, *constants: Array, **attrs: object) -> Expr:
    """Returns x behind an operator that moves elements; they stay those of the model's `tensor`."""
    move = Node(op, "", node.name, node.inputs[:1], node.outputs, attrs, node.opset)
    kernel = find_kernel(move)
    assert kernel is not None
    return apply(move, kernel, (x, *constants), tensor)


def laid_out(
    context: Context, node: Node, x: Expr, perm: Sequence[int], shape: Sequence[int], layer: bool = True
) -> Expr:
    """Returns x transposed by `perm` and reshaped. An activation's bits are made in the order of the model's own
    tensor.

    layer: a layer reads it, so that whatever takes few values is an activation; else only what is behind a step.
    """
    if list(perm) == list(range(len(x.shape))) and tuple(shape) == x.shape:
        return x
    laid = moved(node, "Reshape", moved(node, "Transpose", x, x.tensor, perm=list(perm)), x.tensor, np.array(shape))
    if x.stepped or (layer and not is_plain(x)):
        if enters_as_integers(context, x):
            return laid
        coded, order = binary_input(context, node, x), np.arange(x.src.size).reshape(x.shape).transpose(perm).ravel()
        index, count, table = coded.index[order], coded.count[order], coded.table[order]
        context.know(laid, Coded(coded.bits, laid.shape, index, count, table, coded.tensor))
    return laid


def channels_first(context: Context, node: Node, x: Expr, layer: bool = True) -> Expr:
    """Returns an (N, .., C) tensor as (N, C, ..)."""
    rank = len(x.shape)
    if rank not in (3, 4):
        raise ValueError(f"a tensor of shape {list(x.shape)} is not a (N, L, C) or (N, H, W, C) map")
    perm = [0, rank - 1, *range(1, rank - 1)]
    return laid_out(context, node, x, perm, [x.shape[k] for k in perm], layer)


def channels_last(node: Node, x: Expr) -> Expr:
    """Returns an (N, C, ..) tensor as (N, .., C)."""
    return moved(node, "Transpose", x, node.outputs[0], perm=[0, *range(2, len(x.shape)), 1])
