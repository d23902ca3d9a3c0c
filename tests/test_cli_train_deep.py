"""`threshc train ftprop` and `ste`: tables, images and idx files to a model; what they say of wrong arguments."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("sklearn", reason="needs scikit-learn")

ROWS = ["size,weight,class", *(f"{k}.5,{(7 * k) % 11},{'large' if k > 9 else 'small'}" for k in range(20))]


def run(*arguments: object) -> Result:
    """The command; its CompileError, if any, is the result's exception."""
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def table(path: Path) -> Path:
    path.write_text("\n".join(ROWS) + "\n")
    return path


def idx(path: Path, array: np.ndarray) -> Path:
    """A zipped idx file of bytes, as MNIST's."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    return path


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x.reshape(-1, 8, 8).astype(np.uint8), y


def test_ftprop_of_a_table(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    arguments = "ftprop", "--data", table(tmp_path / "t.csv"), "-o", tmp_path / "m.onnx", "--hidden", "8,6"
    more = "--epochs", 6, "--batch", 8, "--quantize-from", 0.5, "--plot", tmp_path / "c.png", "--test", 0.25
    result = run(*arguments, *more, "--validation", 0.2, "--checkpoint", tmp_path / "run.pt")
    assert result.exit_code == 0, result.output
    for figure in ("loss of the last epoch", "accuracy, held back", "accuracy lost by rounding", "neurons", "LUT6"):
        assert figure in result.stdout
    assert "20 of 20" in result.stdout
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "m.onnx", "run.pt", "t.csv"]
    model = (tmp_path / "m.onnx").read_bytes()
    assert run(*arguments, *more, "--validation", 0.2, "--checkpoint", tmp_path / "run.pt").exit_code == 0
    assert (tmp_path / "m.onnx").read_bytes() == model  # from the checkpoint, without training
    again = run(*arguments, *more, "--seed", 1, "--checkpoint", tmp_path / "run.pt")
    assert str(again.exception).startswith("the checkpoint belongs to another training")


def test_images_from_idx_files(tmp_path: Path) -> None:
    x, y = digits()
    parts = {"train": slice(0, 1200), "test": slice(1200, None)}
    files = {
        name: (idx(tmp_path / f"{name}-x.gz", x[p]), idx(tmp_path / f"{name}-y.gz", y[p])) for name, p in parts.items()
    }
    arguments = "--data", files["train"][0], "--labels", files["train"][1], "-o", tmp_path / "m.onnx", "--epochs", 2
    held = "--test-data", files["test"][0], "--test-labels", files["test"][1], "--hidden", "conv3k3-pool2-fc12"
    result = run("ste", *arguments, *held)
    assert result.exit_code == 0, result.output
    assert "accuracy, test samples" in result.stdout
    assert "597 of 597" in result.stdout
    assert {op.op_type for op in onnx.load(tmp_path / "m.onnx").graph.node} >= {"Conv", "MaxPool"}
    result = run("ftprop", *arguments, "--hidden", "12", "--weights", "ternary")
    assert result.exit_code == 0, result.output
    assert "1,200 of 1,200" in result.stdout
    assert "Conv" not in {op.op_type for op in onnx.load(tmp_path / "m.onnx").graph.node}


def test_flat_images_by_their_shape(tmp_path: Path) -> None:
    x, y = digits()
    np.savez(tmp_path / "d.npz", x=x[:300].reshape(300, 64), y=y[:300])
    arguments = "ftprop", "--data", tmp_path / "d.npz", "-o", tmp_path / "m.onnx", "--hidden", "conv2k5s2-fc8"
    result = run(*arguments, "--image", "8x8", "--epochs", 1)
    assert result.exit_code == 0, result.output
    assert "300 of 300" in result.stdout
    for option, message in (("8by8", "'8by8' is not a shape of images"), ("7x8", "are not images of shape (7, 8)")):
        assert message in str(run(*arguments, "--image", option).exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "lstm"], "'lstm' of hidden='lstm' is not understood there"),
        (["--weights", "int1"], "weights is 'int1'; it must be one of binary, ternary, int3 to int16"),
        (["--loss", "log"], "loss is 'log'; it must be one of soft_hinge, saturated"),
        (["--hidden", "lenet"], "a convolution needs images"),
        (["--patience", "3"], "patience needs validation samples"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = run("ftprop", "--data", table(tmp_path / "t.csv"), "-o", tmp_path / "m.onnx", *arguments)
    assert isinstance(result.exception, CompileError)
    assert str(result.exception).startswith(message)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_a_missing_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import threshc.train

    for module in [name for name in sys.modules if name.startswith("threshc.train.deep")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        CompileError, match='FTPROPClassifier needs PyTorch\n  where: training\n  try: pip install "threshc\\[train\\]"'
    ):
        _ = threshc.train.FTPROPClassifier
