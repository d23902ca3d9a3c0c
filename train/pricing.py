"""Column generation's question: which unit, of all with small integer weights, correlates most with a residual?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.train.kernels import climb
from threshc.train.sampling import SAMPLERS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rng = np.random.Generator

_TRIES, _SWEEPS, _FRESH, _KEPT = 9, 12, 400, 20


def price(
    x: Ints, y: Ints, residual: Floats, support: Ints, *, starts: int, limit: int, fan_in: int, rng: Rng
) -> tuple[Ints, Ints, Floats]:
    """Returns units found by local search, u (d, m) and t (m,), and their prices ||R^T column||, (m,).

    x: (n, d) features. y: (n,) class numbers. residual: R, (n, k). support: (d, s) units in use, whose neighbourhood is
    searched too. starts: searches; limit, fan_in: of the units' weights. The search is a heuristic: a price it finds is
    true, a larger one may exist.
    """
    d = x.shape[1]
    fan_in = min(fan_in, d)
    begun, (fresh_u, fresh_t, fresh_prices) = _starts(x, y, residual, support, starts, limit, fan_in, rng)
    rows = np.ascontiguousarray(x.T)
    us, ts, prices = list(fresh_u.T), list(fresh_t), list(fresh_prices)
    for start, way in begun:
        u, t, found = start.copy(), 0, -1.0
        for _ in range(3 if residual.shape[1] > 1 else 1):
            _, t = climb(rows, residual @ way, u, limit, fan_in, _TRIES, _SWEEPS, int(rng.integers(1 << 31)))
            correlation = residual.T @ (x @ u >= t)
            before, found = found, float(np.sqrt(correlation @ correlation))
            if found <= before * (1 + 1e-6) or found == 0:
                break
            way = correlation / found
        us.append(u)
        ts.append(t)
        prices.append(found)
    return np.stack(us, axis=1), np.array(ts), np.array(prices)


def _starts(
    x: Ints, y: Ints, residual: Floats, support: Ints, count: int, limit: int, fan_in: int, rng: Rng
) -> tuple[list[tuple[Ints, Floats]], tuple[Ints, Ints, Floats]]:
    """Where to begin: the best of fresh samples, weighted least squares rounded, units in use; each with a direction.
    Beside them the best fresh samples, unchanged, with their prices."""
    fresh = [draw(x, y, _FRESH // len(SAMPLERS), limit, fan_in, rng) for draw in SAMPLERS.values()]
    u = np.concatenate([f[0] for f in fresh], axis=1)
    t = np.concatenate([f[1] for f in fresh])
    fires = (x.astype(np.float64) @ u >= t).astype(np.float64)
    correlations = residual.T @ fires
    prices = np.sqrt((correlations**2).sum(axis=0))
    order = np.argsort(-prices)[:_KEPT]
    begun = [(u[:, j], _unit(np.asarray(correlations[:, j]), rng)) for j in order[: max(1, count // 2)]]
    for k in range(residual.shape[1]):
        for sign in (1.0, -1.0):
            way = np.zeros(residual.shape[1])
            way[k] = sign
            begun.append((_least_squares(x, sign * residual[:, k], limit, fan_in), way))
    if support.shape[1]:
        for j in rng.integers(0, support.shape[1], max(1, count // 2)):
            begun.append((support[:, j].copy(), _unit(np.asarray(rng.standard_normal(residual.shape[1])), rng)))
    return begun, (u[:, order], t[order], prices[order])


def _unit(v: Floats, rng: Rng) -> Floats:
    norm = float(np.sqrt(v @ v))
    return v / norm if norm > 0 else _unit(np.asarray(rng.standard_normal(len(v))), rng)


def _least_squares(x: Ints, r: Floats, limit: int, fan_in: int) -> Ints:
    """A direction that separates the residual's signs, weighted by its size, as integers of the largest weights."""
    weight = np.abs(r) / max(float(np.abs(r).mean()), 1e-300)
    centred = x - np.average(x, axis=0, weights=weight + 1e-12)
    square = (centred * weight[:, None]).T @ centred
    ridge = 1e-3 * (np.trace(square) / len(square)) + 1e-9
    u = np.linalg.solve(square + ridge * np.eye(len(square)), (centred * weight[:, None]).T @ np.sign(r))
    u[np.argsort(-np.abs(u), kind="stable")[fan_in:]] = 0
    top = float(np.abs(u).max())
    return np.rint(u / top * limit).astype(np.int64) if top > 0 else np.zeros(len(u), np.int64)
