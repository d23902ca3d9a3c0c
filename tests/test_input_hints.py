"""Integers for models that compare real features, shapes against types, and the hints of `sim` and `verify`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Step
from threshc.compiler.ir.network import Network
from threshc.sim.hints import hints


def stepped(thresholds: list[float], features: int = 3) -> Network:
    step = Step(features, np.arange(len(thresholds)) % features, np.array(thresholds, np.float32))
    network = networks.random_dense(np.random.default_rng(0), (len(thresholds), 5, 3), "pm1", "step", "class")
    return Network("stepped", (replace(network.input, encoding=step), *network.ops[1:]), network.outputs)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
@pytest.mark.parametrize("thresholds", [[7.5, 8, 2, 0.5], [100.5, 3, -2.5], [2, np.inf]])
def test_integers_where_only_numbers_can_be_meant(thresholds: list[float], dtype: type) -> None:
    network = stepped(thresholds)
    x = np.random.default_rng(0).integers(0, 17, (50, 3)).astype(dtype)
    for engine in ("packed", "reference"):
        found = threshc.simulate(network, x, engine=engine)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.labels, threshc.simulate(network, x.astype(np.float32)).labels)


@pytest.mark.parametrize(
    ("thresholds", "spellings"),
    [
        ([0.25, 0.5], "--input uint8/255 (or as in training: (uint8/255-MEAN)/STD) for pixels"),
        ([0.5, 0, 1], "--input uint8 for the numbers themselves"),
        ([-0.4, 0.3], "--input uint8/255"),
        ([33.25, 7], "--input uint8 if the integers are the features themselves"),
    ],
)
def test_integers_that_could_mean_two_things(thresholds: list[float], spellings: str) -> None:
    x = np.zeros((5, 3), np.int64)
    x[0, 0] = 200
    with pytest.raises(CompileError, match="the samples are integers") as caught:
        threshc.simulate(stepped(thresholds), x)
    assert spellings in str(caught.value)
    assert "samples have shape" not in str(caught.value)


def test_integers_beyond_float32() -> None:
    with pytest.raises(CompileError, match="sample 1, feature 2 is 16777217"):
        threshc.simulate(stepped([7.5]), np.array([[0, 1, 2], [3, 4, 2**24 + 1]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.bool_])
def test_the_shape_is_named_where_the_shape_is_wrong(dtype: type) -> None:
    network = stepped([7.5, 8, 2, 0.5])
    with pytest.raises(CompileError, match=r"samples have shape \(2, 9\)") as caught:
        threshc.simulate(network, np.zeros((2, 9), dtype))
    assert ("(N, 4)" if dtype is np.bool_ else "(N, 3)") in str(caught.value)
    with pytest.raises(CompileError, match="a bool array is taken for the bits"):
        threshc.simulate(network, np.zeros((2, 3), bool))


def test_hints_of_patterns_and_of_accuracy() -> None:
    r = np.random.default_rng(0)
    x = r.integers(0, 256, (200, 6), np.uint8)
    narrow = networks.random_dense(r, (6, 4, 3), "pm1", "uint8/255", "class")
    assert not any("different patterns" in text for text in hints(narrow, x[:20]))
    far = stepped([1000.0] * 12)
    (text,) = hints(far, x[:, :3].astype(np.float32))
    assert re.search(r"the first layer sees 1 different patterns in \d+ different samples", text)
    assert "the model compares its inputs with 1000..1000, the samples lie in 0..254" in text
    labels = np.arange(200) % 4
    found = hints(narrow, x, labels, 60)
    assert "an accuracy of 30.00% is near that of guessing (the commonest class has 25.00%)" in found[-1]
    assert "Worth a try: --input uint8, uint8/127.5-1, (uint8/255-MEAN)/STD" in found[-1]
    assert not any("accuracy" in text for text in hints(narrow, x, labels, 150))
    assert not any("accuracy" in text for text in hints(narrow, x[:20], labels[:20], 5))


@pytest.mark.parametrize("command", [("sim",), ("sim", "--engine", "reference"), ("verify", "--no-rtl")])
def test_hints_are_said_on_stderr(digits: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Samples scaled to 0..1 for a model of 0..16: no error, but a word; on the right samples none."""
    with np.load(digits / "digits_test.npz") as data:
        x, y = data["x"][:100], data["true"][:100]
    np.savez(tmp_path / "right.npz", x=x, y=y)
    np.savez(tmp_path / "scaled.npz", x=(x / 16).astype(np.float32), y=y)
    np.savez(tmp_path / "whole.npz", x=np.rint(x).astype(np.uint8), y=y)
    for name, said in (("right", False), ("whole", False), ("scaled", True)):
        result = CliRunner().invoke(
            app, [command[0], str(digits / "digits.onnx"), "--data", str(tmp_path / f"{name}.npz"), *command[1:]]
        )
        assert result.exit_code == 0, result.output
        assert ("note: " in result.stderr) == said, (name, result.stderr)
        assert ("are they scaled as in training?" in result.stderr) == said


def test_every_engine_takes_a_table(digits: Path, tmp_path: Path) -> None:
    with np.load(digits / "digits_test.npz") as data:
        x, y = np.rint(data["x"][:40]).astype(int), data["true"][:40]
    names = ["", *(f"pixel{k}" for k in range(x.shape[1])), "target"]
    rows = [",".join(map(str, [k, *row, label])) for k, (row, label) in enumerate(zip(x, y, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), *rows]))
    outputs = []
    for engine in ("packed", "reference"):
        arguments = ["sim", str(digits / "digits.onnx"), "--data", str(tmp_path / "t.csv"), "--engine", engine]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert "the first column has no name and is left out" in result.stderr
        assert "accuracy: " in result.stdout
        outputs.append(result.stdout)
    assert outputs[0] == outputs[1]
