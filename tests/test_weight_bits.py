"""`--weight-bits`: what it says about the change is what happened."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import pytest

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.sim import reference
from threshc.tasks.options import ModelOptions
from threshc.tasks.weights import reduce_weights


def test_min_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    network = networks.random_dense(rng, (9, 8, 6, 3), "int", "bit")
    smaller, said = reduce_weights(network, "min")
    assert said.endswith("proved equal on all inputs")
    x = np.array([[v >> k & 1 for k in range(9)] for v in range(512)])
    assert np.array_equal(reference.run(network, x).values[0], reference.run(smaller, x).values[0])


def test_rounding_says_how_many_classes_stay() -> None:
    network = networks.random_dense(np.random.default_rng(3), (30, 20, 5), "int", "bit")
    _, said = reduce_weights(network, 2)
    assert "random samples keep their class" in said
    assert "100.00% of 1024" not in said
    assert reduce_weights(network, 8)[1].endswith("nothing changes")


@pytest.mark.parametrize("text", ["", "1", "max", "-3", "2.5", "99", True, 2.0, 33])
def test_other_words(text: Any) -> None:
    with pytest.raises(CompileError, match=r"weight_bits .* is not understood\n  where: weight_bits="):
        threshc.load("no-such-model.onnx", weight_bits=text)


def test_numbers_and_texts_are_the_same() -> None:
    assert ModelOptions(weight_bits="5") == ModelOptions(weight_bits=np.int16(5))  # type: ignore[arg-type]
