"""The closed form of the shattered problem: no arrangement of hyperplanes can reach a lower objective.

Were every 0/1 column available, the two-layer problem would be  min_v 1/2 ||v - y||^2 + beta * size(v)  with size(v) =
max(v, 0) + max(-v, 0) over all samples, or max(v) - min(v) with an output bias that costs nothing: a staircase of
thresholds reaches v at that price. The solution caps y from above at t with sum (y - t)+ = beta, and likewise from
below (Ergen, Gulluk, Lacotte, Pilanci 2023, shattered case; closed form: docs/guide/trainers.md). O(n log
n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shattered(y: Floats, beta: float, *, bias: bool = False, groups: NDArray[np.intp] | None = None) -> float:
    """Returns the least objective over all functions of the samples. Parameters: as for `optimum`."""
    return optimum(y, beta, bias=bias, groups=groups)[0]


def optimum(
    y: Floats, beta: float, *, bias: bool = False, groups: NDArray[np.intp] | None = None
) -> tuple[float, Floats]:
    """Returns the least objective over all functions of the samples, and the values (m,) per group (or sample) that
    reach it.

    y: (n,) targets. beta: price of an output weight of 1. bias: an output bias costs nothing. groups: (n,) numbers
    0..m-1; samples of a group have equal features, so that no network tells them apart: a tighter bound. Source: Ergen,
    Gulluk, Lacotte, Pilanci 2023, shattered case.
    """
    if groups is None:
        mean, size, inside = y, None, 0.0
    else:
        size = np.bincount(groups).astype(np.float64)
        mean = np.bincount(groups, y) / size
        inside = 0.5 * float(np.sum((y - mean[groups]) ** 2))
    order = None if size is None else np.argsort(mean)
    rising = np.sort(mean) if order is None else mean[order]
    weight = None if size is None or order is None else size[order]
    least = -np.inf if bias else 0.0
    bottom = -_cap(-rising, weight, beta, least)
    top = _cap(rising[::-1], None if weight is None else weight[::-1], beta, least)
    if bias and top <= bottom:
        top = bottom = float(np.average(mean, weights=size))
    v = np.clip(mean, bottom, top)
    square = (v - mean) ** 2
    spread = float(square.sum() if size is None else size @ square)
    return inside + 0.5 * spread + beta * (top - bottom), v


def _cap(y: Floats, size: Floats | None, beta: float, least: float) -> float:
    """t with sum size * (y - t)+ = beta, or `least` where that would be lower. y: falling; size: None for ones."""
    if size is None:
        t = (np.cumsum(y) - beta) / np.arange(1, len(y) + 1)
    else:
        t = (np.cumsum(y * size) - beta) / np.cumsum(size)
    over = y > t
    last = len(y) - 1 - int(over[::-1].argmax())  # beta > 0: the first is
    return max(float(t[last]), least) if over[last] else least
