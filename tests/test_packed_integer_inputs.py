"""First layers that add and subtract 8-bit pixels three at a time: packed == reference."""

import networks
import numpy as np
import pytest
from test_packed_random import assert_same

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Gather, Input, Op, Output, Sum, Window
from threshc.sim.packed.planes.integer_inputs import bits_of
from threshc.sim.packed.planes.layout import NUMBERS
from threshc.sim.packed.planes.plan import plan


def convolution(encoding: str, bits: int, channels: int, pad: int, rows: int, several: bool) -> Network:
    """A 3 x 3 convolution of +-1 weights on 6 x 5 pixels; several: two thresholds on one of the rows."""
    rng = np.random.default_rng(bits + channels)
    size = 6 * 5 * channels
    taps = rng.choice([-1, 1], (rows, 9 * channels))
    weights = np.repeat(taps, bits, axis=1) << np.tile(np.arange(bits), 9 * channels)
    limits = taps.sum(axis=1) * 2 ** (bits - 1) + rng.integers(-200, 200, rows)
    row = np.arange(rows)
    if several:
        row, limits = np.append(row, 0), np.append(limits, limits[0] + 60)
    ops: tuple[Op, ...] = (
        Input("x", (size,), parse_encoding(encoding), (6, 5, channels)),
        Bitplanes(0),
        Gather((1,), np.arange(size * bits).reshape(6, 5, channels * bits)),
        Window(2, (3, 3), pads=(pad,) * 4),
        Sum(3, weights, np.full(rows, 3)),
        Compare(4, row, limits),
    )
    return Network("pixels", ops, (Output("y", 5, "bits", networks.ONE_SCALE, networks.NO_OFFSET),))


@pytest.mark.parametrize(
    ("encoding", "bits", "channels", "pad", "rows", "several"),
    [
        ("uint8", 8, 3, 0, 20, False),
        ("uint8", 8, 3, 1, 9, True),
        ("uint8", 8, 1, 0, 8, False),
        ("uint6", 6, 2, 1, 33, False),
        ("uint7", 7, 3, 0, 10, False),
    ],
)
def test_pixels(encoding: str, bits: int, channels: int, pad: int, rows: int, several: bool) -> None:
    network = convolution(encoding, bits, channels, pad, rows, several)
    assert (plan(network).program["op"] == NUMBERS).sum() == 3  # the sums of three, those of all, the rows
    rng = np.random.default_rng(rows)
    assert_same(network, networks.random_samples(rng, network, 530))


def test_largest_sums() -> None:
    network = convolution("uint8", 8, 3, 0, 64, False)
    x = np.array([[255], [0]]) * np.ones(90, np.int64)
    assert_same(network, x)


def test_only_integers_that_are_added_or_subtracted() -> None:
    w = np.repeat(np.array([[1, -1, 1]] * 8), 8, axis=1) << np.tile(np.arange(8), 3)
    assert bits_of(w, 12) == 8
    assert bits_of(w, 17) == 0
    assert bits_of(w[:7], 12) == 0
    assert bits_of(2 * w, 12) == 0
    assert bits_of(np.where(np.arange(24) == 5, 0, w), 12) == 0
