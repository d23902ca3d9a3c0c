"""FTPROP: its losses, steps and staircases against their definitions; the estimator and its circuit."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import assert_circuit_equals_predict, bundled, pmlb

import threshc

pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("sklearn", reason="needs scikit-learn")

import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from threshc.train import FTPROPClassifier
from threshc.train.deep.surrogates import ACTIVATIONS, LAYER_LOSSES, LayerRule, Step

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def gradient(z: Any, g: Any, activation: str, rule: Any, fires_at_tie: bool = True) -> tuple[Any, Any]:
    """The step's values and the gradient of z, where g is that of the values."""
    z = z.clone().requires_grad_()
    h = Step.apply(z, ACTIVATIONS[activation], rule, fires_at_tie)
    h.backward(g)
    return h.detach(), z.grad


def places(seed: int = 0) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.cat([torch.randn(1000, 3, generator=generator) * 2, torch.tensor([[0.0, 1.0, -1.0], [0.5, 2.0, -2.0]])])
    g = torch.randn(z.shape, generator=generator)
    g[::7] = 0
    return z, g


def test_soft_hinge_is_a_straight_through_estimator_of_slope_sech2() -> None:
    """Target B1: bit for bit what g * (1 - tanh(z)^2) is in float32."""
    z, g = places()
    _, found = gradient(z, g, "sign", LayerRule("soft_hinge"))
    torch.testing.assert_close(found, g * (1 - torch.tanh(z) ** 2), rtol=3e-7, atol=1e-9)


def test_saturated_and_plain() -> None:
    z, g = places()
    assert torch.equal(gradient(z, g, "sign", LayerRule("saturated"))[1], g * (z.abs() <= 1))
    assert torch.equal(gradient(z, g, "step", LayerRule("saturated"))[1], g * ((z >= 0) & (z <= 1)))
    assert torch.equal(gradient(z, g, "sign", LayerRule("straight_through"))[1], g)


@pytest.mark.parametrize("name", LAYER_LOSSES)
@pytest.mark.parametrize("scaled", [True, False])
def test_gradients_are_the_derivatives_of_the_layer_losses(name: str, scaled: bool) -> None:
    """dz = d/dz l(z t) with t = sign(-g): times |g|, or over the batch. Numerically, away from the losses' corners."""
    z, g = (v.double() for v in places(1))
    _, found = gradient(z, g, "sign", LayerRule(name, scaled))
    value, target, step = LAYER_LOSSES[name].value, torch.sign(-g), 1e-6
    slope = (value((z + step) * target) - value((z - step) * target)) / (2 * step)
    smooth = ((z.abs() - torch.arange(3).reshape(-1, 1, 1)).abs() > 1e-5).all(dim=0)
    expected = slope * g.abs() if scaled else slope / len(z)
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(found[smooth], expected[smooth], rtol=1e-5, atol=1e-8)
    assert (found[g == 0] == 0).all()


@pytest.mark.parametrize("steps", [3, 5])
def test_staircase_is_the_sum_of_its_thresholds(steps: int) -> None:
    """Target B2, exactly; without ties firing it is the authors' clamp(ceil(x (n - 1)), 0, n) / n."""
    rng = np.random.default_rng(0)
    grid = np.arange(-8, 16) / (4 * (steps - 1))  # the thresholds are among these, exactly representable
    x = torch.from_numpy(np.concatenate([rng.normal(0.5, 1, 5000), grid]))[:, None]
    name, g = f"staircase{steps}", torch.ones_like(x)
    thresholds = [i / (steps - 1) for i in range(steps)]
    above, _ = gradient(x, g, name, LayerRule("soft_hinge"), fires_at_tie=False)
    assert torch.equal(above, sum((x > t).to(x.dtype) for t in thresholds) * (1 / steps))
    assert torch.equal(above, torch.clamp(torch.ceil(x * (steps - 1)), 0, steps) * (1 / steps))
    reached, found = gradient(x, g, name, LayerRule("soft_hinge"))
    assert torch.equal(reached, sum((x >= t).to(x.dtype) for t in thresholds) * (1 / steps))
    torch.testing.assert_close(found, 1 - torch.tanh(2 * x - 1) ** 2)
    saturated = gradient(x, g, name, LayerRule("saturated"))[1]
    assert torch.equal(saturated, ((x >= 0) & (x <= 1)).to(x.dtype))


def test_sign_of_zero() -> None:
    zero, rule = torch.zeros(1, 1), LayerRule("soft_hinge")
    assert [float(gradient(zero, zero, "sign", rule, tie)[0]) for tie in (True, False)] == [1, -1]
    assert [float(gradient(zero, zero, "step", rule, tie)[0]) for tie in (True, False)] == [1, 0]


SMALL: dict[str, dict[str, Any]] = {
    "iris": {"activation": "staircase3", "weights": "int4"},
    "wine": {"activation": "step", "hidden": (16, 12), "batch_norm": True},
    "breast_cancer": {"loss": "saturated", "fires_at_tie": False, "weights": "ternary", "fan_in": 9},
    "digits": {"hidden": (32, 16), "activation": "staircase5", "encoding": "integer", "weights": "int5"},
}


@pytest.mark.parametrize("name", SMALL)
def test_circuit_equals_predict(name: str, tmp_path: Path) -> None:
    x, y = bundled(name)
    settings = {"hidden": 24, "epochs": 12, "batch_size": 32, "learning_rate": 5e-3, **SMALL[name]}
    classifier = FTPROPClassifier(**settings).fit(x, y)
    assert classifier.score(x, y) > 0.85
    noise = np.random.default_rng(0).normal(0, x.std(axis=0), x.shape)
    noisy = np.clip(np.rint(x + noise), 0, 16) if name == "digits" else x + noise
    assert_circuit_equals_predict(classifier, noisy, tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["monk1", "mushroom", "dna"])
def test_circuit_equals_predict_on_tables(name: str, shared: Path, tmp_path: Path) -> None:
    x, y = pmlb(shared, name, 300)
    classifier = FTPROPClassifier((12, 8), epochs=4, weights="int3").fit(x, y)
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")


def test_verilog_equals_predict(tmp_path: Path) -> None:
    x, y = bundled("iris")
    classifier = FTPROPClassifier((8, 6), activation="staircase3", weights="ternary", epochs=10).fit(x, y)
    classifier.export_onnx(tmp_path / "m.onnx")
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), x[::3].astype(np.float32), engine="rtl").labels
    np.testing.assert_array_equal(labels, classifier.predict(x[::3]))


def test_unscaled_losses_and_a_hinge_at_the_end_learn() -> None:
    x, y = bundled("wine")
    for settings in ({"scale_gradients": False, "loss": "truncated_hinge"}, {"output_loss": "hinge"}):
        classifier = FTPROPClassifier(24, epochs=20, batch_size=32, learning_rate=5e-3, **settings).fit(x, y)
        assert classifier.score(x, y) > 0.9


def test_scikit_learn_conventions() -> None:
    check_estimator(FTPROPClassifier(16), on_skip=None)
    assert clone(FTPROPClassifier((3, 4), levels=2)).get_params()["hidden"] == (3, 4)


def test_example_is_what_its_readme_says(root: Path) -> None:
    folder = root / "examples/ftprop"
    _, x_test, _, y_test = runpy.run_path(str(folder / "train.py"))["data"]()
    labels = threshc.simulate(threshc.load(folder / "digits.onnx"), x_test.reshape(-1, 64)).labels
    assert (labels == y_test).sum() == 430
    assert "430 of 450" in (folder / "README.md").read_text()
