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
        (lambda m: m.op("Mystery", m.const(np.ones((6, 4)))), "operator 'Mystery' of domain 'ai.onnx'"),
        (lambda m: m.op("Mystery", m.const(np.ones((6, 4))), domain="theirs"), "operator 'Mystery' of domain 'theirs'"),
    ],
    ids=["random", "random like", "one hot", "range", "attribute", "misfit", "unknown", "unknown domain"],
)
def test_refusals(make: Callable[[Model], str], words: str) -> None:
    m = Model(["batch", 6])
    with pytest.raises(CompileError) as error:
        threshc.load(m.build(m.op("MatMul", bits(m, m.input), make(m))))
    assert words in str(error.value)
    assert "Traceback" not in str(error.value)
