"""Integers for models that compare real features, shapes against types, and the hints of `sim` and `verify`."""

from __future__ import annotations

import inspect
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
from threshc.compiler.ir.storage import save
from threshc.sim.hints import hints
from threshc.sim.inputs import encode


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
        ([0.25, 0.5], "input='uint8/255' (or as in training: (uint8/255-MEAN)/STD) for pixels"),
        ([0.5, 0, 1], "input='uint8' for the numbers themselves"),
        ([-0.4, 0.3], "input='uint8/255'"),
        ([33.25, 7], "input='uint8' if the integers are the features themselves"),
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


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((200, 65), "one column too many: table='target=NAME' if it holds the labels, else table='drop=NAME'"),
        ((64,), "a first axis for the one sample: x[None]"),
        ((8, 8), "a first axis for the one sample: x[None]"),
        ((5, 9), "samples of 64 features each; `threshc show MODEL` prints what the model reads"),
    ],
)
@pytest.mark.parametrize("encoding", ["uint8/255", None])
def test_a_wrong_shape_says_what_to_try(shape: tuple[int, ...], hint: str, encoding: str | None) -> None:
    dense = networks.random_dense(np.random.default_rng(0), (64, 4, 3), "pm1", "uint8/255", "class")
    network = dense if encoding else stepped([7.5] * 64, 64)
    with pytest.raises(CompileError, match="samples have shape") as caught:
        encode(network, np.zeros(shape, np.float32))
    assert caught.value.diagnostics[0].hint == hint


def test_floats_computed_in_float64_are_told_the_nearest_integer() -> None:
    pixels = np.arange(256)[None]
    network = networks.random_dense(np.random.default_rng(0), (256, 4, 3), "pm1", "(uint8/255-0.1307)/0.3081", "class")
    as_trained = (pixels.astype(np.float32) / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)
    np.testing.assert_array_equal(encode(network, as_trained), pixels)
    with pytest.raises(CompileError) as caught:
        encode(network, (pixels / 255 - 0.1307) / 0.3081)
    found = caught.value.diagnostics[0]
    at = re.match(r"sample 0, feature (\d+) is ", found.what)
    assert at is not None
    k = int(at[1])
    assert found.why.endswith(f"; nearest is {k} = {as_trained[0, k]}")
    assert found.hint == "compute (uint8/255-0.1307)/0.3081 in float32, in this order, or pass the integers"
    with pytest.raises(CompileError, match=r"nearest is \d+ = [\d.]+\n  try: pass the integers themselves"):
        encode(network, np.full((1, 256), 0.5))


def test_hints_of_patterns_and_of_accuracy() -> None:
    r = np.random.default_rng(0)
    x = r.integers(0, 256, (200, 6), np.uint8)
    narrow = networks.random_dense(r, (6, 4, 4), "pm1", "uint8/255", "class")
    assert not any("different patterns" in text for text in hints(narrow, x[:20]))
    far = stepped([1000.0] * 12)
    (text,) = hints(far, x[:, :3].astype(np.float32))
    assert re.search(r"the first layer sees 1 different patterns in \d+ different samples", text)
    assert "the model compares its inputs with 1000..1000, the samples lie in 0..254" in text
    labels = np.arange(200) % 4
    found = hints(narrow, x, labels, 60)
    assert "an accuracy of 30.00% is near that of guessing (the commonest class has 25.00%)" in found[-1]
    assert "Worth a try: input='uint8', uint8/127.5-1, (uint8/255-MEAN)/STD" in found[-1]
    assert not any("accuracy" in text for text in hints(narrow, x, labels, 150))
    assert not any("accuracy" in text for text in hints(narrow, x[:20], labels[:20], 5))


_APART = pytest.mark.skipif(
    "mix_stderr" in inspect.signature(CliRunner.__init__).parameters, reason="needs a Click that keeps stderr apart"
)


@_APART
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


@_APART
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


def shaped(model_shape: tuple[int, ...], kind: str = "affine") -> Network:
    size = int(np.prod(model_shape))
    encoding = "step" if kind == "step" else "uint8"
    network = networks.random_dense(np.random.default_rng(0), (size, 5, 3), "pm1", encoding, "class")
    op = replace(network.input, model_shape=model_shape)
    if kind == "step":
        op = replace(op, encoding=Step(size, np.arange(size), np.full(size, 0.5, np.float32)))
    return Network("shaped", (op, *network.ops[1:]), network.outputs)


