"""Constants behind operators that have no kernel: what onnx's evaluator folds, and what it must not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx_models import Model
from patterns import bits

import threshc
from threshc.compiler.diagnostics import CompileError


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda m: m.op("RandomNormal", shape=[6, 4]), "RandomNormal among the constants"),
        (lambda m: m.op("RandomUniformLike", m.const(np.ones((6, 4)))), "it is another one at each evaluation"),
        (
            lambda m: m.op("OneHot", m.const([1] * 6, np.int64), m.const([10**9], np.int64), m.const([0.0, 1.0])),
            "has 6,000,000,000 elements",
        ),
        (lambda m: m.op("Range", *(m.const(v) for v in (0.0, 1e9, 1.0))), "has 1,000,000,000 elements"),
        (lambda m: m.op("Trilu", m.const(np.ones((6, 4))), surprise=1), "attribute 'surprise' of Trilu"),
        (lambda m: m.op("Det", m.const(np.ones((6, 4)))), "onnx's evaluator does not compute Det"),
        (lambda m: m.op("Sub", m.const(np.ones((6, 4)))), "Sub of opset 17 has 1 inputs"),
        (lambda m: m.op("ReduceProd"), "ReduceProd of opset 17 has 0 inputs"),
        (lambda m: m.op("Gather", m.const(np.ones((6, 4))), m.const([9], np.int64)), "does not fit its inputs"),
        (lambda m: m.op("Mystery", m.const(np.ones((6, 4)))), "operator 'Mystery' of domain 'ai.onnx'"),
        (lambda m: m.op("Mystery", m.const(np.ones((6, 4))), domain="theirs"), "operator 'Mystery' of domain 'theirs'"),
    ],
    ids=[
        "random",
        "random like",
        "one hot",
        "range",
        "attribute",
        "misfit",
        "one input",
        "none",
        "index",
        "unknown",
        "unknown domain",
    ],
)
def test_refusals(make: Callable[[Model], str], words: str) -> None:
    m = Model(["batch", 6])
    with pytest.raises(CompileError) as error:
        threshc.load(m.build(m.op("MatMul", bits(m, m.input), make(m))))
    assert words in str(error.value)
    assert "Traceback" not in str(error.value)


def _mean_of_sizes(m: Model) -> str:
    """An integer mean, which no kernel computes: 6 and 4 of them."""
    rows = m.op("ReduceMean", m.const([5, 7], np.int64), axes=[0], keepdims=1)
    return m.op(
        "Reshape",
        m.const(np.sign(np.random.default_rng(0).normal(size=24))),
        m.op("Concat", rows, m.const([4], np.int64), axis=0),
    )


def _reflected(m: Model) -> str:
    w = m.const(np.sign(np.random.default_rng(0).normal(size=(4, 4))))
    return m.op("Pad", w, m.const([1, 0, 1, 0], np.int64), mode="reflect")


def _normalised(m: Model) -> str:
    w = m.const(np.random.default_rng(0).normal(size=(6, 4)))
    return m.op("Sign", m.op("MeanVarianceNormalization", w, axes=[0]))


@pytest.mark.parametrize("make", [_mean_of_sizes, _reflected, _normalised], ids=lambda f: f.__name__.strip("_"))
def test_calls_that_a_kernel_does_not_take(make: Callable[[Model], str]) -> None:
    m = Model(["batch", 6])
    report = threshc.verify(m.build(m.op("MatMul", bits(m, m.input), make(m))), samples=32, rtl=False)
    assert report.ok, str(report)
    assert report.peer is not None
