"""Random graphs of maps: float32 evaluator = reference = packed in every hidden bit and output, or a known refusal."""

from __future__ import annotations

import numpy as np
import pytest
from frontend_compare import compare
from tangled_maps import Tangle

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.load import load
from threshc.compiler.passes.pipeline import optimize
from threshc.sim import packed, reference

KNOWN = (
    "a whole layer is constant",
    "max pooling of activations that fall, or that were padded",
    "max pooling follows operators that it cannot be exchanged with",
    "an activation does not have the same values at every place of the map",
    "a channel of a map does not have the same sums at every place",
    "the model's own rounding decides a step",
    "two layers without a step between them are not one integer sum",
    "is neither an integer sum nor an activation",
    "a layer's input is not binary",
    "are not known to be monotone",
    "the largest of several sums is not supported",
    "the model's outputs cannot be ordered by integer scores",
)


def answered(seed: int) -> bool:
    """Compare one graph; False where it is refused for a known reason."""
    model, x = Tangle(seed).build(), np.random.default_rng(seed).normal(size=(12, 2, 6, 6)).astype(np.float32)
    try:
        compare(model, x)
        network = optimize(load(model))
    except CompileError as error:
        if not any(words in str(error) for words in KNOWN):
            raise
        return False
    slow, fast = reference.run(network, x), packed.run(network, x)
    for a, b in zip((*slow.bits, *slow.values), (*fast.bits, *fast.values), strict=True):
        assert np.array_equal(a, b)
    return True


@pytest.mark.parametrize("seed", [1339, 2578, 3072])
def test_one_tensor_in_several_places_of_a_concat(seed: int) -> None:
    assert answered(seed)


def test_the_largest_of_one_sum_that_was_repeated() -> None:
    assert not answered(3181)


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_random_graphs_of_maps(first: int) -> None:
    assert sum(answered(seed) for seed in range(first, first + 20)) >= 8
