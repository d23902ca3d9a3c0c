"""What users see when something is wrong: one clear error, the right exit code, no traceback, nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, load, numpy_helper, save

pytestmark = pytest.mark.slow


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The installed command line in its own process."""
    command = [sys.executable, "-W", "error", "-m", "threshc.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def bad_model(folder: Path, kind: str) -> Path:
    """A file that is not a threshold network."""
    path = folder / f"{kind}.onnx"
    good = Path(__file__).parent.parent / "examples/xor/xor.onnx"
    match kind:
        case "truncated":
            path.write_bytes(good.read_bytes()[:200])
        case "text":
            path.write_text("this is not a model")
        case "nan":
            model = load(good)
            ones = next(t for t in model.graph.initializer if t.name == "ones")
            ones.CopyFrom(numpy_helper.from_array(np.array([[1, np.nan], [1, 1]], np.float32), "ones"))
            save(model, path)
        case "empty":
            graph = helper.make_graph([], "empty", [], [])
            save(helper.make_model(graph, ir_version=8), path)
        case "relu":
            x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
            y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
            w = numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")
            nodes = [
                helper.make_node("MatMul", ["x", "w"], ["s"]),
                helper.make_node("Relu", ["s"], ["r"]),
                helper.make_node("MatMul", ["r", "w"], ["y"]),
            ]
            opset = [helper.make_opsetid("", 17)]
            graph = helper.make_graph(nodes, "relu", [x], [y], [w])
            save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.mark.parametrize("kind", ["truncated", "text", "nan", "empty", "relu", "missing"])
def test_bad_models_fail_with_one_clear_error(tmp_path: Path, kind: str) -> None:
    done = run("compile", bad_model(tmp_path, kind), "-o", tmp_path / "made" / "out", "--input", "bit")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "made").exists()


def test_an_error_says_what_where_why_and_what_to_try(root: Path) -> None:
    done = run("show", root / "examples/xor/xor.onnx")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "  where", "  why", "  try"]
    assert "--input" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("compile",),
        ("compile", "m.onnx", "-o", "out", "--samples", "0"),
        ("build", "m.onnx", "-o", "out"),
        ("build", "m.onnx", "-o", "out", "--target", "icebreaker", "--device", "up5k-sg48"),
        ("sim", "m.onnx"),
        ("run", "m.onnx", "--data", "x.npy"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "icebraker"), "did you mean 'icebreaker'?"),
        (("--target", "icebreaker", "--neuron", "magic"), "no neuron architecture 'magic'"),
        (("--target", "icebreaker", "--pipeline", "fast"), "pipeline 'fast' is not understood"),
        (("--target", "icebreaker", "--print-ir-after", "Magic"), "there is no pass 'Magic'"),
        (("--target", "icebreaker", "--input", "furlong"), "input encoding 'furlong' is not understood"),
    ],
)
def test_wrong_choices_are_named(root: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    done = run("build", root / "examples/xor/xor.onnx", "-o", tmp_path / "out", "--input", "bit", *options)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_foreign_folders_are_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    done = run("compile", root / "examples/xor/xor.onnx", "-o", tmp_path, "--input", "bit")
    assert done.returncode == 1
    assert "thesis.tex" in done.stderr
    assert "--force" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_samples_and_labels_must_fit(digits: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.zeros(3, int))
    np.save(tmp_path / "x.npy", np.zeros((3, 5), np.float32))
    data = digits / "digits_test.npz"
    done = run("sim", digits / "digits.onnx", "--data", data, "--labels", tmp_path / "y.npy")
    assert done.returncode == 1
    assert "there are 450 samples and 3 labels" in done.stderr
    done = run("sim", digits / "digits.onnx", "--data", tmp_path / "x.npy")
    assert done.returncode == 1
    assert "samples have shape (3, 5)" in done.stderr


def test_a_port_that_is_not_there(digits: Path) -> None:
    done = run("run", digits / "digits.onnx", "--port", "/dev/no-such-port", "--data", digits / "digits_test.npz")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_names_from_models_are_plain_text(root: Path, tmp_path: Path) -> None:
    """Markup and control characters in a model's names neither act nor break the message."""
    model = load(root / "examples/xor/xor.onnx")
    model.graph.node[0].name = "[bold red]\x1b[31m[/]evil"
    save(model, tmp_path / "evil.onnx")
    done = run("show", tmp_path / "evil.onnx")
    assert done.returncode == 1
    assert "[bold red]" in done.stderr
    assert "\x1b" not in done.stderr
