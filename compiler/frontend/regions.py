"""Functions that move up and down, cut where their parts turn: within each region every part is constant or monotone.

x -> Sign(Where(x > 0, x, -1)) is not a composition of monotone functions, but is one below and one above 0. So is a
straight-through x + (Sign(x) - x) of clipped x, which float32 does not round: between 0 and a power of two K the sum
c + (K - c) is K. (K - c is off by at most a quarter of the distance from K to the number below it, so that adding c
gives K again; beyond K, as far as the significand reaches, K - c is exact.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.frontend.dtypes import digits, is_float
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need
from threshc.compiler.frontend.pieces import Thresholds, turns
from threshc.compiler.frontend.symbolic import Expr, IntArray, apply, leaf_expr

MOST_REGIONS = 64
"""Regions into which the integers of an element are cut, at most."""


def regions(
    expr: Expr, lo: IntArray, hi: IntArray, thresholds: Thresholds, depth: int = 3
) -> list[tuple[IntArray, IntArray, Expr | Array]] | None:
    """Returns, per region, its first and last integers (E,) per element, and the tensor over it: monotone, or a
    constant.

    Where an element has no such region, the last integer is below the first. lo, hi (E,): the reachable integers.
    None where that is not known everywhere. depth: how often a region is cut again, as where |x| is compared.
    """
    src = expr.src.ravel()
    if len(np.unique(src)) < len(src):
        return None
    cuts = turns(expr, thresholds)
    if cuts is None or cuts.shape[1] >= MOST_REGIONS:
        return None
    edges = [lo, *np.clip(cuts.T, lo, hi + 1), hi + 1]
    found: list[tuple[IntArray, IntArray, Expr | Array]] = []
    for first, after in pairwise(edges):
        there = first < after
        if not there.any():
            continue
        inside = np.minimum(first, hi)
        last = np.where(there, after - 1, inside)
        over = _over(expr, src, inside, last)
        if not isinstance(over, Expr) or over.direction.all():
            finer = None if over is None else [(first, after - 1, over)]
        else:
            finer = regions(over, inside, last, thresholds, depth - 1) if depth else None
        if finer is None:
            return None
        found += [(f, np.where(there, t, f - 1), over) for f, t, over in finer]
    return found


def _over(expr: Expr, src: IntArray, first: IntArray, last: IntArray) -> Expr | Array | None:
    """The tensor over narrower ranges of its leaf's integers, operator by operator."""
    leaf = expr.leaf
    lo, hi = leaf.lo.ravel().copy(), leaf.lo.ravel().copy()
    lo[src], hi[src] = first, last
    narrow = leaf_expr(replace(leaf, lo=lo.reshape(leaf.shape), hi=hi.reshape(leaf.shape)))
    memo: dict[int, Expr | Array | None] = {}

    def visit(e: Expr) -> Expr | Array | None:
        if id(e) not in memo:
            memo[id(e)] = _settled(narrow if e.node is None and e.part is None else rebuilt(e))
        return memo[id(e)]

    def rebuilt(e: Expr) -> Expr | Array | None:
        if e.node is None or e.kernel is None:
            return None  # one of several leaves that were joined
        args = [visit(a) if isinstance(a, Expr) else a for a in e.args]
        if any(a is None and b is not None for a, b in zip(args, e.args, strict=True)):
            return None
        return _applied(e, args)

    return visit(expr)


def _settled(value: Expr | Array | None) -> Expr | Array | None:
    """A tensor that is the same at both ends, and monotone between, as the constant that it is."""
    if isinstance(value, Expr) and value.direction.all() and (value.sample == value.top).all():
        return value.sample
    return value


