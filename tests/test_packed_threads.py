"""Threads of the packed simulator: any number of them, several batches at a time, after pauses and after a fork."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import networks
import numpy as np
import pytest

from threshc.sim import packed
from threshc.sim.packed.machine import workers
from threshc.sim.packed.planes import driver
from threshc.sim.packed.planes.activity import Activity

pytestmark = pytest.mark.slow


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


def test_workers_sleep_and_wake(batch: tuple) -> None:
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
        os._exit(0 if same and workers.team().workers == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("outputs", ["class", "bits"])
def test_long_batches_are_done_in_stretches(threads: int, outputs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that Python sees signals in between; every stretch begins where the last one ended."""
    rng = np.random.default_rng(3)
    network = networks.random_dense(rng, (70, 40, 10), "ternary", "uint8", outputs, True)
    x = networks.random_samples(rng, network, 40_003)
    whole = packed.run(network, x, threads=threads)
    calls = []
    share = driver._do_jobs
    monkeypatch.setattr(driver, "_STRETCH", 1)
    monkeypatch.setattr(driver, "_do_jobs", lambda *given: calls.append(given[3].parts[-1][1]) or share(*given))
    for count in (40_003, 39_936, 513, 300):
        calls.clear()
        cut = packed.run(network, x[:count], threads=threads)
        assert sum(calls) == count
        for a, b in zip((*cut.values, *cut.bits), (*whole.values, *whole.bits), strict=True):
            assert np.array_equal(a, b[:count])
    assert len(calls) == 1
    activity = Activity(network)
    calls.clear()
    packed.run(network, x, bits=False, threads=threads, activity=activity)
    assert calls == [len(x)]  # it counts a batch wholly or not at all
