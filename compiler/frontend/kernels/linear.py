"""Weighted sums and what stands at the end of a classifier.

The law for sums: the products are added exactly and the result is rounded once to float32. float64 accumulation of
float32 products is exact for every integer sum below 2**53.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional


def _dot(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        return np.asarray(np.matmul(a.astype(np.int64), b.astype(np.int64)).astype(a.dtype))
    return np.asarray(np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.result_type(a, b)))


@kernel("MatMul", kind=Kind.LINEAR)
def matmul(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [_dot(need(args, 0), need(args, 1))]


@kernel("Gemm", kind=Kind.LINEAR)
def gemm(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """alpha * (A' B') + beta * C, the sum exact, every other step rounded to float32."""
    a, b, c = need(args, 0), need(args, 1), optional(args, 2)
    a = a.T if node.attrs.get("transA", 0) else a
    b = b.T if node.attrs.get("transB", 0) else b
    return [gemm_tail(node, _dot(a, b), c)]


def gemm_tail(node: Node, product: Array, c: Array | None) -> Array:
    """What Gemm does after its sum."""
    alpha, beta = np.float32(node.attrs.get("alpha", 1.0)), np.float32(node.attrs.get("beta", 1.0))
    y = product if alpha == 1 else product * alpha
    if c is None:
        return y
    return y + (c if beta == 1 else c * beta)


@kernel("Softmax", "LogSoftmax", kind=Kind.OTHER)
def softmax(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x = need(args, 0)
    axis = int(node.attrs.get("axis", -1 if node.opset >= 13 else 1))
    shifted = x - x.max(axis=axis, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=axis, keepdims=True)
    return [shifted - np.log(total) if node.op == "LogSoftmax" else powers / total]


@kernel("ArgMax", kind=Kind.OTHER)
def argmax(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, axis = need(args, 0), int(node.attrs.get("axis", 0))
    if node.attrs.get("select_last_index", 0):
        raise ValueError("select_last_index=1 is not supported; the lowest index wins ties")
    best = np.argmax(x, axis=axis)
    return [np.expand_dims(best, axis) if node.attrs.get("keepdims", 1) else best]


@kernel("TopK", kind=Kind.OTHER)
def topk(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """The k largest, best first, the lowest index first among equals."""
    x, axis = need(args, 0), int(node.attrs.get("axis", -1))
    k = int(need(args, 1).reshape(())) if len(args) > 1 else int(node.attrs["k"])
    if not node.attrs.get("largest", 1):
        raise ValueError("the smallest k (largest=0) are not supported")
    order = np.argsort(-x, axis=axis, kind="stable").take(range(k), axis=axis)
    return [np.take_along_axis(x, order, axis=axis), order.astype(np.int64)]
