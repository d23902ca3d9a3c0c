"""Models whose batch is open keep the samples apart, or are refused by name; with a batch of 1 nothing can be mixed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_models import Model
from patterns import pm1

import threshc
from threshc.compiler.diagnostics import CompileError

RNG = np.random.default_rng(2)
REFUSED = r"mixes the samples of a batch|does not compare all scores of a sample|the first axis holds the samples"
Step = Callable[[Model, str], str]


def i64(m: Model, *values: int) -> str:
    return m.const(values, np.int64)


def model(batch: int | str, end: Step) -> onnx.ModelProto:
    """+-1 of six features, a layer of four neurons, and what stands under test."""
    m = Model([batch, 6], opset=18)
    x = m.op("MatMul", step(m, m.input), m.const(pm1(RNG, 6, 4)))
    return m.build(end(m, step(m, x)))


def step(m: Model, x: str) -> str:
    return m.op("Where", m.op("GreaterOrEqual", x, m.const(0.0)), m.const(1.0), m.const(-1.0))


def scores(m: Model, x: str, outputs: int = 4) -> str:
    return m.op("MatMul", x, m.const(pm1(RNG, 4, outputs)))


def turned(m: Model, x: str) -> str:
    """The scores or bits of all samples, class by class, cut into rows of four: samples are mixed."""
    return m.op("Reshape", m.op("Transpose", x, perm=[1, 0]), i64(m, -1, 4))


def rows(m: Model, x: str, *shape: int) -> str:
    return m.op("Reshape", x, i64(m, *shape))


MIXED: dict[str, Step] = {
    "transposed, reshaped, ArgMax": lambda m, x: m.op("ArgMax", turned(m, scores(m, x)), axis=1, keepdims=0),
    "transposed, reshaped": turned,
    "transposed": lambda m, x: m.op("Transpose", x, perm=[1, 0]),
    "folded into the features, ArgMax": lambda m, x: m.op("ArgMax", rows(m, scores(m, x), 1, -1), axis=1),
    "flattened from axis 0, ArgMax": lambda m, x: m.op("ArgMax", m.op("Flatten", scores(m, x), axis=0), axis=1),
    "ArgMax over axis 0": lambda m, x: m.op("ArgMax", m.op("Add", scores(m, x), m.const(0.5)), axis=0),
    "Softmax over axis 0": lambda m, x: m.op("Softmax", scores(m, x), axis=0),
    "sum over axis 0": lambda m, x: scores(m, m.op("ReduceSum", x, i64(m, 0))),
    "mean over axis 0": lambda m, x: scores(m, m.op("ReduceMean", x, i64(m, 0))),
    "Concat on axis 0": lambda m, x: rows(m, m.op("Concat", x, x, axis=0), -1, 8),
    "the first sample by Slice": lambda m, x: scores(m, m.op("Slice", x, i64(m, 0), i64(m, 1), i64(m, 0))),
    "the first sample by Gather": lambda m, x: scores(m, m.op("Gather", x, i64(m, 0), axis=0)),
    "the last sample by Gather": lambda m, x: scores(m, m.op("Gather", x, i64(m, -1), axis=0)),
    "samples reversed": lambda m, x: scores(m, m.op("Slice", x, i64(m, -1), i64(m, -99), i64(m, 0), i64(m, -1))),
    "samples repeated": lambda m, x: m.op("ArgMax", rows(m, m.op("Tile", scores(m, x), i64(m, 2, 1)), -1, 8), axis=1),
    "TopK over axis 0": lambda m, x: m.op("TopK", scores(m, x), i64(m, 1), outputs=2, axis=0),
    "a layer of mixed rows": lambda m, x: scores(m, turned(m, x)),
    "a step of mixed rows": lambda m, x: scores(m, step(m, m.op("Mul", turned(m, x), m.const(0.5)))),
    "channels made of samples": lambda m, x: scores(
        m, rows(m, m.op("Transpose", rows(m, x, -1, 2, 2), perm=[1, 0, 2]), -1, 4)
    ),
}

LOADED = [n for n in MIXED if "over axis 0" not in n]
"""The others are refused whatever the batch."""

APART: dict[str, Step] = {
    "plain": scores,
    "reshaped to -1": lambda m, x: scores(m, m.op("Reshape", x, i64(m, -1, 4))),
    "flat and back": lambda m, x: scores(m, m.op("Reshape", m.op("Reshape", x, i64(m, -1)), i64(m, -1, 4))),
    "flat, negated and back": lambda m, x: scores(
        m, m.op("Reshape", m.op("Neg", m.op("Reshape", x, i64(m, -1))), i64(m, -1, 4))
    ),
    "transposed twice": lambda m, x: scores(
        m, m.op("Transpose", m.op("Neg", m.op("Transpose", x, perm=[1, 0])), perm=[1, 0])
    ),
    "ArgMax over -1": lambda m, x: m.op("ArgMax", scores(m, x), axis=-1),
    "channels": lambda m, x: m.op("Reshape", m.op("GlobalMaxPool", m.op("Reshape", x, i64(m, 0, 2, 2))), i64(m, 0, 2)),
    "samples unsqueezed": lambda m, x: m.op("Squeeze", m.op("Unsqueeze", scores(m, x), i64(m, 0)), i64(m, 0)),
    "each row a product": lambda m, x: step(
        m, m.op("MatMul", m.op("Reshape", x, i64(m, -1, 2, 2)), m.const(pm1(RNG, 2, 1)))
    ),
    "rows of all samples, a product": lambda m, x: m.op(
        "Reshape", step(m, m.op("MatMul", m.op("Reshape", x, i64(m, -1, 2)), m.const(pm1(RNG, 2, 1)))), i64(m, -1, 2)
    ),
    "a Reshape to one sample before a layer": lambda m, x: scores(m, m.op("Reshape", x, i64(m, 1, -1))),
    "size read from the tensor": lambda m, x: scores(
        m, m.op("Reshape", x, m.op("Concat", m.op("Gather", m.op("Shape", x), i64(m, 0), axis=0), i64(m, -1), axis=0))
    ),
}


def mixes(made: onnx.ModelProto) -> bool:
    """What onnx's reference evaluator says of it, with four samples together and one by one."""
    x = np.random.default_rng(1).normal(size=(8, 6)).astype(np.float32)
    run = ReferenceEvaluator(made)
    try:
        together: np.ndarray = run.run(None, {"x": x})[0]  # type: ignore[index,assignment]
    except Exception:
        return False
    apart: list[np.ndarray] = [run.run(None, {"x": x[k : k + 1]})[0] for k in range(8)]  # type: ignore[index,misc]
    return not (
        together.size == 8 * apart[0].size and (together.ravel() == np.concatenate([a.ravel() for a in apart])).all()
    )


