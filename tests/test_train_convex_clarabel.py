"""The closed form of the shattered problem against an interior-point solver."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("clarabel", reason="needs clarabel")

import clarabel
from scipy import sparse

from threshc.train.shattered import shattered

pytestmark = pytest.mark.slow


def solved(y: NDArray[np.float64], beta: float) -> float:
    """min 1/2 |v - y|^2 + beta (p + q) where v <= p, -v <= q, 0 <= p, q, as a quadratic program over (v, p, q)."""
    n = len(y)
    square = sparse.block_diag([sparse.eye(n), sparse.csc_matrix((2, 2))], format="csc")
    ones, none = np.ones((n, 1)), np.zeros((n, 1))
    rows = sparse.bmat(
        [
            [sparse.eye(n), -ones, none],
            [-sparse.eye(n), none, -ones],
            [None, -np.ones((1, 1)), np.zeros((1, 1))],
            [None, np.zeros((1, 1)), -np.ones((1, 1))],
        ],
        format="csc",
    )
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cones = [clarabel.NonnegativeConeT(2 * n + 2)]
    linear = np.concatenate([-y, [beta, beta]])
    found = clarabel.DefaultSolver(square, linear, rows, np.zeros(2 * n + 2), cones, settings).solve()
    return float(found.obj_val) + 0.5 * float(y @ y)


@pytest.mark.parametrize("seed", range(15))
def test_closed_form_equals_the_quadratic_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(rng.normal(), 1.0, int(rng.integers(2, 120)))
    beta = float(rng.choice([0.01, 0.3, 2.0, 30.0]))
    assert shattered(y, beta) == pytest.approx(solved(y, beta), abs=1e-5)
