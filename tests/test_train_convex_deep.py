"""Deep convex training: layers below, the shattered case in closed form, its reconstruction in integers."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

import threshc

pytest.importorskip("sklearn", reason="needs scikit-learn")

from sklearn.utils.estimator_checks import check_estimator
from trained import assert_circuit_equals_predict, bundled, pmlb

from threshc.train import ConvexThresholdClassifier, ShatteredThresholdClassifier
from threshc.train.kernels import descend
from threshc.train.shattered import optimum
from threshc.train.staircase import reconstruct

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n", [2, 7, 8])
def test_the_closed_form_is_the_lasso_over_all_columns(n: int, bias: bool) -> None:
    """Objective and values, for all 2^n columns (TRAINERS A1)."""
    rng = np.random.default_rng(n)
    y, beta = rng.standard_normal(n) + 0.3, 0.3
    d = np.array(list(product((0.0, 1.0), repeat=n)), float).T
    yc, dc = (y - y.mean(), d - d.mean(axis=0)) if bias else (y, d)
    w = np.zeros((d.shape[1], 1))
    descend(dc.T @ dc, dc.T @ yc[:, None], w, beta, 200_000, 1e-12)
    least = 0.5 * float(((dc @ w[:, 0] - yc) ** 2).sum()) + beta * float(np.abs(w).sum())
    value, v = optimum(y, beta, bias=bias)
    assert value == pytest.approx(least, abs=1e-8)
    np.testing.assert_allclose(v, dc @ w[:, 0] + (y.mean() if bias else 0), atol=1e-5)


def test_reconstruction_of_any_function() -> None:
    """Real values of every sample, by one direction and a second layer of -1, 0 and 1."""
    rng = np.random.default_rng(0)
    x, values = rng.integers(0, 2, (40, 12)), np.round(rng.standard_normal((40, 2)), 1)
    x, first = np.unique(x, axis=0, return_index=True)
    found = reconstruct(x, values[first], 50, None, rng)
    (below,) = found.below
    assert (below.u == below.u[:, :1]).all()
    assert set(np.unique(found.u)) <= {-1, 0, 1}
    bits = (below(x) @ found.u >= found.t).astype(float)
    np.testing.assert_allclose(bits @ found.w + found.bias, values[first], atol=1e-12)
    np.testing.assert_allclose(found.w.sum(axis=0), np.ptp(values[first], axis=0), atol=1e-12)


def test_samples_that_no_direction_tells_apart() -> None:
    x = np.array(list(product((0, 1), repeat=6)))
    values = x.sum(axis=1)[:, None] + x[:, :1] / 7
    with pytest.raises(ValueError, match="none of 3 directions with weights up to 1 tells the 64 different samples"):
        reconstruct(x, values, 3, 1, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["iris", "wine", "digits", "monk1", "dna"])
def test_the_shattered_network_repeats_the_training_set(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    x, y = bundled(name) if name in ("iris", "wine", "digits") else pmlb(request.getfixturevalue("shared"), name, 200)
    x, y = x[:200], y[:200]
    classifier = ShatteredThresholdClassifier(levels=20).fit(x, y)
    _, groups = np.unique(x, axis=0, return_inverse=True)
    assert classifier.score(x, y) == 1 or len(np.unique(groups)) < len(x)
    assert classifier.certificate_.gap == 0
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")
    below = classifier.network_.below[0]
    assert len(below.t) < len(x)


def test_its_objective_is_counted_on_the_network() -> None:
    """The certificate is what the integers give, up to the rounding of output weights."""
    x, y = bundled("wine")
    classifier = ShatteredThresholdClassifier(1e-3, output_bits=16).fit(x, y)
    network = classifier.network_
    values = network.scores(x) * network.scale
    targets = np.where(y[:, None] == classifier.classes_, 1.0, -1.0)
    objective = 0.5 * ((values - targets) ** 2).sum() / len(x) + 1e-3 * np.abs(network.w).sum() * network.scale
    assert objective == pytest.approx(classifier.certificate_.objective, rel=1e-4)
    assert ConvexThresholdClassifier(1e-3, rounds=1).fit(x, y).certificate_.objective >= objective * (1 - 1e-4)


@pytest.mark.parametrize("widths", [(60,), (80, 50)])
def test_layers_below(widths: tuple[int, ...], tmp_path: Path) -> None:
    x, y = bundled("breast_cancer")
    classifier = ConvexThresholdClassifier(layers_below=widths, levels=3, columns=300, rounds=1).fit(x, y)
    assert len(classifier.network_.below) == len(widths)
    assert all(len(b.t) <= width for b, width in zip(classifier.network_.below, widths, strict=True))
    assert classifier.score(x, y) > 0.95
    c = classifier.certificate_
    assert c.lower_bound <= c.pool_bound <= c.objective
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")
    network = threshc.load(tmp_path / "m.onnx")
    bits = threshc.simulate(network, x.astype(np.float32)).bits
    assert len(bits) == len(widths) + 1
    np.testing.assert_array_equal(bits[-1].sum(axis=1) > 0, classifier.network_.fires(x).sum(axis=1) > 0)


def test_a_layer_of_copies_is_the_shallow_network() -> None:
    """A third layer over the units of a two-layer network can copy them: its LASSO is never above."""
    x, y = bundled("iris")
    flat = ConvexThresholdClassifier(0.01, columns=200, rounds=2).fit(x, y)
    deep = ConvexThresholdClassifier(0.01, columns=1, rounds=0, warm_start=True, initial_units=None)
    network = flat.network_
    bits = network.fires(x)
    copies = np.eye(bits.shape[1], dtype=np.int64), np.ones(bits.shape[1], np.int64), network.w * network.scale
    deep.set_params(encoding="integer", initial_units=copies).fit(bits.astype(float), y)
    assert deep.certificate_.objective <= flat.rounded_objective_ * (1 + 1e-9)


def test_scikit_learn_conventions() -> None:
    check_estimator(ShatteredThresholdClassifier(), on_skip=None)
