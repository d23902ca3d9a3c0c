"""LASSO solvers on one arrangement: ours on packed bits, against celer, skglm and scikit-learn on dense columns."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row

Floats = NDArray[np.float64]
GAP = 1e-3
"""Relative duality gap that every solver must reach: their own tolerances are lowered until they do."""


def solvers(quick: bool) -> list[Row]:
    """Digits, odd against even: n = 1797, P = 2000 sampled units, two prices. CPU time to a proved gap of 1e-3."""
    from sklearn.datasets import load_digits

    from threshc.train.arrangement import Arrangement
    from threshc.train.sampling import sample

    x, y = load_digits(return_X_y=True)
    pool = Arrangement(x.astype(np.int64), constants=False)
    for kind in ("quantile", "ternary", "pair"):
        pool.add(*sample(kind, pool.x, y % 2, 667, 3, 64, np.random.default_rng(0)))
    signs = np.where(y % 2, 1.0, -1.0)
    found = []
    for share in (0.05,) if quick else (0.05, 0.005):
        found += _compare(pool, signs - signs.mean(), share)
    return found


def _compare(pool: Any, y: Floats, share: float) -> list[Row]:
    from threshc.train.lasso import solve

    dense = pool.columns(np.arange(pool.size))
    dense = np.asfortranarray(dense - dense.mean(axis=0))
    beta = share * float(np.abs(dense.T @ y).max())
    name = f"LASSO, digits, {len(y)} x {pool.size}, {share} of the largest beta"

    def ours(tolerance: float) -> Floats:
        start = np.zeros((pool.size, 1))
        return solve(pool, y[:, None], beta, start, bias=True, tolerance=tolerance).w[:, 0]

    contenders: dict[str, Callable[[float], Floats]] = {"ours, packed": ours}
    contenders |= _libraries(dense, y, beta / len(y))
    times: dict[str, float] = {}
    for who, call in contenders.items():
        call(0.1)  # compiles
        for tolerance in 10.0 ** -np.arange(2, 11):
            start = time.process_time()
            w = call(tolerance)
            seconds = time.process_time() - start
            if _gap(dense, y, beta, w) <= GAP or seconds > 60:
                break
        if _gap(dense, y, beta, w) <= GAP:
            times[who] = seconds
    return [
        Row(f"{name}: {who}", 1e3 * s, "ms CPU", 0.0, "ours, packed", times["ours, packed"] / s)
        for who, s in times.items()
    ]


def _libraries(dense: Floats, y: Floats, alpha: float) -> dict[str, Callable[[float], Floats]]:
    """Those that are installed."""
    found: dict[str, Callable[[float], Floats]] = {}

    def quiet(model: Any) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model.fit(dense, y).coef_)

    try:
        import celer

        found["celer"] = lambda tol: quiet(celer.Lasso(alpha=alpha, fit_intercept=False, tol=tol, max_iter=200))
    except ImportError:
        pass
    try:
        import skglm

        found["skglm"] = lambda tol: quiet(skglm.Lasso(alpha=alpha, fit_intercept=False, tol=tol, max_iter=200))
    except ImportError:
        pass
    from sklearn.linear_model import Lasso

    found["scikit-learn"] = lambda tol: quiet(Lasso(alpha=alpha, fit_intercept=False, tol=tol, max_iter=20_000))
    return found


def _gap(dense: Floats, y: Floats, beta: float, w: Floats) -> float:
    """Relative duality gap."""
    residual = y - dense @ w
    objective = 0.5 * residual @ residual + beta * np.abs(w).sum()
    theta = residual * min(1.0, beta / float(np.abs(dense.T @ residual).max()))
    return float((objective - (theta @ y - 0.5 * theta @ theta)) / objective)
