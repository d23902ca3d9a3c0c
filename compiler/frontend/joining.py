"""Tensors of several leaves side by side: Concat and Pad of real maps, whose step comes later.

Each element still is a function of one integer. The leaves are laid end to end as one leaf (`Joined`), and the tensors
are evaluated on their own part of it; only where a step makes bits do the parts go their own ways again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, unknown
from threshc.compiler.frontend.symbolic import Expr, IntArray, Joined, Leaf, Part, Thermometer, want_bounded

Place = Callable[[Sequence[Array], Any], Array]
"""Moves the elements of arrays into one array, and puts a given scalar where it takes none of them."""


def side_by_side(node: Node, args: Sequence[Expr | Array], place: Place, fill: Any) -> Expr:
    """Returns the tensor that `place` makes of the arguments, at least one an expression, and of the model's scalar
    `fill`."""
    exprs = [a for a in args if isinstance(a, Expr)]
    want_bounded(node, exprs)
    free = place([np.full(a.shape, 0 if isinstance(a, Expr) else -1, np.int64) for a in args], -1) == -1
    leaves = list({id(e.leaf): e.leaf for e in exprs}.values())
    if free.any():
        leaves.append(_constants(int(free.sum())))
    starts = np.cumsum([0] + [leaf.lo.size for leaf in leaves]).tolist()
    start = {id(leaf): at for leaf, at in zip(leaves, starts, strict=False)}
    whole = leaves[0] if len(leaves) == 1 else _joined(node, leaves)
    wide = [_widened(a, whole, start[id(a.leaf)]) if isinstance(a, Expr) else a for a in args]

    def placed(what: Callable[[Expr], Array], constant: Callable[[Array], Array], filled: Any) -> Array:
        return place([what(a) if isinstance(a, Expr) else constant(a) for a in wide], filled)

    src = placed(lambda e: e.src, lambda a: np.full(a.shape, -1, np.int64), -1)
    src[free] = starts[len(leaves) - 1] + np.arange(int(free.sum()))
    direction = placed(lambda e: e.direction, lambda a: np.ones(a.shape, np.int8), 1)
    sample, top = placed(lambda e: e.sample, np.asarray, fill), placed(lambda e: e.top, np.asarray, fill)
    kernel = Kernel(lambda n, a: [place([v for v in a if v is not None], fill)], Kind.STRUCTURE, unknown)
    trail = (*max((e.trail for e in exprs), key=len), node)
    stepped = all(e.stepped for e in exprs)
    return Expr(whole, node.outputs[0], src, direction, stepped, sample, top, node, kernel, tuple(wide), 0, trail)


def _widened(x: Expr, whole: Leaf, start: int) -> Expr:
    """A tensor as one over a leaf of which its own is a part."""
    if x.leaf is whole:
        return x
    return replace(x, leaf=whole, src=x.src + start, node=None, kernel=None, args=(), part=Part(x, start))


def _joined(node: Node, leaves: Sequence[Leaf]) -> Leaf:
    lo, hi = (np.concatenate([getattr(leaf, end).ravel() for leaf in leaves]) for end in ("lo", "hi"))
    cuts = np.cumsum([leaf.lo.size for leaf in leaves])[:-1]

    def beside(integers: IntArray, side: int) -> Array:
        parts = [(leaf, p.reshape(leaf.shape)) for leaf, p in zip(leaves, np.split(integers, cuts), strict=True)]
        ends = [leaf.beside(p, side) if side and leaf.beside is not None else leaf.real(p) for leaf, p in parts]
        return np.concatenate([end.ravel() for end in ends])

    name, blurred = node.outputs[0], any(leaf.beside is not None for leaf in leaves)
    source = Joined(tuple(leaves))
    return Leaf(name, lo.shape, lo, hi, lambda i: beside(i, 0), source, beside if blurred else None)


def _constants(size: int) -> Leaf:
    """Stands for elements that are constants, each with an integer of its own that is always 0."""
    none = np.zeros(size, np.int64)
    return Leaf("constants", (size,), none, none, lambda i: i.astype(np.float32), Thermometer(0, none.reshape(-1, 1)))