@pytest.mark.parametrize("name", MIXED)
def test_samples_that_are_mixed_are_refused(name: str) -> None:
    made = model("N", MIXED[name])
    assert mixes(made)
    with pytest.raises(CompileError, match=REFUSED):
        threshc.load(made)


def test_the_operator_that_mixes_is_named() -> None:
    with pytest.raises(CompileError) as error:
        threshc.load(model("N", MIXED["transposed, reshaped, ArgMax"]))
    (found,) = error.value.diagnostics
    assert found.what == "the model mixes the samples of a batch"
    assert "(ArgMax)" in found.where
    assert "one by one" in found.why
    assert "batch of exactly 1" in found.hint


@pytest.mark.parametrize("name", LOADED)
def test_a_batch_of_one_mixes_nothing(name: str) -> None:
    assert threshc.load(model(1, MIXED[name])).outputs


@pytest.mark.parametrize("name", APART)
def test_samples_that_stay_apart_are_read(name: str) -> None:
    made = model("N", APART[name])
    assert not mixes(made)
    assert threshc.load(made).outputs


@pytest.mark.parametrize("batch", [2, 8])
def test_a_stated_batch_of_several_is_followed(batch: int) -> None:
    with pytest.raises(CompileError, match=f"with {batch} samples"):
        threshc.load(model(batch, MIXED["transposed, reshaped, ArgMax"]))
    assert threshc.load(model(batch, APART["reshaped to -1"])).outputs


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADED)
def test_verify_finds_mixed_samples_without_the_check(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.compiler.frontend.load.want_apart", lambda graph, encoding: None)
    made = model("N", MIXED[name])
    report = threshc.verify(made, samples=64, rtl=False)
    assert report.peer is not None
    assert not report.ok, str(report)
