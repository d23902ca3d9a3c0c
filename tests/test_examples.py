"""The examples' models are what their scripts write, and reach the accuracy that their README states."""

from __future__ import annotations

import gzip
import re
import runpy
import shutil
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


@pytest.fixture
def folded(root: Path) -> tuple[Path, Any, str]:
    """Model, test images and folding of examples/mnist_folded."""
    folder = root / "examples/mnist_folded"
    fold = re.search(r"mnist_folded\.onnx\.gz .*--fold (\S+)", (folder / "README.md").read_text())
    assert fold
    return folder / "mnist_folded.onnx.gz", np.load(folder / "mnist_folded_test.npz"), fold[1]


def test_folded_mnist_example_is_what_its_readme_says(folded: tuple[Path, Any, str]) -> None:
    model, data, _ = folded
    right = int((threshc.simulate(threshc.load(model), data["x"]).labels == data["true"]).sum())
    assert len(data["true"]) == 300
    assert f"{right} of 300" in (model.parent / "README.md").read_text()


def test_folded_mnist_example_on_all_test_images(folded: tuple[Path, Any, str], shared: Path) -> None:
    model, _, _ = folded
    parts = [shared / f"data/mnist/t10k-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
    x, true = (
        np.frombuffer(gzip.decompress(p.read_bytes()), np.uint8, offset=o) for p, o in zip(parts, (16, 8), strict=True)
    )
    right = int((threshc.simulate(threshc.load(model), x.reshape(-1, 784)).labels == true).sum())
    assert right == 9_795
    assert f"{right / 100:.2f} %" in (model.parent / "README.md").read_text()


def test_folded_mnist_example_in_rtl(folded: tuple[Path, Any, str]) -> None:
    """The folded circuit's Verilog gives the packed simulator's labels and hidden bits of images that are shipped."""
    from threshc.sim import rtl

    missing = rtl.available()["verilator"]
    if missing:
        pytest.skip(missing)
    model, data, fold = folded
    report = threshc.verify(model, data["x"][:40], fold=fold, simulator="verilator", rtl_samples=40)
    assert report.ok
    (check,) = [c for c in report.checks if c.name == "reference = RTL"]
    assert check.equal
    assert (check.samples, check.bits) == (40, 40 * (784 + 3 * 256))


def test_folded_mnist_plan_fits_its_chip(folded: tuple[Path, Any, str]) -> None:
    """The plan that the page names is as fast as the fastest one whose PE and SIMD divide, and fits the board; the
    fastest of all is a little faster."""
    from threshc.tasks.plan import plan

    model, _, fold = folded
    assert f"FOLD := {fold}\n" in (model.parents[2] / "Makefile").read_text()
    made, fastest = (plan(model, target="icebreaker", fold=asked).plan for asked in (fold, "auto"))
    assert (made.interval, fastest.interval) == (7_168, 6_272)
    assert made.sprams == fastest.sprams == 4
    assert max(made.brams, fastest.brams) <= 30


def test_folded_mnist_script_exports_what_it_trained(
    folded: tuple[Path, Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script's network of signs in floats and the exported one in integers give the same largest scores."""
    torch = pytest.importorskip("torch", reason="needs torch")
    folder = folded[0].parent
    monkeypatch.syspath_prepend(str(folder))
    script = runpy.run_path(str(folder / "train.py"))
    torch.manual_seed(3)
    network = script["Signs"]((40, 30, 16, 10))
    bits = torch.rand(400, 40) < 0.3
    network(bits)  # moves the means and variances
    with torch.no_grad():
        network.bias.copy_(torch.randint(-4, 5, (10,)) * 2 / 16**0.5)
        network.eval()
        scores = network(bits).double().numpy()
    script["export"](network, tmp_path / "m.onnx")
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), (bits.numpy() * 255).astype(np.uint8)).labels
    assert (scores[np.arange(400), labels] >= scores.max(axis=1) - 1e-4).all()
