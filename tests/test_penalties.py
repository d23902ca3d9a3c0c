"""Proximal operators of the sparsity penalties against a search of their definition (target C2)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threshc.train.penalties import PENALTIES, Penalty

penalties = st.builds(Penalty, st.sampled_from(PENALTIES), st.floats(0.05, 20))
strengths = st.floats(1e-4, 5)


def cost(penalty: Penalty, u: np.ndarray, w: float, mu: float) -> np.ndarray:
    return mu * penalty(u[:, None]) + 0.5 * (u - w) ** 2


@settings(max_examples=400, deadline=None)
@given(penalties, strengths, st.floats(-6, 6))
def test_no_point_of_a_grid_is_better(penalty: Penalty, mu: float, w: float) -> None:
    """A minimizer lies between 0 and w; the cost is flat there to within the grid's step squared."""
    u = penalty.prox(np.array([w]), mu)
    grid = np.append(np.linspace(0, w, 4001), w)
    assert cost(penalty, u, w, mu)[0] <= cost(penalty, grid, w, mu).min() + 1e-9
    assert u[0] * w >= 0
    assert abs(u[0]) <= abs(w)


@settings(max_examples=200, deadline=None)
@given(penalties, strengths)
def test_the_threshold_is_where_entries_begin_to_survive(penalty: Penalty, mu: float) -> None:
    edge = penalty.threshold(mu)
    u = penalty.prox(np.array([0.0, edge * (1 - 1e-9), edge * (1 + 1e-6), -edge * (1 + 1e-6)]), mu)
    assert not u[:2].any()
    assert u[2] > 0
    assert u[3] == -u[2]


@given(penalties, strengths)
def test_shapes_and_dtypes_are_kept(penalty: Penalty, mu: float) -> None:
    w = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    u = penalty.prox(w, mu)
    assert (u.shape, u.dtype) == (w.shape, w.dtype)
    assert penalty(u).shape == (3, 4)
    np.testing.assert_array_equal(penalty.prox(w, 0.0), w)


def test_transformed_l1_lies_between_l0_and_l1() -> None:
    w = np.linspace(-3, 3, 41)
    np.testing.assert_allclose(Penalty("tl1", 1e6).prox(w, 0.5), Penalty("l1").prox(w, 0.5), atol=1e-4)
    near = np.abs(np.abs(w) - 1) > 0.01  # l0 jumps at 1 for mu = 1/2
    np.testing.assert_allclose(Penalty("tl1", 1e-5).prox(w, 0.5)[near], Penalty("l0").prox(w, 0.5)[near], atol=1e-3)


def test_wrong_penalties_are_named() -> None:
    with pytest.raises(ValueError, match="penalty is 'l2'; it must be one of l0, l1, tl1"):
        Penalty("l2")
    with pytest.raises(ValueError, match="a is 0; it must be a number above 0"):
        Penalty("tl1", 0)