@pytest.mark.parametrize("kind", ["affine", "step"])
@pytest.mark.parametrize(
    ("model", "samples"),
    [
        ((3, 4, 5), (3, 4, 5)),
        ((3, 4, 5), (60,)),
        ((3, 4, 5), (60, 1, 1)),
        ((1, 4, 5), (4, 5)),
        ((1, 4, 5), (4, 5, 1)),
        ((20,), (4, 5)),  # grey images, row by row: idx files and folders for a model without convolutions
        ((20,), (1, 4, 5)),
        ((1, 20), (20,)),
        ((1,), (1, 1)),
    ],
)
def test_layouts_that_can_be_meant(model: tuple[int, ...], samples: tuple[int, ...], kind: str) -> None:
    network = shaped(model, kind)
    x = np.random.default_rng(1).integers(0, 2, (7, int(np.prod(model)))).astype(np.float32)
    want = threshc.simulate(network, x, engine="reference").labels
    for engine in ("packed", "reference"):
        found = threshc.simulate(network, x.reshape(7, *samples), engine=engine)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.labels, want)
    assert len(threshc.simulate(network, np.zeros((0, *samples), np.float32)).values[0]) == 0


@pytest.mark.parametrize("kind", ["affine", "step"])
@pytest.mark.parametrize(
    ("model", "samples", "said"),
    [
        ((3, 8, 8), (8, 8, 3), "try: x.transpose(0, 3, 1, 2)"),
        ((3, 4, 5), (4, 5, 3), "try: x.transpose(0, 3, 1, 2)"),
        ((4, 5, 3), (3, 4, 5), "try: x.transpose(0, 2, 3, 1)"),
        ((1, 4, 5), (5, 4), "try: x.transpose(0, 2, 1)"),
        ((4, 5), (1, 5, 4), "try: x.transpose(0, 1, 3, 2)"),
        ((3, 4, 5), (12, 5), "try: x.reshape(len(x), 60) if the features are in the model's order"),
        ((60,), (3, 4, 5), "try: x.reshape(len(x), 60) if the features are in the model's order"),
        ((1, 60), (4, 5, 3), "try: x.reshape(len(x), 60) if the features are in the model's order"),
    ],
)
def test_other_layouts_are_refused(model: tuple[int, ...], samples: tuple[int, ...], said: str, kind: str) -> None:
    network = shaped(model, kind)
    x = np.zeros((2, *samples), np.float32)
    shape = re.escape(str(x.shape))
    for engine in ("packed", "reference"):
        with pytest.raises(CompileError, match=rf"samples have shape {shape}, \(N, \d+\).* is needed") as caught:
            threshc.simulate(network, x, engine=engine)  # type: ignore[arg-type]
        assert said in str(caught.value)
        assert "in another layout: their order would not be the model's" in str(caught.value)
    hint = re.search(r"try: (x\.transpose\(.*\))", str(caught.value))
    if hint:
        turned = eval(hint[1], {"x": x})  # what is advised is taken
        assert threshc.simulate(network, turned).labels is not None


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    save(shaped((3, 4, 5)), tmp_path / "m.thresh")
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 5, 3), np.uint8))
    line = ["sim", str(tmp_path / "m.thresh"), "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "y.npy")]
    for engine in ("packed", "reference", "rtl"):
        result = CliRunner().invoke(app, [*line, "--engine", engine])
        assert result.exit_code == 1
        assert "x.transpose(0, 3, 1, 2)" in str(result.exception)
    assert not (tmp_path / "y.npy").exists()


def _counting(first: int) -> Network:
    network = shaped((6,))
    outputs = tuple(replace(o, offset=np.array(float(first))) if o.kind == "class" else o for o in network.outputs)
    return Network("counting", network.ops, outputs)


@pytest.mark.parametrize(
    ("first", "labels", "said"),
    [
        (0, [0, 2], None),
        (0, [1, 3], "labels 1..3, the model's classes are 0..2: 20 of 60 labels are none of them"),
        (0, [-1, 0], "labels -1..0, the model's classes are 0..2"),
        (1, [1, 3], None),
        (1, [0, 2], "labels 0..2, the model's classes are 1..3"),
    ],
)
def test_labels_beyond_the_classes_are_noted(first: int, labels: list[int], said: str | None) -> None:
    network = _counting(first)
    lo, hi = labels
    y = np.arange(60) % 3 + lo if hi - lo == 2 else np.arange(60) % 2 + lo
    found = hints(network, np.zeros((60, 6), np.uint8), y, 0)
    assert any("labels " in text for text in found) == (said is not None)
    if said is None:
        assert "near that of guessing" in found[-1]
    else:
        assert said in found[-1]
        assert not any("input=" in text for text in found)


@_APART
def test_strange_labels_are_noted_by_the_command(tmp_path: Path) -> None:
    save(shaped((6,)), tmp_path / "m.thresh")
    np.save(tmp_path / "x.npy", np.zeros((4, 6), np.uint8))
    np.save(tmp_path / "y.npy", np.array([1, 2, 3, 1]))
    line = ["sim", str(tmp_path / "m.thresh"), "--data", str(tmp_path / "x.npy"), "--labels", str(tmp_path / "y.npy")]
    for engine in ("packed", "reference"):
        result = CliRunner().invoke(app, [*line, "--engine", engine], catch_exceptions=False)
        assert "labels 1..3, the model's classes are 0..2: 1 of 4 labels" in result.stderr.replace("\n", " ")
