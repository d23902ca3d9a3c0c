"""The examples' models are what their scripts write, and reach the accuracy that their README states."""

from __future__ import annotations

import importlib.util
import re
import runpy
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import threshc
from threshc.compiler.ir.ops import Sum

pytestmark = pytest.mark.slow


def test_xor_script_writes_the_committed_model(root: Path, tmp_path: Path) -> None:
    shutil.copy(root / "examples/xor/xor.py", tmp_path)
    runpy.run_path(str(tmp_path / "xor.py"))
    assert (tmp_path / "xor.onnx").read_bytes() == (root / "examples/xor/xor.onnx").read_bytes()


def test_digits_labels_equal_onnxruntime(digits: Path) -> None:
    ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    data = np.load(digits / "digits_test.npz")
    (scores,) = ort.InferenceSession(digits / "digits.onnx").run(None, {"pixels": data["x"]})
    result = threshc.simulate(threshc.load(digits / "digits.onnx"), data["x"])
    np.testing.assert_array_equal(result.labels, scores.argmax(axis=1))
    assert (result.labels == data["true"]).sum() == 430
    assert "430 of 450" in (digits / "README.md").read_text()


def test_digits_data_is_the_split_of_the_script(digits: Path) -> None:
    """The training data is never in the test data, whatever scikit-learn is installed."""
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    script = runpy.run_path(str(digits / "train.py"))
    x_train, x_test, _, y_test = script["data"]()
    data = np.load(digits / "digits_test.npz")
    np.testing.assert_array_equal(data["x"], x_test)
    np.testing.assert_array_equal(data["true"], y_test)
    assert len(x_train) == 1347


def test_digits_export_is_ternary_standard_onnx(digits: Path, tmp_path: Path) -> None:
    """The script's own forward pass, its exported file and the compiled network agree for any weights."""
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    script = runpy.run_path(str(digits / "train.py"))
    rng = np.random.default_rng(3)
    sizes = script["SIZES"]
    weights = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in pairwise(sizes)]
    biases = [rng.normal(size=n).astype(np.float32) for n in sizes[1:]]
    biases[-1] = np.rint(biases[-1] * script["SCALES"][-1]) / script["SCALES"][-1]
    script["export"](weights, biases, tmp_path / "m.onnx")
    assert {op.domain for op in onnx.load(tmp_path / "m.onnx").opset_import} == {""}
    x = np.load(digits / "digits_test.npz")["x"]
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), x).labels
    np.testing.assert_array_equal(labels, script["forward"](weights, biases, x)[1][-1].argmax(axis=1))


def test_convex_example_is_what_its_readme_says(root: Path) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    folder = root / "examples/convex"
    _, x_test, _, y_test = runpy.run_path(str(folder / "train.py"))["data"]()
    labels = threshc.simulate(threshc.load(folder / "breast.onnx"), x_test.astype(np.float32)).labels
    assert (labels == y_test).sum() == 134
    assert "134 of 143" in (folder / "README.md").read_text()


def test_rvscgd_example_is_what_its_readme_says(root: Path) -> None:
    pytest.importorskip("torch", reason="needs torch")
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    folder = root / "examples/rvscgd"
    _, x_test, _, y_test = runpy.run_path(str(folder / "train.py"))["data"]()
    network = threshc.load(folder / "digits.onnx")
    assert (threshc.simulate(network, x_test.astype(np.float32)).labels == y_test).sum() == 428
    assert "428 of 450" in (folder / "README.md").read_text()


def test_mnist_example_is_what_its_readme_says(root: Path) -> None:
    folder = root / "examples/mnist"
    data = np.load(folder / "mnist_test.npz")
    network = threshc.load(folder / "mnist.onnx.gz")
    assert (threshc.simulate(network, data["x"]).labels == data["true"]).sum() == 289
    assert "289 of 300" in (folder / "README.md").read_text()


def test_neurons_of_the_mnist_example_are_tables(root: Path) -> None:
    network = threshc.load(root / "examples/mnist/mnist.onnx.gz")
    layers = [op.weights for op in network.ops if isinstance(op, Sum)]
    assert [int((w != 0).sum(axis=1).max()) for w in layers[:2]] == [6, 6]


def test_folded_mnist_example_is_what_its_readme_says(root: Path) -> None:
    """Its images' labels, and its plan, which takes more block RAM bits than weights that any unrolled circuit has."""
    folder = root / "examples/mnist_folded"
    data = np.load(folder / "mnist_folded_test.npz")
    network = threshc.load(folder / "mnist_folded.onnx.gz")
    right = int((threshc.simulate(network, data["x"]).labels == data["true"]).sum())
    readme = (folder / "README.md").read_text()
    assert f"{right} of {len(data['true'])}" in readme
    assert re.search(r"fold ([\dx:a-z,@]+)", readme)[1] == _folded(folder)["FOLD"]  # type: ignore[index]


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_folded_mnist_example_in_rtl(root: Path, simulator: str) -> None:
    """The folded circuit's Verilog gives the packed simulator's labels and hidden bits, over shipped images."""
    from threshc.sim import rtl

    missing = rtl.available()[simulator]  # type: ignore[index]
    if missing:
        pytest.skip(missing)
    folder = root / "examples/mnist_folded"
    data = np.load(folder / "mnist_folded_test.npz")
    count = 300 if simulator == "verilator" else 5
    report = threshc.verify(
        folder / "mnist_folded.onnx.gz",
        data["x"][:count],
        fold=_folded(folder)["FOLD"],
        simulator=simulator,
        rtl_samples=count,
    )
    assert report.ok
    assert any(c.name == "reference = RTL" and c.samples >= count for c in report.checks)


def test_folded_mnist_script_exports_what_it_trained(root: Path, tmp_path: Path) -> None:
    """The script's network of signs in floats and the exported one in integers give the same scores' order."""
    torch = pytest.importorskip("torch", reason="needs torch")
    script = _folded(root / "examples/mnist_folded")
    torch.manual_seed(3)
    network = script["Signs"]()
    bits = torch.rand(400, script["WIDTHS"][0]) < 0.3
    network(bits)  # moves the means and variances
    with torch.no_grad():
        network.bias.copy_(torch.randint(-4, 5, (10,)) * 2 / script["WIDTHS"][-2] ** 0.5)
        network.eval()
        scores = network(bits).double().numpy()
    script["export"](network, tmp_path / "m.onnx")
    result = threshc.simulate(threshc.load(tmp_path / "m.onnx"), (bits.numpy() * 255).astype(np.uint8))
    least = np.sort(scores, axis=1)[:, -1:] - 1e-4
    assert all(row[label] >= limit for row, label, limit in zip(scores, result.labels, least[:, 0], strict=True))


def _folded(folder: Path) -> dict[str, Any]:
    """The names of its script; without PyTorch, what its text says of FOLD."""
    text = (folder / "train.py").read_text()
    if importlib.util.find_spec("torch") is None:
        return {"FOLD": re.search(r'^FOLD = "(.+)"$', text, re.MULTILINE)[1]}  # type: ignore[index]
    sys.path.insert(0, str(folder))
    try:
        return runpy.run_path(str(folder / "train.py"))
    finally:
        sys.path.remove(str(folder))
