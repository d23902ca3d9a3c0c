"""Convex training is never above straight-through training whose units are among its columns (TRAINERS A3)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="needs scikit-learn")

from trained import bundled

from threshc.train import ConvexThresholdClassifier, StraightThroughClassifier
from threshc.train.straight_through_network import SURROGATES

pytestmark = pytest.mark.slow

BETA = 0.01


def run(x: NDArray[np.float64], y: NDArray[np.int64], surrogate: str, seed: int) -> tuple[float, tuple]:
    """The least objective over all scales and biases of a baseline's output, with its units and scaled weights."""
    network = StraightThroughClassifier(8, surrogate=surrogate, epochs=4, random_state=seed).fit(x, y).network_
    w = (network.w[:, 1] - network.w[:, 0]).astype(float)
    target = np.where(y == 1, 1.0, -1.0) - np.where(y == 1, 1.0, -1.0).mean()
    f = network.fires(x) @ w
    f = f - f.mean()
    size = float(np.abs(w).sum())
    scale = max((f @ target / len(x) - BETA * size) / (f @ f / len(x)), 0.0)  # of a convex function of the scale
    objective = 0.5 * float(((target - scale * f) ** 2).mean()) + BETA * scale * size
    return objective, (network.u, network.t, scale * w[:, None])


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_never_above_the_best_of_five(surrogate: str) -> None:
    x, y = bundled("breast_cancer")
    runs = sorted((run(x, y, surrogate, seed) for seed in range(5)), key=lambda r: r[0])
    least, (_, _, w) = runs[0]
    u = np.concatenate([units[0] for _, units in runs], axis=1)
    t = np.concatenate([units[1] for _, units in runs])
    start = np.concatenate([w, np.zeros((len(t) - len(w), 1))])
    convex = ConvexThresholdClassifier(BETA, levels=4, columns=1, rounds=0, tol=0.5, initial_units=(u, t, start))
    found = convex.fit(x, y).certificate_
    assert found.objective <= least * (1 + 1e-12)
    better = convex.set_params(tol=1e-3).fit(x, y).certificate_
    assert better.lower_bound <= better.objective <= found.objective * (1 + 1e-12)
    assert better.gap == better.objective - better.lower_bound >= 0
