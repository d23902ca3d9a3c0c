"""Einsum, and the axes of matrix products by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def equation(node: Node, ranks: Sequence[int]) -> tuple[str, str, str]:
    """Returns a letter per axis of both operands and of the result of an Einsum node. Raises ValueError for other
    equations."""
    text = str(node.attrs["equation"]).replace(" ", "")
    left, arrow, right = text.partition("->")
    operands = left.split(",")
    if len(operands) != 2 or len(ranks) != 2:
        raise ValueError(f"equation {text!r} is not one of two operands")
    used = {c for c in text if c.isalpha()}
    free = "".join(c for c in LETTERS if c not in used)
    missing = [rank - len(o.replace("...", "")) if "..." in o else 0 for rank, o in zip(ranks, operands, strict=True)]
    rest = free[: max(*missing, 0)]
    named = [o.replace("...", rest[len(rest) - m :]) if m >= 0 else "" for o, m in zip(operands, missing, strict=True)]
    if not arrow:
        right = "..." + "".join(sorted(c for c in used if left.count(c) == 1))
    result = right.replace("...", rest)
    for operand, rank in zip(named, ranks, strict=True):
        if len(operand) != rank or not all(c.isascii() and c.isalpha() for c in operand) or len(set(operand)) != rank:
            raise ValueError(f"equation {text!r} does not name each axis of a tensor of {rank} dimensions once")
    if len(set(result)) != len(result) or not set(result) <= set(named[0] + named[1]):
        raise ValueError(f"equation {text!r} is not a sum of products")
    return named[0], named[1], result


@kernel("Einsum", kind=Kind.LINEAR, types=("Fi",), reads=("equation",))
def einsum(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns sums of products of two tensors, exact and rounded once."""
    a, b = need(args, 0), need(args, 1)
    axes = equation(node, [a.ndim, b.ndim])
    wide = np.int64 if a.dtype.kind in "iu" else np.float64
    numbers = [[LETTERS.find(c) if c in LETTERS else 26 + ord(c) - ord("a") for c in names] for names in axes]
    return [
        np.einsum(a.astype(wide), numbers[0], b.astype(wide), numbers[1], numbers[2], optimize=True).astype(a.dtype)
    ]
