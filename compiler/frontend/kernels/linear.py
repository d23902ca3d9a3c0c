"""Weighted sums, and operators at the end of a classifier.

The law for sums: the products are added exactly and the result is rounded once to float32. float64 accumulation of
float32 products is exact for every integer sum below 2**53.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, number, optional, wide


def _dot(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        return np.asarray(np.matmul(a.astype(np.int64), b.astype(np.int64)).astype(a.dtype))
    return np.asarray(np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.result_type(a, b)))


@kernel("MatMul", kind=Kind.LINEAR, types=("Fi",))
def matmul(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [_dot(need(args, 0), need(args, 1))]


@kernel("Gemm", kind=Kind.LINEAR, types=("F",), reads=("alpha", "beta", "transA", "transB"))
def gemm(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes alpha * (A' B') + beta * C, the sum exact, every other step rounded to float32."""
    a, b, c = need(args, 0), need(args, 1), optional(args, 2)
    a = a.T if node.attrs.get("transA", 0) else a
    b = b.T if node.attrs.get("transB", 0) else b
    return [gemm_tail(node, _dot(a, b), c)]


def gemm_tail(node: Node, product: Array, c: Array | None) -> Array:
    """Returns what Gemm does after its sum."""
    alpha, beta = (number(node, key, 1.0) for key in ("alpha", "beta"))
    y = product if alpha == 1 else wide(product) * alpha
    if c is not None:
        y = y + (c if beta == 1 else wide(c) * beta)
    return y.astype(product.dtype)


@kernel("Softmax", "LogSoftmax", kind=Kind.OTHER, types=("fd",), reads=("axis",))
def softmax(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, axis = need(args, 0), int(node.attrs.get("axis", -1 if node.opset >= 13 else 1))
    if node.opset < 13:  # over all axes from this one on
        flat = x.reshape(math.prod(x.shape[: axis % x.ndim]), -1)
        return [_softmax(node, flat, 1).reshape(x.shape)]
    return [_softmax(node, x, axis)]


def _softmax(node: Node, x: Array, axis: int) -> Array:
    shifted = x - x.max(axis=axis, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=axis, keepdims=True)
    return np.asarray(np.log(powers / total) if node.op == "LogSoftmax" else powers / total)


@kernel("ArgMax", kind=Kind.OTHER, types=("Fi",), reads=("axis", "keepdims", "select_last_index"))
def argmax(node: Node, args: Sequence[Array | None]) -> list[Array]:
    x, axis = need(args, 0), int(node.attrs.get("axis", 0))
    if node.attrs.get("select_last_index", 0):
        raise ValueError("select_last_index=1 is not supported; the lowest index wins ties")
    best = np.argmax(x, axis=axis)
    return [np.expand_dims(best, axis) if node.attrs.get("keepdims", 1) else best]


@kernel("TopK", kind=Kind.OTHER, types=("Fi", "i"), reads=("axis", "k", "largest"), void=("sorted",))
def topk(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the k largest, best first, the lowest index first among equals."""
    x, axis = need(args, 0), int(node.attrs.get("axis", -1))
    k = int(need(args, 1).reshape(())) if len(args) > 1 else int(node.attrs["k"])
    if not node.attrs.get("largest", 1):
        raise ValueError("the smallest k (largest=0) are not supported")
    rising = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)  # integers need not have negatives
    order = (x.shape[axis] - 1 - rising).take(range(k), axis=axis)
    return [np.take_along_axis(x, order, axis=axis), order.astype(np.int64)]
