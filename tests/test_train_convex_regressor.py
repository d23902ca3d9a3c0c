"""Convex training on real targets: values of the circuit, of the ONNX model and of `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import threshc

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.utils.estimator_checks import check_estimator

from threshc.train import ConvexThresholdRegressor
from threshc.train.kernels import descend

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]


def assert_values_equal_predict(regressor: Any, x: Floats, path: Path) -> None:
    """The compiled integers are the estimator's, up to a constant that the output's offset holds."""
    regressor.export_onnx(path)
    network = threshc.load(path)
    values = threshc.simulate(network, x.astype(np.float32)).values
    whole, real = regressor.network_.scores(x), regressor.predict(x).reshape(len(x), -1)
    assert len(values) == real.shape[1]
    for k, (value, output) in enumerate(zip(values, network.outputs, strict=True)):
        np.testing.assert_array_equal(value[:, 0] + regressor.network_.bias[k], whole[:, k])
        np.testing.assert_allclose((output.scale * value + output.offset)[:, 0], real[:, k], rtol=1e-5, atol=1e-4)


def test_values_of_the_circuit(tmp_path: Path) -> None:
    x, y = load_diabetes(return_X_y=True)
    regressor = ConvexThresholdRegressor(0.01, levels=4, columns=200, rounds=2).fit(x, y)
    assert regressor.score(x, y) > 0.6
    assert_values_equal_predict(regressor, x, tmp_path / "m.onnx")
    ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    session = ort.InferenceSession(str(tmp_path / "m.onnx"))
    np.testing.assert_array_equal(session.run(None, {"x": x.astype(np.float32)})[0][:, 0], regressor.predict(x))


@pytest.mark.parametrize("shared_units", [False, True])
def test_several_targets(shared_units: bool, tmp_path: Path) -> None:
    x, y = load_linnerud(return_X_y=True)
    regressor = ConvexThresholdRegressor(0.02, columns=200, rounds=2, shared_units=shared_units).fit(x, y)
    assert regressor.predict(x).shape == y.shape
    assert regressor.score(x, y) > 0.9
    assert_values_equal_predict(regressor, x, tmp_path / "m.onnx")


def test_it_is_the_lasso_on_real_targets() -> None:
    """One feature of 6 values: 5 columns up to complements, solved here by coordinate descent."""
    rng = np.random.default_rng(0)
    x, y = np.arange(6.0)[:, None], 3 + 10 * rng.standard_normal(6)
    regressor = ConvexThresholdRegressor(
        0.05, encoding="integer", columns=200, rounds=0, tol=1e-9, standardize=False
    ).fit(x, y)
    columns = (x >= np.arange(0.5, 5)).astype(float)
    columns -= columns.mean(axis=0)
    centred = (y - y.mean())[:, None]
    w = np.zeros((5, 1))
    descend(columns.T @ columns, columns.T @ centred, w, 0.05 * 6, 100_000, 1e-13)
    objective = (0.5 * ((columns @ w - centred) ** 2).sum() + 0.3 * np.abs(w).sum()) / 6
    assert regressor.certificate_.objective == pytest.approx(objective, rel=1e-7)


def test_targets_far_from_zero() -> None:
    x = np.arange(20.0)[:, None]
    y = 1e6 + (x[:, 0] > 9)
    regressor = ConvexThresholdRegressor(1e-3, levels=19, rounds=1).fit(x, y)
    assert np.abs(regressor.predict(x) - y).max() < 0.2
    assert (ConvexThresholdRegressor().fit(x, np.full(20, 7.0)).predict(x) == 7).all()


def test_scikit_learn_conventions() -> None:
    check_estimator(ConvexThresholdRegressor(rounds=1, columns=60), on_skip=None)
