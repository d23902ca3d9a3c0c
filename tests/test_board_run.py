"""`threshc run`: from an output folder through the simulated board and back to classes."""

from __future__ import annotations

from pathlib import Path

import boards
import numpy as np
import pytest

import threshc
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.tasks.run import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example, compiled with scores."""
    out = tmp_path_factory.mktemp("board") / "out"
    options = {"scores": True, "samples": 2, "simulator": "amaranth", "pipeline": "none"}
    threshc.compile(root / "examples/digits/digits.onnx", out, **options)  # type: ignore[arg-type]
    return out


@pytest.fixture
def port(folder: Path) -> boards.SimulatedPort:
    """A board that holds that circuit, with other neurons and registers than the host assumes."""
    return boards.SimulatedPort(
        build_design(threshc.load(folder), CircuitOptions(scores=True, pipeline=8, neuron="compressor"))
    )


def test_classes_and_scores_come_back(folder: Path, port: boards.SimulatedPort, digits: Path) -> None:
    x = np.load(digits / "digits_test.npz")["x"][:3]
    told: list[str] = []
    got = run(folder, port, x, progress=told.append)
    want = threshc.simulate(threshc.load(folder), x)
    np.testing.assert_array_equal(got.labels, want.labels)
    np.testing.assert_array_equal(got.scores, want.scores)
    assert told[-1] == "3 of 3 samples answered"


def test_the_model_itself_serves_as_well(port: boards.SimulatedPort, digits: Path) -> None:
    data = np.load(digits / "digits_test.npz")
    got = run(digits / "digits.onnx", port, data["x"][:2], scores=True)
    want = threshc.simulate(threshc.load(digits / "digits.onnx"), data["x"][:2])
    np.testing.assert_array_equal(got.labels, want.labels)


def test_another_network_is_refused(port: boards.SimulatedPort, root: Path) -> None:
    with pytest.raises(threshc.CompileError, match="the board runs another network"):
        run(root / "examples/xor/xor.onnx", port, np.zeros((1, 2), int), input="bit")