def _applied(e: Expr, args: Sequence[Expr | Array | None]) -> Expr | Array:
    assert e.node is not None
    assert e.kernel is not None
    op, kernel = e.node.op, e.kernel
    if not any(isinstance(a, Expr) for a in args):
        with np.errstate(all="ignore"):
            return np.asarray(kernel.compute(e.node, [a for a in args if not isinstance(a, Expr)])[e.result])
    a, b = args[0], args[1] if len(args) > 1 else None
    if op == "Abs" and isinstance(a, Expr):
        way = np.where(_least(a) >= 0, 1, np.where(_most(a) <= 0, -1, 0)) * a.direction.astype(bool)
        kernel = replace(kernel, direction=lambda n, v, k, s: way)
    elif op == "Equal":
        for tensor, other in ((a, b), (b, a)):
            if isinstance(tensor, Expr) and other is not None and not isinstance(other, Expr):
                apart = tensor.direction.astype(bool) & ((_least(tensor) > other) | (_most(tensor) < other))
                if apart.all():
                    return np.zeros(e.shape, bool)
    elif op == "Where" and not isinstance(a, Expr) and a is not None and (a.all() or not a.any()):
        chosen = args[1] if a.all() else args[2]
        kernel = Kernel(lambda n, v: [np.broadcast_to(need(v, 0), e.shape)], Kind.ELEMENTWISE, lambda n, v, k, s: 1)
        return apply(e.node, kernel, (chosen,), e.tensor) if isinstance(chosen, Expr) else _spread(chosen, e.shape)
    elif op == "Sub" and _alike(a, b) and is_float(e.sample.dtype):
        assert isinstance(a, Expr)  # there is one, and both are alike
        if a.direction.all() and np.isfinite(_least(a)).all() and np.isfinite(_most(a)).all():
            return np.zeros(e.shape, e.sample.dtype)
    elif op in ("Add", "Sub"):
        for one, rest in ((a, b), (b, a)) if op == "Add" else ((a, b),):
            back = _given_back(one, rest, op == "Sub")
            if back is not None:
                return _spread(back, e.shape)
    return replace(apply(e.node, kernel, args, e.tensor), result=e.result)


def _spread(value: Array | None, shape: tuple[int, ...]) -> Array:
    assert value is not None
    return np.broadcast_to(value, shape)


def _given_back(c: Expr | Array | None, rest: Expr | Array | None, minus: bool) -> Array | None:
    """K for c + (K - c), or c - (c - K), where no rounding touches it: K a power of two or its negative, and c between
    0 and K * 2**p for a significand of p bits."""
    if not isinstance(c, Expr) or not isinstance(rest, Expr) or rest.node is None or rest.node.op != "Sub":
        return None
    constant, same = (rest.args[1], rest.args[0]) if minus else (rest.args[0], rest.args[1])
    if not _alike(same, c) or constant is None or isinstance(constant, Expr) or not is_float(c.sample.dtype):
        return None
    mantissa, _ = np.frexp(constant.astype(np.float64))
    far = constant.astype(np.float64) * 2.0 ** digits(c.sample.dtype)
    fits = (np.abs(mantissa) == 0.5) & (np.minimum(far, 0) <= _least(c)) & (_most(c) <= np.maximum(far, 0))
    return constant if (fits & c.direction.astype(bool)).all() else None


def _alike(a: Expr | Array | None, b: Expr | Array | None, depth: int = 6) -> bool:
    """Whether two tensors are made by the same few operators from the same."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        if a is b or a.node is None or b.node is None:
            return a is b
        same = (a.node.op, a.node.domain, a.result, len(a.args)) == (b.node.op, b.node.domain, b.result, len(b.args))
        plain = same and depth > 0 and not a.node.attrs and not b.node.attrs
        return plain and all(_alike(p, q, depth - 1) for p, q in zip(a.args, b.args, strict=True))
    return not isinstance(a, Expr) and not isinstance(b, Expr) and np.array_equal(a, b)  # type: ignore[arg-type]


def _least(x: Expr) -> NDArray[np.float64]:
    return np.minimum(x.sample, x.top).astype(np.float64)


def _most(x: Expr) -> NDArray[np.float64]:
    return np.maximum(x.sample, x.top).astype(np.float64)
