"""The straight-through baseline: its circuit, its options, and convex training over its units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import threshc

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.utils.estimator_checks import check_estimator
from trained import assert_circuit_equals_predict, bundled, pmlb

from threshc.train import ConvexThresholdClassifier, StraightThroughClassifier
from threshc.train.straight_through_network import SURROGATES

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "iris": {"epochs": 60},
    "wine": {"fan_in": 6},
    "breast_cancer": {"weights": "binary", "surrogate": "identity"},
    "digits": {"hidden_units": 96, "levels": 2},
}


@pytest.mark.parametrize("name", SMALL)
def test_circuit_equals_predict(name: str, tmp_path: Path) -> None:
    x, y = bundled(name)
    classifier = StraightThroughClassifier(**{"hidden_units": 24, "epochs": 15, **SMALL[name]}).fit(x, y)
    assert classifier.score(x, y) > 0.85
    noisy = x + np.random.default_rng(0).normal(0, x.std(axis=0), x.shape)
    assert_circuit_equals_predict(classifier, noisy, tmp_path / "m.onnx")


def test_verilog_equals_predict(tmp_path: Path) -> None:
    x, y = bundled("iris")
    classifier = StraightThroughClassifier(16, epochs=20).fit(x, y)
    classifier.export_onnx(tmp_path / "m.onnx")
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), x[::3].astype(np.float32), engine="rtl").labels
    np.testing.assert_array_equal(labels, classifier.predict(x[::3]))


@pytest.mark.parametrize("name", ["monk1", "mushroom", "dna"])
def test_circuit_equals_predict_on_tables(name: str, shared: Path, tmp_path: Path) -> None:
    x, y = pmlb(shared, name, 300)
    classifier = StraightThroughClassifier(16, epochs=5).fit(x, y)
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")


def test_weights_and_fan_in() -> None:
    x, y = bundled("wine")
    sparse = StraightThroughClassifier(10, fan_in=3, weights="binary", epochs=3).fit(x, y).network_
    assert (np.count_nonzero(sparse.u, axis=0) == 3).all()
    assert set(np.unique(sparse.w)) == {-2, 2}
    dense = StraightThroughClassifier(10, epochs=3).fit(x, y).network_
    assert set(np.unique(dense.u)) == {-1, 0, 1}


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_convex_training_is_never_worse_over_the_same_units(surrogate: str) -> None:
    """The units of the baseline among the columns: no scale and bias of its output is below the LASSO's objective."""
    x, y = bundled("breast_cancer")
    beta, classifier = 0.01, StraightThroughClassifier(12, surrogate=surrogate, epochs=10).fit(x, y)
    network, target = classifier.network_, np.where(y == 1, 1.0, -1.0)
    w = (network.w[:, 1] - network.w[:, 0]).astype(float)
    f = network.fires(x) @ w
    scales = np.geomspace(1e-3, 10, 200)[:, None]
    residual = target - scales * f
    residual -= residual.mean(axis=1, keepdims=True)
    baseline = (0.5 * (residual**2).mean(axis=1) + beta * scales[:, 0] * np.abs(w).sum()).min()
    units = network.u, network.t
    convex = ConvexThresholdClassifier(beta, levels=4, columns=1, rounds=0, initial_units=units).fit(x, y)
    assert convex.certificate_.objective <= baseline * (1 + 2e-3)
    assert convex.certificate_.lower_bound <= baseline


def test_scikit_learn_conventions() -> None:
    check_estimator(StraightThroughClassifier(16, epochs=60, batch_size=8), on_skip=None)


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(ValueError, match="surrogate is 'tanh'; it must be one of identity, clipped_relu, relu, sech2"):
        StraightThroughClassifier(surrogate="tanh").fit([[0.0], [1.0]], [0, 1])
