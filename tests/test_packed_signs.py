"""Neurons with weights +-1 in the word engine: numbers of rows, inputs and samples around the sizes of its tiles."""

import numpy as np
import pytest

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.sim import packed, reference
from threshc.sim.packed.words.layout import SIGNS
from threshc.sim.packed.words.plan import word_plan


def layer(rng: np.random.Generator, fan_in: int, rows: int, extreme: bool) -> Network:
    """One layer on bits; extreme: thresholds at both ends of what a row can reach, else in the middle."""
    weights = rng.choice(np.array([-1, 1], np.int8), (rows, fan_in))
    bias = rng.integers(-(2**40), 2**40, rows)
    plus, minus = (weights > 0).sum(axis=1), (weights < 0).sum(axis=1)
    threshold = np.where(rng.random(rows) < 0.5, plus, 1 - minus) if extreme else rng.integers(-2, 3, rows)
    ops = (
        Input("x", (fan_in,), parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, bias),
        Compare(2, np.arange(rows), threshold + bias),
    )
    return Network("layer", ops, (Output("y", 3, "bits", np.ones(()), np.zeros(())),))


def agree(network: Network, x: np.ndarray) -> None:
    want, found = reference.run(network, x).bits, packed.run(network, x).bits
    for a, b in zip(want, found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rows", [1, 16, 17, 32, 33, 48, 49, 64, 75, 96])
@pytest.mark.parametrize("fan_in", [1, 31, 32, 33, 64, 65, 784])
def test_sizes(rows: int, fan_in: int) -> None:
    rng = np.random.default_rng(rows * fan_in)
    network = layer(rng, fan_in, rows, False)
    for samples in (1, 3, 4, 9, 70):
        agree(network, rng.integers(0, 2, (samples, fan_in), dtype=np.uint8))


@pytest.mark.parametrize("fan_in", [32767, 32768])
def test_sums_at_the_ends_of_16_bits(fan_in: int) -> None:
    rng = np.random.default_rng(fan_in)
    network = layer(rng, fan_in, 33, True)
    total = network.ops[2]
    assert isinstance(total, Sum)
    x = rng.integers(0, 2, (40, fan_in), dtype=np.uint8)
    x[:33] = total.weights > 0  # the largest sum of every row, and the smallest
    x[33:36] = total.weights[:3] < 0
    agree(network, x)
    plan = word_plan(network)
    assert plan is not None
    assert (SIGNS in plan.program[:, 0]) == (fan_in < 32768)
