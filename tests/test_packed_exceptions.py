"""After an exception, wherever it struck, the packed simulator is as right as before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import injection
import networks
import numpy as np
import pytest
from injection import Countdown, struck

from threshc.compiler.ir.network import Network
from threshc.sim import packed, reference
from threshc.sim.inputs import encode
from threshc.sim.packed.machine import workers
from threshc.sim.packed.planes.activity import Activity
from threshc.sim.packed.planes.driver import execute_plan
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.words.driver import execute_word_plan
from threshc.sim.packed.words.plan import word_plan

Case = tuple[Network, np.ndarray, tuple[np.ndarray, ...]]
Engine = Callable[[Network, np.ndarray], object]

FURTHER = 1000

# an exception where a generator is closed is printed by Python, not raised: nobody is left by it
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


def planes(network: Network, x: np.ndarray, threads: int = 1) -> list[np.ndarray]:
    values, bits = execute_plan(plan(network), x, True, threads)
    return [*values, *bits]


def two_threads(network: Network, x: np.ndarray) -> list[np.ndarray]:
    return planes(network, x, 2)


def words(network: Network, x: np.ndarray) -> list[np.ndarray]:
    found = word_plan(network)
    assert found is not None
    values, bits = execute_word_plan(found, x, True)
    return [*values, *bits]


ENGINES = {"words": words, "planes": planes, "two threads": two_threads}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Networks and batches that all want another workspace."""
    rng, found = np.random.default_rng(5), []
    for sizes, kind, encoding, samples in (
        ((9, 5, 3), "pm1", "bit", 3),
        ((20, 30, 4), "ternary", "uint8", 1100),
        ((6, 40, 3), "int", "int5", 513),
    ):
        network = networks.random_dense(rng, sizes, kind, encoding)
        x = networks.random_samples(rng, network, samples)
        want = reference.run(network, x)
        found.append((network, encode(network, x), (*want.values, *want.bits)))
    return found


def right(engine: Engine, case: Case) -> bool:
    network, x, want = case
    return all(np.array_equal(a, b) for a, b in zip(engine(network, x), want, strict=True))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("where", [injection.at_bytecodes, injection.at_calls, injection.at_allocations])
def test_an_exception_at_every_place(engine: Engine, where: Callable, cases: list[Case]) -> None:
    """At the n-th bytecode (call, array) of a batch, for every n; other networks and sizes come before and after."""
    first, second, third = cases
    assert all(right(engine, case) for case in cases)
    for case, before, step in ((second, first, 1), (third, second, 3)):
        n = 0
        while struck(partial(engine, *case[:2]), where, Countdown(n)):
            for later in (before, case, before):
                assert right(engine, later), n
            n += step
        assert n >= 3
    for k in range(FURTHER):
        assert right(engine, cases[k % 3])


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("where", [injection.at_calls, injection.at_allocations])
def test_an_exception_while_a_plan_is_made(engine: Engine, where: Callable, cases: list[Case]) -> None:
    """Some of the thousands of calls that lead from a network to its plan."""

    def fresh() -> object:
        plan.cache_clear()
        word_plan.cache_clear()
        return engine(case[0], case[1])

    for case in cases:
        for _ in range(2):  # what only a first call does is not counted
            count = Countdown(-1)
            struck(fresh, where, count)
        for n in range(0, count.ticks, max(1, count.ticks // 40)):
            assert struck(fresh, where, Countdown(n, MemoryError))
            assert right(engine, case)


def test_workers_are_free_again(cases: list[Case]) -> None:
    """An exception in a batch of several threads does not leave the workers taken."""
    network, x, _ = cases[1]
    for n in range(0, 10_000, 7):
        if not struck(lambda: two_threads(network, x), injection.at_bytecodes, Countdown(n)):
            break
        assert not workers.team()._busy[0]
    assert n > 100
    assert workers.team().workers >= 1


@pytest.mark.parametrize("threads", [1, 2])
def test_counters_after_an_exception(threads: int, cases: list[Case]) -> None:
    """A batch is counted whole or not at all."""
    network, x, _ = cases[1]
    hidden = [bits.astype(np.int64) for bits in reference.run(network, x).bits]
    batch = [bits.sum(axis=0) for bits in hidden], [np.abs(np.diff(bits, axis=0)).sum(axis=0) for bits in hidden]
    between = [np.abs(bits[0] - bits[-1]) for bits in hidden]
    n = 0
    activity, counted, hit = Activity(network), 0, True

    def run() -> None:
        execute_plan(plan(network), x, False, threads, activity)

    while hit:
        hit = struck(run, injection.at_bytecodes, Countdown(n))
        for again in (True, False):
            assert activity.samples - counted * len(x) in (0, len(x))
            counted = activity.samples // len(x)
            for got, one in zip(activity.ones, batch[0], strict=True):
                np.testing.assert_array_equal(got, counted * one)
            for got, one, more in zip(activity.toggles, batch[1], between, strict=True):
                np.testing.assert_array_equal(got, counted * one + max(counted - 1, 0) * more)
            if again:
                run()
        if n % 5 == 0:
            activity, counted = Activity(network), 0
        n += 3
    assert n > 100


def test_one_sample_after_an_exception(cases: list[Case]) -> None:
    network, x, want = cases[0]
    single = packed.single(network)
    for n in range(10_000):
        if not struck(lambda: single(x[0]), injection.at_bytecodes, Countdown(n)):
            break
        assert single(x[1]) == want[1][1]
    assert n > 20


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_a_batch_within_a_batch(engine: Engine, cases: list[Case]) -> None:
    """As a signal handler would compute it, at every call; neither disturbs the other."""
    outer, inner = cases[1], cases[2]
    n = done = 0

    def within(frame: object, event: str, arg: object) -> None:
        nonlocal n, done
        n += 1
        if n == done + 1:
            sys.setprofile(None)
            assert right(engine, inner)

    assert right(engine, inner)
    while done == 0 or n >= done:
        n = 0
        sys.setprofile(within)
        try:
            got = engine(*outer[:2])
        finally:
            sys.setprofile(None)
        assert all(np.array_equal(a, b) for a, b in zip(got, outer[2], strict=True)), done
        done += 1
    assert done > 10


def test_programs_live_as_long_as_their_addresses(cases: list[Case]) -> None:
    """More plans than are remembered, of which the first is used again and again."""
    rng = np.random.default_rng(1)
    network, x, want = cases[1]
    for k in range(40):
        other = networks.random_dense(rng, (20, 30, 4), "ternary", "uint8")
        planes(other, x)
        assert right(planes, (network, x, want)), k
