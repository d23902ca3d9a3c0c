"""Bytes to planes: every number of vectors, ends that overlap, blocks that are not full."""

import networks
import numpy as np
import pytest

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output
from threshc.sim import packed

WIDTHS = (1, 63, 64, 65, 128, 200, 300, 448, 500, 784, 832, 1000, 1024, 1025, 1100, 2100)


def outputs(value: int) -> tuple[Output, ...]:
    return (Output("y", value, "bits", networks.ONE_SCALE, networks.NO_OFFSET),)


@pytest.mark.parametrize("width", WIDTHS)
def test_limits(width: int) -> None:
    rng = np.random.default_rng(width)
    limits = rng.integers(0, 257, width)
    ops = (Input("x", (width,), networks.parse_encoding("uint8")), Compare(0, np.arange(width), limits))
    network = Network("limits", ops, outputs(1))
    for samples in (385, 512, 513, 1024 + 447):
        x = rng.integers(0, 256, (samples, width), dtype=np.uint8)
        assert np.array_equal(packed.run(network, x, threads=1).bits[0], x >= limits)


@pytest.mark.parametrize("width", [1, 64, 100, 256, 300, 1100])
def test_bits(width: int) -> None:
    rng = np.random.default_rng(width)
    ops = (Input("x", (width,), networks.parse_encoding("uint8")), Bitplanes(0))
    network = Network("bits", ops, outputs(1))
    x = rng.integers(0, 256, (700, width), dtype=np.uint8)
    want = np.unpackbits(x[..., None], axis=-1, bitorder="little")
    assert np.array_equal(packed.run(network, x, threads=1).values[0].reshape(want.shape), want)
