"""`threshc train rvscgd`: one network, and the sparsity path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("torch", reason="needs torch")

from trained import bundled

pytestmark = pytest.mark.slow

FAST = ["--network", "24", "--epochs", "4", "--batch", "32", "--test", "0.25"]


def run(*arguments: object) -> Result:
    """The command; its CompileError, if any, is the result's exception."""
    return CliRunner().invoke(app, ["train", "rvscgd", *map(str, arguments)])


@pytest.fixture(scope="module")
def digits_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x, y = bundled("digits")
    file = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(file, x=x.astype(np.uint8), y=y)
    return file


def test_one_network(digits_file: Path, tmp_path: Path) -> None:
    result = run("--data", digits_file, "-o", tmp_path / "m.onnx", *FAST, "--refit", 1, "--lam", 1e-4)
    assert result.exit_code == 0, result.output
    for figure in ("accuracy, held back", "weights that are 0", "accuracy lost by rounding", "labels equal to predict"):
        assert figure in result.stdout
    network = threshc.load(tmp_path / "m.onnx")
    x, y = bundled("digits")
    assert (threshc.simulate(network, x.astype(np.int64)).labels == y).mean() > 0.8


def test_the_path_writes_the_sparsest_network_that_is_good_enough(digits_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    options = ["--path", "1e-5,1e-4,1", "--lose", 30, "--plot", tmp_path / "p.svg"]
    result = run("--data", digits_file, "-o", tmp_path / "m.onnx", *FAST, *options)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines() if line.split()[:1] in (["1e-05"], ["0.0001"], ["1"])]
    assert [row[-1] == "yes" for row in rows] == [False, True, False]
    shares = [float(row[1].rstrip("%")) for row in rows]
    assert shares == sorted(shares)
    assert "<svg" in (tmp_path / "p.svg").read_text()
    assert threshc.load(tmp_path / "m.onnx")


def test_wrong_options_are_named(digits_file: Path, tmp_path: Path) -> None:
    for options, message in (
        (["--path", "1e-5,x"], "'1e-5,x' is not a list of numbers above 0\n  where: --path"),
        (["--path", "0"], "'0' is not a list of numbers above 0"),
        (["--penalty", "l2"], "penalty is 'l2'; it must be one of l0, l1, tl1"),
        (["--penalty", "l2", "--path", "1e-5"], "penalty is 'l2'"),
        (["--network", "conv"], "'conv' of hidden='conv' is not understood"),
    ):
        result = run("--data", digits_file, "-o", tmp_path / "m.onnx", *options)
        assert isinstance(result.exception, CompileError)
        assert str(result.exception).startswith(message)
    assert not list(tmp_path.iterdir())
