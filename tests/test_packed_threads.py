"""Threads of the packed simulator: any number of them, several batches at a time, after pauses and after a fork."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import networks
import numpy as np
import pytest

from threshc.sim import packed
from threshc.sim.packed import workers


@pytest.fixture(scope="module")
def batch() -> tuple[object, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    network = networks.random_dense(rng, (70, 40, 10), "ternary", "uint8", "class", True)
    x = networks.random_samples(rng, network, 9000)
    return network, x, packed.run(network, x, bits=False, threads=1).labels


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_many_batches(batch: tuple, threads: int) -> None:
    network, x, labels = batch
    for count in range(600, 9000, 97):
        assert np.array_equal(packed.run(network, x[:count], bits=False, threads=threads).labels, labels[:count])


def test_helpers_sleep_and_wake(batch: tuple) -> None:
    network, x, labels = batch
    for pause in (0, 0.0002, 0.0003, 0.0004, 0.001, 0.02):
        for _ in range(20):
            time.sleep(pause)
            assert np.array_equal(packed.run(network, x, bits=False, threads=2).labels, labels)


def test_batches_at_the_same_time(batch: tuple) -> None:
    network, x, labels = batch

    def work(k: int) -> bool:
        part = slice(300 * k, None)
        return all(
            np.array_equal(packed.run(network, x[part], bits=False, threads=2).labels, labels[part]) for _ in range(20)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


def test_hidden_bits(batch: tuple) -> None:
    network, x, _ = batch
    one, three = (packed.run(network, x, threads=n).bits for n in (1, 3))
    assert all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_a_fork(batch: tuple) -> None:
    network, x, labels = batch
    packed.run(network, x, bits=False, threads=2)
    child = os.fork()
    if not child:
        same = np.array_equal(packed.run(network, x, bits=False, threads=2).labels, labels)
        os._exit(0 if same and workers.team().helpers == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
