"""The closed form of the shattered problem: no arrangement of hyperplanes can reach a lower objective.

Were every 0/1 column available, the two-layer problem would be  min_v 1/2 ||v - y||^2 + beta * size(v)  with size(v) =
max(v, 0) + max(-v, 0) over all samples, or max(v) - min(v) with an output bias that costs nothing: a staircase of
thresholds reaches v at that price. The solution caps y from above at t with sum (y - t)+ = beta, and likewise from
below (Ergen, Gulluk, Lacotte, Pilanci 2023, shattered case; the closed form is derived in docs/trainers.md). O(n log
n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shattered(y: Floats, beta: float, *, bias: bool = False, groups: NDArray[np.intp] | None = None) -> float:
    """The least objective over all functions of the samples.

    y: (n,) targets. beta: price of an output weight of 1. bias: an output bias costs nothing. groups: (n,) numbers
    0..m-1; samples of a group have equal features, so that no network tells them apart: a tighter bound.
    """
    if groups is None:
        mean, size, inside = y, np.ones(len(y)), 0.0
    else:
        size = np.bincount(groups).astype(np.float64)
        mean = np.bincount(groups, y) / size
        inside = 0.5 * float(np.sum((y - mean[groups]) ** 2))
    if not bias:
        top, bottom = max(_cap(mean, size, beta, 0.0), 0.0), min(-_cap(-mean, size, beta, 0.0), 0.0)
        price = beta * (top - bottom)
    else:
        top, bottom = _cap(mean, size, beta, -np.inf), -_cap(-mean, size, beta, -np.inf)
        if top <= bottom:
            top = bottom = float(np.average(mean, weights=size))
        price = beta * (top - bottom)
    v = np.clip(mean, bottom, top)
    return inside + 0.5 * float(size @ (v - mean) ** 2) + price


def _cap(y: Floats, size: Floats, beta: float, least: float) -> float:
    """t with sum size * (y - t)+ = beta, or `least` where that would be lower."""
    order = np.argsort(-y)
    level, weight = y[order], np.cumsum(size[order])
    t = (np.cumsum(level * size[order]) - beta) / weight
    last = np.flatnonzero(level > t)
    return max(float(t[last[-1]]), least) if len(last) else least
