"""Where a function that is not monotone can change: at the thresholds of the monotone steps that it is made of.

x -> Where(Equal(x, 0), 0.5, Cast(x > 0)) is constant between the thresholds of its comparisons, although it is not a
composition of monotone functions. Evaluated once between each two neighbouring thresholds it is known everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need
from threshc.compiler.frontend.symbolic import Expr, IntArray, apply

Thresholds = Callable[[Expr], IntArray]


def candidates(expr: Expr, thresholds: Thresholds) -> IntArray | None:
    """Returns integers (E, C) at which the elements of a tensor can change, ascending per element; None where nothing
    is known.

    thresholds: the exact thresholds (E, K) of a tensor of known direction, padded with integers beyond reach; raises
    where there are too many.
    """
    return _sorted(expr, _collect(expr, thresholds, False))


def turns(expr: Expr, thresholds: Thresholds) -> IntArray | None:
    """Returns the same between which only monotone parts change: where steps are taken, and where an Abs turns.

    thresholds: as above, of no steps where there are too many.
    """
    return _sorted(expr, _collect(expr, thresholds, True))


def _sorted(expr: Expr, found: list[IntArray] | None) -> IntArray | None:
    if found is None:
        return None
    columns = [f.reshape(expr.src.size, -1) for f in found]
    return np.sort(np.concatenate([np.zeros((expr.src.size, 0), np.int64), *columns], axis=1), axis=1)


def _collect(expr: Expr, thresholds: Thresholds, smooth: bool) -> list[IntArray] | None:
    """Arrays of the tensor's shape with one more axis. smooth: what is monotone without a step needs none."""
    if expr.direction.all():
        none: list[IntArray] | None = [] if smooth else None
        return [thresholds(expr).reshape(*expr.shape, -1)] if expr.stepped else none
    if expr.part is not None:
        return _collect(expr.part.expr, thresholds, smooth)
    if expr.node is None or expr.kernel is None:
        return None
    parts: list[IntArray] = []
    for inner in _parts(expr, smooth):
        found = _collect(inner, thresholds, smooth)
        if found is None:
            return None
        parts += [_moved(expr, inner, f) for f in found]
    return parts


def _parts(expr: Expr, smooth: bool) -> list[Expr]:
    """The arguments; for an equation between a monotone tensor and a constant, and where an Abs turns, the two
    comparisons that decide it."""
    args = [a for a in expr.args if isinstance(a, Expr)]
    turning = ("Equal", "Abs") if smooth else ("Equal",)
    if expr.node is None or expr.node.op not in turning or len(args) != 1 or not args[0].direction.all():
        return args
    constants = [np.asarray(a) for a in expr.args if a is not None and not isinstance(a, Expr)]
    other = constants[0] if constants else np.zeros((), args[0].sample.dtype)
    compare: list[Callable[[Array, Array], Array]] = [np.greater, np.greater_equal]
    made = [apply(expr.node, _comparison(c), (args[0], other), expr.tensor) for c in compare]
    return [replace(m, stepped=True) for m in made]


def _comparison(compare: Callable[[Array, Array], Array]) -> Kernel:
    return Kernel(
        lambda n, a: [compare(need(a, 0), need(a, 1))], Kind.ELEMENTWISE, lambda n, a, k, s: 1 if k == 0 else -1
    )


def _moved(expr: Expr, inner: Expr, found: IntArray) -> IntArray:
    """What is known of an argument's elements, at the places of the result's elements."""
    if expr.kernel is None or expr.kernel.kind is not Kind.STRUCTURE:
        extra = len(expr.shape) - len(inner.shape)
        return np.broadcast_to(found.reshape(*[1] * extra, *found.shape), (*expr.shape, found.shape[-1]))
    assert expr.node is not None
    layers = []
    for k in range(found.shape[-1]):
        args = [found[..., k] if a is inner else _elsewhere(a) for a in expr.args]
        layers.append(expr.kernel.compute(expr.node, args)[0])
    return np.stack(layers, axis=-1) if layers else np.zeros((*expr.shape, 0), np.int64)


def _elsewhere(a: Expr | Array | None) -> Array | None:
    """The value of the other tensors while the thresholds of one are moved: nothing changes there."""
    return np.full(a.shape, np.iinfo(np.int64).min) if isinstance(a, Expr) else a
