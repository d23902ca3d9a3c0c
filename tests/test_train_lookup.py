"""Networks for look-up tables: few inputs per neuron, votes, and a circuit of one table per neuron."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import threshc

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("torch", reason="needs PyTorch")

import torch
from sklearn.utils.estimator_checks import check_estimator
from trained import assert_circuit_equals_predict, bundled
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.train import LookupThresholdClassifier
from threshc.train.deep.pruning import Pruning, VotingNetwork
from threshc.train.deep.surrogates import StraightThrough

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def inputs(estimator: Any) -> list[int]:
    """The largest number of inputs of a neuron, by layer."""
    return [int((layer.weight != 0).sum(axis=1).max()) for layer in estimator.network_.layers]


def test_every_neuron_is_a_table_of_a_circuit_that_takes_pixels(tmp_path: Path) -> None:
    x, y = bundled("digits")
    pixels = x.astype(np.uint8)
    estimator = LookupThresholdClassifier((60, 30), thresholds=[8], epochs=8, batch_size=64).fit(pixels, y)
    assert inputs(estimator) == [6, 6]
    assert estimator.score(pixels, y) > 0.7
    estimator.export_onnx(tmp_path / "m.onnx")
    network = threshc.load(tmp_path / "m.onnx")
    labels = threshc.simulate(network, pixels).labels
    np.testing.assert_array_equal(labels, estimator.predict(pixels))
    np.testing.assert_array_equal(threshc.simulate(network, pixels[:50], engine="rtl").labels, labels[:50])
    tables = [n.estimate.lut6 for n in build_design(network, CircuitOptions(family="xilinx")).neurons]
    assert tables[0] <= 60
    assert tables[1] <= 30


def test_real_features(tmp_path: Path) -> None:
    x, y = bundled("iris")
    estimator = LookupThresholdClassifier((30, 15), fan_in=4, epochs=40, batch_size=16).fit(x, y)
    assert max(inputs(estimator)) <= 4
    assert estimator.score(x, y) > 0.85
    assert_circuit_equals_predict(estimator, x, tmp_path / "m.onnx")


def test_even_the_shortest_training_ends_with_few_inputs() -> None:
    x, y = bundled("iris")
    assert max(inputs(LookupThresholdClassifier((6, 3), fan_in=2, epochs=1, batch_size=150).fit(x, y))) <= 2


def test_a_resumed_training_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    x, y = bundled("iris")
    options: dict[str, Any] = {"fan_in": 3, "epochs": 6, "batch_size": 16, "pruned_by": 0.5}
    whole = LookupThresholdClassifier((12, 6), **options).fit(x, y)

    def stop(_: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt

    seen: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        LookupThresholdClassifier((12, 6), **options, checkpoint=tmp_path / "c.pt", callback=stop).fit(x, y)
    resumed = LookupThresholdClassifier((12, 6), **options, checkpoint=tmp_path / "c.pt").fit(x, y)
    for one, other in zip(whole.network_.layers, resumed.network_.layers, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)
        np.testing.assert_array_equal(one.threshold, other.threshold)


@pytest.mark.parametrize("other", [{"fan_in": 4}, {"pruned_by": 0.6}, {"surrogate": "identity"}])
def test_a_checkpoint_of_another_pruning_is_refused(other: dict[str, Any], tmp_path: Path) -> None:
    x, y = bundled("iris")
    options: dict[str, Any] = {"fan_in": 3, "epochs": 2, "pruned_by": 0.5, "checkpoint": tmp_path / "c.pt"}
    LookupThresholdClassifier((12, 6), **options).fit(x, y)
    with pytest.raises(CompileError, match="the checkpoint belongs to another training"):
        LookupThresholdClassifier((12, 6), **{**options, **other}).fit(x, y)


def test_pruned_weights_learn_until_the_choice_is_final() -> None:
    rule = StraightThrough("sech2")
    options: dict[str, Any] = {"weights": "int8", "scale": 1.0, "offset": 0.0, "seed": 0}
    network = VotingNetwork((4, 2), (9,), 2, rule=rule, pruning=Pruning(3, 0.5), **options)
    network.regrown[0].keep(3)
    for progress, learning in ((0.1, True), (0.6, False)):
        rule.progress = progress
        network.zero_grad()
        network(torch.randn(16, 9)).sum().backward()
        pruned = network.regrown[0].weight.grad[network.regrown[0].mask == 0]
        assert bool((pruned != 0).any()) == learning


def test_fewer_and_fewer_inputs_down_to_fan_in() -> None:
    pruning = Pruning(fan_in=6, until=0.5)
    kept = [pruning.kept(784, k / 100) for k in range(100)]
    assert kept[0] == 784
    assert kept[40:] == [6] * 60
    assert all(a >= b for a, b in pairwise(kept))
    assert pruning.kept(4, 0.0) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (8, 4)}, "the last width is 4; it must be a multiple of the 3 classes"),
        ({"hidden": "conv4k3"}, "neurons of few inputs have dense layers only"),
        ({"thresholds": [float("nan")]}, "it must be finite numbers"),
        ({"thresholds": []}, "it must be finite numbers"),
        ({"fan_in": 0}, "fan_in is 0; it must be a whole number of at least 1"),
        ({"pruned_by": 0}, "pruned_by is 0; it must be a number above 0"),
        ({"pruned_by": 1.5}, "pruned_by is 1.5; it must be a number of 0 to 1"),
        ({"surrogate": "tanh"}, "surrogate is 'tanh'; it must be one of"),
    ],
)
def test_wrong_parameters_are_named(options: dict[str, Any], message: str) -> None:
    x, y = bundled("iris")
    with pytest.raises(ValueError, match=message):
        LookupThresholdClassifier(**{"hidden": (6, 3), "epochs": 1, **options}).fit(x, y)


def test_scikit_learn_conventions() -> None:
    check_estimator(LookupThresholdClassifier((24, 12), epochs=25, batch_size=16), on_skip=None)


def test_command(tmp_path: Path) -> None:
    x, y = bundled("iris")
    np.savez(tmp_path / "iris.npz", x=x, y=y)
    arguments = ["--data", tmp_path / "iris.npz", "-o", tmp_path / "m.onnx", "--hidden", "12,6", "--epochs", "5"]
    result = CliRunner().invoke(app, ["train", "lookup", *map(str, arguments), "--fan-in", "4", "--test", "0.2"])
    assert result.exit_code == 0, result.output
    assert "LUT6 of all layers" in result.stdout
    assert (tmp_path / "m.onnx").exists()
    result = CliRunner().invoke(app, ["train", "lookup", *map(str, arguments), "--thresholds", "a"])
    assert "'a' is not a list of numbers" in str(result.exception)
