"""Ones and changes of every neuron against the unpacked bits of the reference."""

import networks
import numpy as np
import pytest

from threshc.sim import packed, reference
from threshc.sim.packed.planes.activity import Activity


@pytest.mark.parametrize(
    "sizes", [(1,), (5, 511), (512, 513, 1), (3000, 64, 2049), (0, 7, 0), (70, 3, 2000, 5, 9, 129)]
)
@pytest.mark.parametrize("threads", [1, 2])
def test_counts(sizes: tuple[int, ...], threads: int) -> None:
    rng = np.random.default_rng(sum(sizes))
    for network in (
        networks.random_dense(rng, (30, 20, 9, 3), "pm1", "uint8", "class", True),
        networks.random_dense(rng, (30, 20, 9), "ternary", "bit", "bits"),
        networks.random_conv(rng, 6),
    ):
        x = networks.random_samples(rng, network, sum(sizes))
        found, first = Activity(network), 0
        for size in sizes:
            packed.run(network, x[first : first + size], bits=False, threads=threads, activity=found)
            first += size
        bits = reference.run(network, x).bits
        assert found.samples == len(x)
        assert len(bits) == len(found.ones) == len(found.toggles)
        for b, ones, toggles in zip(bits, found.ones, found.toggles, strict=True):
            np.testing.assert_array_equal(ones, b.sum(axis=0, dtype=np.int64))
            np.testing.assert_array_equal(toggles, (b[1:] != b[:-1]).sum(axis=0))
