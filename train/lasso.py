"""LASSO and group LASSO over an arrangement: a working set of dense columns, all others priced on packed bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.train.arrangement import Arrangement
from threshc.train.kernels import descend

Floats = NDArray[np.float64]
_TURNS, _SWEEPS = 60, 5000


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A solution holds w (P, K) output weights, bias (K,), and residual (n, K) = y - prediction.

    objective: exact for this w. bound: no w over these columns can reach less (a dual point: the residual, scaled until
    every column's price fits).
    """

    w: Floats
    bias: Floats
    residual: Floats
    objective: float
    bound: float


def solve(d: Arrangement, y: Floats, beta: float, start: Floats, *, bias: bool, tolerance: float) -> Solution:
    """Solves min 1/2 ||D w + bias - y||_F^2 + beta * sum_j ||w_j||_2 over all columns of d.

    y: (n, K); K = 1 is the LASSO. start: (P, K) first guess. bias: a free output bias per column of y. It ends at a gap
    of `tolerance` times the objective, or after _TURNS working sets; the bound is true either way.
    """
    offset = y.mean(axis=0) if bias else np.zeros(y.shape[1])
    centred = y - offset
    w = start.copy()
    size, best, gap = 100, -np.inf, np.inf
    precise = 0.01 * tolerance * float(np.sqrt((centred**2).sum()))
    for turn in range(_TURNS):
        used = np.flatnonzero(w.any(axis=1))
        dense = d.columns(used)
        mean = dense.mean(axis=0) if bias else np.zeros(len(used))
        residual = centred - (dense - mean) @ w[used]
        correlations = d.correlations(residual)
        prices = np.sqrt((correlations**2).sum(axis=1))
        norms = float(np.sqrt((w**2).sum(axis=1)).sum())
        objective = 0.5 * float((residual**2).sum()) + beta * norms
        best = max(best, dual_value(centred, residual, beta, float(prices.max(initial=0.0))))
        if objective - best <= tolerance * objective or turn == _TURNS - 1:
            break
        if objective - best > 0.5 * gap:  # the inner solver's error is what is left
            precise *= 0.1
        gap = objective - best
        size = max(size, 2 * len(used))
        new = np.argsort(-prices, kind="stable")[:size]
        chosen = np.union1d(used, new[prices[new] > 0.9 * beta])
        if not len(chosen):
            break
        dense = d.columns(chosen)
        if bias:
            dense -= dense.mean(axis=0)
        inner = np.ascontiguousarray(w[chosen])
        descend(dense.T @ dense, dense.T @ centred, inner, beta, _SWEEPS, precise)
        w[:] = 0
        w[chosen] = inner
    return Solution(w, offset - mean @ w[used], residual, objective, max(best, 0.0))


def dual_value(y: Floats, residual: Floats, beta: float, price: float) -> float:
    """Returns what a dual point proves: every solution costs at least as much whose columns have a price of at most
    `price`.

    y, residual: (n, K), the residual being what columns are priced by.
    """
    scale = min(1.0, beta / price) if price > 0 else 1.0
    theta = scale * residual
    return float((theta * y).sum() - 0.5 * (theta**2).sum())
