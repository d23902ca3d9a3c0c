"""What a score means: in the order of the model's outputs, or with their differences too where that is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx_models import Model
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.isomorphism import first_difference
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.ir.storage import save
from threshc.compiler.ir.text import to_text


def head(tail: Callable[[Model, str], str], weights: object = None) -> onnx.ModelProto:
    """Six bits, four scores, and what the model does to them."""
    rng = np.random.default_rng(2)
    m = Model(["batch", 6])
    bits = m.op("Cast", m.op("GreaterOrEqual", m.input, m.const(0.0)), to=TensorProto.FLOAT)
    w = rng.integers(-3, 4, (6, 4)) if weights is None else weights
    return m.build(tail(m, m.op("MatMul", bits, m.const(w))))


def plain(m: Model, s: str) -> str:
    return s


def biased(m: Model, s: str) -> str:
    return m.op("Add", m.op("Mul", s, m.const([0.7, 1.3, 0.9, 1.1])), m.const([0.3, -0.21, 1.7, 0.011]))


def squashed(m: Model, s: str) -> str:
    return m.op("Sigmoid", m.op("Mul", s, m.const(0.1)))


X = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)


def reference(model: onnx.ModelProto) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    (found,) = ReferenceEvaluator(model).run(None, {"x": X})
    return np.asarray(found, np.float64)


@pytest.mark.parametrize("tail", [plain, biased])
def test_exact_scores_have_the_models_differences(tail: Callable[[Model, str], str]) -> None:
    model = head(tail)
    network = threshc.load(model, exact_scores=True)
    output = network.output("scores")
    assert output is not None
    assert not output.order_only
    assert len(set(output.scale.ravel())) == 1
    scores = threshc.simulate(network, X).scores
    real, scale = reference(model), float(output.scale.ravel()[0])
    np.testing.assert_allclose((scores - scores[:, :1]) * scale, real - real[:, :1], rtol=0, atol=1e-5)  # type: ignore[index, operator]
    np.testing.assert_array_equal(threshc.simulate(network, X).labels, threshc.simulate(threshc.load(model), X).labels)


def test_scores_of_which_the_order_only_is_kept() -> None:
    output = threshc.load(head(biased)).output("scores")
    assert output is not None
    assert output.order_only
    output = threshc.load(head(plain)).output("scores")
    assert output is not None
    assert not output.order_only


def test_differences_that_cannot_be_kept_are_refused() -> None:
    model = head(squashed)
    output = threshc.load(model).output("scores")
    assert output is not None
    assert output.order_only  # a sigmoid keeps the order of plain sums, not their differences
    with pytest.raises(CompileError, match="the margins of the scores cannot be kept") as caught:
        threshc.load(model, exact_scores=True)
    assert "omit scores='exact' for scores" in str(caught.value)
    assert "Sigmoid" in str(caught.value)


def test_the_mark_is_in_the_text_and_in_files(tmp_path: Path) -> None:
    network = threshc.load(head(biased))
    text, arrays = to_text(network)
    assert re.search(r"^output .* scores scale=.* order$", text, re.MULTILINE)
    back = parse_network(text, arrays)
    assert first_difference(network, back) is None
    other = parse_network(re.sub(" order$", "", text, flags=re.MULTILINE), arrays)
    assert first_difference(network, other) == "output 0, order_only: True and False"
    with pytest.raises(CompileError, match="only scores can have an order and no more"):
        parse_network(re.sub(r"( class .*)$", r"\1 order", text, flags=re.MULTILINE), arrays)
    save(network, tmp_path / "order.thresh")
    with pytest.raises(CompileError, match="the network holds the scores' order, not their margins"):
        threshc.load(tmp_path / "order.thresh", exact_scores=True)
    save(threshc.load(head(biased), exact_scores=True), tmp_path / "exact.thresh")
    assert threshc.load(tmp_path / "exact.thresh", exact_scores=True).output("scores") is not None


@pytest.mark.parametrize(
    ("tail", "words", "said"),
    [
        (plain, [], r"the model's outputs are 1 \* score \+ 0, but for the rounding of floats"),
        (biased, [], r"the order of the scores is the model's; their differences are not"),
        (biased, ["--scores", "exact"], r"the model's outputs are \S+ \* score \+ 0, but for"),
        (squashed, [], r"the order of the scores is the model's; their differences are not"),
    ],
)
def test_show_says_what_a_score_means(
    tmp_path: Path, tail: Callable[[Model, str], str], words: list[str], said: str
) -> None:
    onnx.save(head(tail), tmp_path / "m.onnx")
    result = CliRunner().invoke(app, ["show", str(tmp_path / "m.onnx"), *words])
    assert result.exit_code == 0, result.output
    assert re.search(said, result.stdout.replace("\n", " "))


@pytest.mark.parametrize(("words", "scores"), [([], False), (["--scores"], True), (["--scores", "exact"], True)])
def test_scores_with_a_word_and_without(tmp_path: Path, words: list[str], scores: bool) -> None:
    onnx.save(head(biased), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", X)
    line = [
        "compile",
        str(tmp_path / "m.onnx"),
        "-o",
        str(tmp_path / "out"),
        "--simulator",
        "amaranth",
        "--samples",
        "4",
    ]
    result = CliRunner().invoke(app, [*line, *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    made = threshc.load(tmp_path / "out" / "model.thresh").output("scores")
    assert made is not None
    assert made.order_only == ("exact" not in words)
    assert ("scores" in (tmp_path / "out" / "report.md").read_text()) >= scores
    for engine in ("packed", "reference"):
        sim = ["sim", str(tmp_path / "m.onnx"), "--data", str(tmp_path / "x.npy"), "--engine", engine]
        answer = CliRunner().invoke(app, [*sim, *words], catch_exceptions=False)
        assert answer.exit_code == (2 if words == ["--scores"] else 0), answer.output
        assert ("say --scores exact" in answer.output) == (words == ["--scores"])
    assert CliRunner().invoke(app, [*line, "--scores=all"]).exit_code == 2
