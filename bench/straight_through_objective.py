"""An honest opponent for convex training: straight-through Adam on the very same objective, units in integers.

min 1/(2n) ||1{x u >= t} w - y||^2 + beta ||w||_1 with u integers in -limit..limit, all of u, t, w trained at once; the
step and the rounding pass gradients on by a surrogate and by the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Found:
    """The best network of a run: u (d, m), t (m,), w (m, 1) and its objective per sample, counted on the integers."""

    objective: float
    u: Ints
    t: Ints
    w: Floats


def descend(
    x: Ints, y: Floats, beta: float, surrogate: str, seed: int, *, units: int = 300, steps: int = 2000, limit: int = 31
) -> Found:
    """x: (n, d) integers; y: (n,) targets; beta: price per sample. Adam with a rate from 3e-3 down to 0."""
    from threshc.train.straight_through_network import SURROGATES

    rng, slope = np.random.default_rng(seed), SURROGATES[surrogate]
    n, d = x.shape
    spread = float(x.std()) * limit * (d / 3) ** 0.5  # of the sums at the start
    u, b = rng.uniform(-1, 1, (d, units)), 0.5 * rng.standard_normal(units)
    w = 0.1 * rng.standard_normal(units) / units**0.5
    state = [(np.zeros_like(p), np.zeros_like(p)) for p in (u, b, w)]
    best = Found(np.inf, np.zeros((d, 0), np.int64), np.zeros(0, np.int64), np.zeros((0, 1)))
    for step in range(1, steps + 1):
        whole, t = np.rint(limit * u).astype(np.int64), np.ceil(-b * spread).astype(np.int64)
        sums = x.astype(np.float64) @ whole
        fires = (sums >= t).astype(np.float64)
        off = fires @ w - y
        objective = 0.5 * float(off @ off) / n + beta * float(np.abs(w).sum())
        if objective < best.objective:
            best = Found(objective, whole, t, w[:, None].copy())
        back = off[:, None] * w / n * slope(sums / spread + b)
        gradients = x.T @ back * (limit / spread), back.sum(axis=0), fires.T @ off / n + beta * np.sign(w)
        rate = 3e-3 * (1 + np.cos(np.pi * step / steps)) / 2
        for p, g, (m, s) in zip((u, b, w), gradients, state, strict=True):
            m += 0.1 * (g - m)
            s += 0.001 * (g * g - s)
            p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
        np.clip(u, -1, 1, out=u)
    return best
