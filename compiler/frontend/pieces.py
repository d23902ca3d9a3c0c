"""Where a function that is not monotone can change: at the thresholds of the monotone steps that it is made of.

x -> Where(Equal(x, 0), 0.5, Cast(x > 0)) is constant between the thresholds of its comparisons, although it is no
composition of monotone functions. Evaluated once between each two neighbouring thresholds it is known everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need
from threshc.compiler.frontend.symbolic import Expr, IntArray, apply

Thresholds = Callable[[Expr], IntArray]


def candidates(expr: Expr, thresholds: Thresholds) -> IntArray | None:
    """Integers (E, C) at which the elements of a tensor can change, ascending per element; None where nothing is known.

    thresholds: the exact thresholds (E, K) of a tensor of known direction, padded with integers beyond reach; raises
    where there are too many.
    """
    found = _collect(expr, thresholds)
    if found is None:
        return None
    return np.sort(np.concatenate([f.reshape(expr.src.size, -1) for f in found], axis=1), axis=1)


def _collect(expr: Expr, thresholds: Thresholds) -> list[IntArray] | None:
    """Arrays of the tensor's shape with one more axis."""
    if expr.direction.all():
        return [thresholds(expr).reshape(*expr.shape, -1)] if expr.stepped else None
    if expr.part is not None:
        return _collect(expr.part.expr, thresholds)
    if expr.node is None or expr.kernel is None:
        return None
    parts: list[IntArray] = []
    for inner in _parts(expr):
        found = _collect(inner, thresholds)
        if found is None:
            return None
        parts += [_moved(expr, inner, f) for f in found]
    return parts


def _parts(expr: Expr) -> list[Expr]:
    """The arguments; for an equation between a monotone tensor and a constant the two comparisons that decide it."""
    args = [a for a in expr.args if isinstance(a, Expr)]
    if expr.node is None or expr.node.op != "Equal" or len(args) != 1 or not args[0].direction.all():
        return args
    other = np.asarray(next(a for a in expr.args if a is not None and not isinstance(a, Expr)))
    compare: list[Callable[[Array, Array], Array]] = [np.greater, np.greater_equal]
    return [apply(expr.node, _comparison(c), (args[0], other), expr.tensor) for c in compare]


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
    """What stands for the other tensors while the thresholds of one are moved: nothing changes there."""
    return np.full(a.shape, np.iinfo(np.int64).min) if isinstance(a, Expr) else a
