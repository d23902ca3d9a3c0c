"""Neurons with few inputs: packed == reference for every number of weights 1 and -1 and every threshold."""

import networks
import numpy as np
import pytest
from test_packed_random import assert_same

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Gather, Input, Output, Reduce, Sum, Window
from threshc.sim.packed.planes.layout import FEW, SPARSE
from threshc.sim.packed.planes.plan import plan


def layer(weights: np.ndarray, limits: np.ndarray, bias: np.ndarray) -> Network:
    ops = (
        Input("x", weights.shape[1:], networks.parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, bias),
        Compare(2, np.arange(len(weights)), limits),
    )
    return Network("layer", ops, (Output("y", 3, "bits", networks.ONE_SCALE, networks.NO_OFFSET),))


def steps(network: Network) -> np.ndarray:
    program = plan(network).program
    return program[program["op"] == FEW]


def neurons(fan_in: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and thresholds of every neuron with up to `most` weights in `fan_in` inputs that is not constant."""
    rng, rows, limits = np.random.default_rng(most), [], []
    for plus in range(most + 1):
        for minus in range(most + 1 - plus):
            for limit in range(-minus + 1, plus + 1):
                w = np.zeros(fan_in, np.int8)
                w[rng.permutation(fan_in)[: plus + minus]] = [1] * plus + [-1] * minus
                rows.append(w)
                limits.append(limit)
    return np.array(rows), np.array(limits)


@pytest.mark.parametrize(("fan_in", "most"), [(16, 16), (30, 17)])
def test_every_kind(fan_in: int, most: int) -> None:
    weights, limits = neurons(fan_in, most)
    rng = np.random.default_rng(1)
    bias = rng.integers(-9, 9, len(weights))
    network = layer(weights, limits + bias, bias)
    assert set(steps(network)["levels"].tolist()) == set(range(len(SPARSE)))
    x = networks.random_samples(rng, network, 1100)
    x[:100] = x[:100] & networks.random_samples(rng, network, 100)  # few ones, and many
    x[100:200] = x[100:200] | networks.random_samples(rng, network, 100)
    assert_same(network, x)


def test_which_rows_are_taken() -> None:
    """At most 16 weights +-1; 16 of which an odd number is negative are left to the other kernel, and so is a 2."""
    weights = np.zeros((6, 30), np.int8)
    for row, (plus, minus) in zip(weights, ((16, 0), (15, 1), (14, 1), (9, 8), (3, 0), (1, 0)), strict=True):
        row[:plus], row[plus : plus + minus] = 1, -1
    weights[5, 0] = 2
    network = layer(weights, np.ones(6, np.int64), np.zeros(6, np.int64))
    assert int(steps(network)["rows"].sum()) == 3
    assert_same(network, networks.random_samples(np.random.default_rng(2), network, 600))


def test_windows() -> None:
    """A depthwise convolution, then a sparse one with pooling: the literals are those of the patch."""
    rng = np.random.default_rng(3)
    channels = 5
    own = np.zeros((channels, 9, channels), np.int8)
    for c in range(channels):
        own[c, :, c] = rng.choice([-1, 1], 9)
    mixed = np.where(rng.random((6, 4 * channels)) < 0.3, rng.choice([-1, 1], (6, 4 * channels)), 0)
    ops = (
        Input("x", (6 * 6 * channels,), networks.parse_encoding("bit"), (6, 6, channels)),
        Bitplanes(0),
        Gather((1,), np.arange(6 * 6 * channels).reshape(6, 6, channels)),
        Window(2, (3, 3)),
        Sum(3, own.reshape(channels, -1), np.zeros(channels, np.int64)),
        Compare(4, np.arange(channels), rng.integers(0, 2, channels)),
        Window(5, (2, 2)),
        Sum(6, mixed, np.zeros(6, np.int64)),
        Compare(7, np.arange(6), np.zeros(6, np.int64)),
        Window(8, (2, 2)),
        Reduce(9, "or", 4),
    )
    network = Network("windows", ops, (Output("y", 10, "bits", networks.ONE_SCALE, networks.NO_OFFSET),))
    assert len(steps(network)) > 1
    assert_same(network, networks.random_samples(rng, network, 700))
