"""Any function of the samples as a three-layer threshold network of integers: one direction, then -1 and 1.

Samples are sorted along an integer direction. Where a level set of the function begins or ends, a first-layer unit is
put between the two samples; a second-layer unit adds the beginnings and takes the ends away, and so is 1 exactly on its
level set. Thresholds sum the levels' gaps up at the price max - min (docs/guide/trainers.md, the shattered case).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.train.hidden_network import Layer
from threshc.train.onnx_draft import EXACT

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_ENOUGH = 2000
_HALF = EXACT // 2
"""Half of the integers that float32 holds exactly: room for thresholds beside sums."""


@dataclass(frozen=True, slots=True, eq=False)
class Staircase:
    """A staircase gives values = bits w + bias by two layers of units.

    below: the first layer. u (units, m), t (m,): the second. w (m, K), bias (K,): real output weights.
    """

    below: tuple[Layer, ...]
    u: Ints
    t: Ints
    w: Floats
    bias: Floats


def reconstruct(x: Ints, values: Floats, directions: int, limit: int | None, rng: np.random.Generator) -> Staircase:
    """Returns the network that gives `values` (n, K) on distinct integer samples x (n, d), exactly up to the sum of
    gaps.

    directions: how many are tried; that with the fewest thresholds is taken. limit: largest weight of a direction, None
    for what float32 sums hold exactly. Raises ValueError where all of them have samples of equal sums and different
    values. Source: Ergen, Gulluk, Lacotte, Pilanci 2023, shattered case.
    """
    reach = max(int(np.abs(x).sum(axis=1).max(initial=1)), 1)
    limit = max(1, min(limit or _HALF, _HALF // reach))
    bits, w, bias = _levels(values)
    best: tuple[Ints, Ints, Ints] | None = None
    reals, fitted = x.astype(np.float64), _least_squares(x, values, rng)
    for turn in range(directions):
        a = _direction(fitted, limit, turn, rng)
        z = reals @ a
        order = np.argsort(z, kind="stable")
        steps = np.diff(bits[order].astype(np.int64), axis=0)  # (n - 1, m)
        at = np.flatnonzero(steps.any(axis=1))
        if (z[order[at]] == z[order[at + 1]]).any() or (best is not None and len(at) >= len(best[1])):
            continue
        low, high = (z[order[at + k]].astype(np.int64) for k in (0, 1))
        best = a, low + (high - low + 1) // 2, np.concatenate([bits[order[:1]].astype(np.int64), steps[at]])
    if best is None:
        raise ValueError(
            f"none of {directions} directions with weights up to {limit} tells the {len(x)} different samples apart; "
            "use fewer levels, fewer samples or a larger max_weight"
        )
    a, t, signs = best
    first = Layer(np.repeat(a[:, None], len(t), axis=1), t)
    return Staircase((first,), signs[1:], 1 - signs[0], w, bias)


def _levels(values: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Bits (n, m) of the level sets values >= level, w (m, K) and bias (K,) with values = bits w + bias."""
    parts, gaps = [], []
    for k in range(values.shape[1]):
        levels = np.unique(values[:, k])
        parts.append(values[:, k : k + 1] >= levels[1:])
        gap = np.zeros((len(levels) - 1, values.shape[1]))
        gap[:, k] = np.diff(levels)
        gaps.append(gap)
    return np.concatenate(parts, axis=1), np.concatenate(gaps), values.min(axis=0)


def _direction(fitted: Floats, limit: int, turn: int, rng: np.random.Generator) -> Ints:
    """Every other one is random, with large weights as these spread the sums most; the rest lie about the direction
    that fits a random mixture of the outputs best. fitted: (d, K)."""
    a = rng.uniform(0.5, 1, len(fitted)) * rng.choice([-1.0, 1.0], len(fitted))
    if turn % 2:
        fit = fitted @ rng.standard_normal(fitted.shape[1])
        a = fit / max(float(np.abs(fit).max(initial=0.0)), 1e-300) + 10.0 ** rng.uniform(-3, 0) * a
    top = float(np.abs(a).max(initial=0.0))
    return np.asarray(np.rint(a / max(top, 1e-300) * limit), np.int64)


def _least_squares(x: Ints, values: Floats, rng: np.random.Generator) -> Floats:
    """Ridge regression of the values (n, K) on at most _ENOUGH samples: (d, K)."""
    some = rng.permutation(len(x))[:_ENOUGH]
    centred = x[some] - x[some].mean(axis=0)
    target = values[some] - values[some].mean(axis=0)
    n, d = centred.shape
    square = centred @ centred.T if n < d else centred.T @ centred
    square += (1e-3 * np.trace(square) / len(square) + 1e-9) * np.eye(len(square))
    if n < d:
        return np.asarray(centred.T @ np.linalg.solve(square, target))
    return np.asarray(np.linalg.solve(square, centred.T @ target))
