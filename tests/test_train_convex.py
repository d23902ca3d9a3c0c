"""Convex training: the closed form against brute force, the certificate, the circuit, scikit-learn's conventions."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import threshc

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.utils.estimator_checks import check_estimator
from trained import assert_circuit_equals_predict, bundled, pmlb

from threshc.train import ConvexThresholdClassifier
from threshc.train.arrangement import Arrangement
from threshc.train.kernels import best_threshold, climb, correlate, descend
from threshc.train.sampling import SAMPLERS, sample
from threshc.train.shattered import shattered

pytestmark = pytest.mark.slow


def brute(y: NDArray[np.float64], beta: float, bias: bool) -> float:
    """The LASSO over all 2^n columns."""
    d = np.array(list(product((0.0, 1.0), repeat=len(y))), float).T
    yc, dc = (y - y.mean(), d - d.mean(axis=0)) if bias else (y, d)
    w = np.zeros((d.shape[1], 1))
    descend(dc.T @ dc, dc.T @ yc[:, None], w, beta, 200_000, 1e-12)
    return 0.5 * float(((dc @ w[:, 0] - yc) ** 2).sum()) + beta * float(np.abs(w).sum())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_shattered_equals_the_lasso_over_all_columns(seed: int, bias: bool) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(6) + rng.uniform(-1, 1)
    beta = float(rng.uniform(0.05, 2))
    assert shattered(y, beta, bias=bias) == pytest.approx(brute(y, beta, bias), abs=1e-8)


def test_shattered_of_equal_samples() -> None:
    """Two samples that no network tells apart: their spread is lost, their mean is one sample of weight 2."""
    y = np.array([1.0, -1.0, 2.0])
    bound = shattered(y, 0.1, groups=np.array([0, 0, 1]))
    columns = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1]], float)
    w = np.zeros((4, 1))
    descend(columns.T @ columns, columns.T @ y[:, None], w, 0.1, 10_000, 1e-12)
    found = 0.5 * float(((columns @ w[:, 0] - y) ** 2).sum()) + 0.1 * float(np.abs(w).sum())
    assert bound == pytest.approx(found, abs=1e-8)
    assert shattered(y, 0.1) < bound


def test_shattered_of_signs() -> None:
    """Balanced classes at beta = 1e-3 n: 2e-3 per sample, less 2e-6 (Threshold-networks' notebook plots 2.0e-3)."""
    y = np.where(np.arange(100) < 50, 1.0, -1.0)
    assert shattered(y, 0.1) / 100 == pytest.approx(2e-3 - 2e-6, abs=1e-12)


def test_packed_correlations_equal_dense_ones() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((150, 50)) < 0.5
    r = rng.standard_normal(150)
    out = np.zeros(50)
    correlate(np.packbits(dense, axis=0), np.append(r, np.zeros(2)), out)
    np.testing.assert_allclose(out, r @ dense, atol=1e-12)


@pytest.mark.parametrize("wide", [False, True])
def test_best_threshold_is_the_best(wide: bool) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        z = rng.integers(-5, 6, 20) * (1000 if wide else 1)
        r = rng.standard_normal(20)
        best, t = best_threshold(z, r)
        assert best == pytest.approx(r[z >= t].sum())
        assert best == pytest.approx(max(r[z >= v].sum() for v in z))


@pytest.mark.parametrize("fan_in", [2, 8])
def test_climbing_keeps_its_limits(fan_in: int) -> None:
    rng = np.random.default_rng(2)
    for seed in range(10):
        x, r = rng.integers(0, 2, (8, 40)), rng.standard_normal(40)
        u = np.zeros(8, np.int64)
        best, t = climb(x, r, u, 3, fan_in, 7, 10, seed)
        assert np.abs(u).max() <= 3
        assert np.count_nonzero(u) <= fan_in
        assert best == pytest.approx(r[u @ x >= t].sum())
        assert best >= max(r.sum(), 0.0)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_units_make_their_columns(kind: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 4, (45, 12)), rng.integers(0, 2, 45)
    pool = Arrangement(x, constants=False)
    pool.add(*sample(kind, x, y, 80, 3, 5, rng))
    assert pool.size > 10
    assert np.abs(pool.u).max() <= 3
    assert np.count_nonzero(pool.u, axis=0).max() <= 5
    dense = pool.columns(np.arange(pool.size))
    np.testing.assert_array_equal(dense, x @ pool.u >= pool.t)
    assert len(np.unique(dense, axis=1).T) == pool.size
    assert pool.add(pool.u, pool.t) == 0
    assert pool.add(-pool.u, 1 - pool.t) == 0  # the complements


SMALL: dict[str, dict[str, Any]] = {
    "iris": {},
    "wine": {"levels": 4, "fan_in": 5},
    "breast_cancer": {"levels": 2, "beta": 0.03},
    "digits": {"encoding": "integer", "columns": 300, "rounds": 1, "multiclass": "group", "beta": 0.05},
}


@pytest.mark.parametrize("name", SMALL)
def test_circuit_equals_predict(name: str, tmp_path: Path) -> None:
    x, y = bundled(name)
    classifier = ConvexThresholdClassifier(**{"rounds": 3, "columns": 200, **SMALL[name]}).fit(x, y)
    assert classifier.score(x, y) > 0.9
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")
    noisy = x if name == "digits" else x + np.random.default_rng(0).normal(0, x.std(axis=0), x.shape)
    assert_circuit_equals_predict(classifier, noisy, tmp_path / "m.onnx")
    c = classifier.certificate_
    assert c.lower_bound <= c.pool_bound <= c.objective
    assert min(h.objective for h in classifier.history_) == c.objective


@pytest.mark.parametrize("name", ["monk1", "mushroom", "dna"])
def test_circuit_equals_predict_on_tables(name: str, shared: Path, tmp_path: Path) -> None:
    x, y = pmlb(shared, name, 400)
    classifier = ConvexThresholdClassifier(rounds=2, columns=200, levels=4).fit(x, y)
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")


def test_hidden_bits_are_the_columns() -> None:
    """The trained network's objective, from its own integers, is the solver's up to the rounding of output weights."""
    x, y = bundled("wine")
    classifier = ConvexThresholdClassifier(rounds=2, columns=200, output_bits=16).fit(x, y)
    assert classifier.rounded_objective_ == pytest.approx(classifier.certificate_.objective, rel=1e-4)


def test_a_shattered_problem_is_solved_to_its_bound() -> None:
    """20 samples in 100 dimensions: the certified optimum, with one unit and an output bias."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 100)), np.where(np.arange(20) < 10, 1, -1)
    c = ConvexThresholdClassifier(1e-3, encoding="integer", max_weight=15, rounds=40, columns=100)
    c.fit(np.rint(40 * x), y)
    assert c.certificate_.gap <= 1e-3 * c.certificate_.objective
    assert c.certificate_.objective == pytest.approx(1e-3 * (2 - 2e-3), rel=2e-3)


def test_column_generation_beats_sampling() -> None:
    x, y = bundled("breast_cancer")
    plain = ConvexThresholdClassifier(0.01, levels=2, columns=500, rounds=0).fit(x, y).certificate_
    more = ConvexThresholdClassifier(0.01, levels=2, columns=500, rounds=5).fit(x, y).certificate_
    assert more.objective < 0.95 * plain.objective


def test_initial_units_are_among_the_columns() -> None:
    """Never worse than another network's units under the same objective."""
    x, y = bundled("breast_cancer")
    first = ConvexThresholdClassifier(0.01, levels=2, columns=300, rounds=3).fit(x, y)
    units = first.network_.u, first.network_.t
    again = ConvexThresholdClassifier(0.01, levels=2, columns=1, rounds=0, initial_units=units).fit(x, y)
    assert again.certificate_.objective <= first.certificate_.objective * (1 + 2e-3)


def test_the_same_seed_gives_the_same_network() -> None:
    x, y = bundled("iris")
    one, two = (ConvexThresholdClassifier(rounds=2, random_state=7).fit(x, y).network_ for _ in range(2))
    np.testing.assert_array_equal(one.u, two.u)
    np.testing.assert_array_equal(one.w, two.w)


def test_scikit_learn_conventions() -> None:
    check_estimator(ConvexThresholdClassifier(rounds=1, columns=60), on_skip=None)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"beta": 0}, "beta is 0; it must be a number above 0"),
        ({"levels": 0}, "levels is 0; it must be a whole number of at least 1"),
        ({"fan_in": 1.5}, "fan_in is 1.5; it must be a whole number of at least 1"),
        ({"encoding": "hot"}, "encoding is 'hot'; it must be one of thermometer, integer"),
        ({"sampling": ("x",)}, "sampling is ('x',); it must be some of gaussian, quantile, ternary, integer, pair"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(").replace(")", r"\)") + "$"):
        ConvexThresholdClassifier(**parameters).fit([[0.0], [1.0]], [0, 1])


def test_integer_features_are_checked_by_column_and_row() -> None:
    with pytest.raises(threshc.CompileError, match=r"the feature 1\.5 is not of type uint8\n  where: column 1, row 2"):
        ConvexThresholdClassifier(encoding="integer").fit([[0, 1], [3, 4], [5, 1.5]], [0, 1, 1])


def test_a_constant_network_is_not_exported(tmp_path: Path) -> None:
    classifier = ConvexThresholdClassifier(beta=10).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    with pytest.raises(threshc.CompileError, match="the network has no hidden units"):
        classifier.export_onnx(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
