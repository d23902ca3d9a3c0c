"""Plans of PE and SIMD that divide nothing: smaller or faster than those that divide, and as exact."""

from __future__ import annotations

import numpy as np
import pytest
from test_folded_network import signs_network

from threshc.compiler.ir.network import Network
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.fold import Fold, parse
from threshc.hdl.folded.network import folded_network
from threshc.hdl.folded.plan import _planned, _search, fastest, smallest
from threshc.hdl.folded.planned import Plan, planned
from threshc.hdl.folded.uneven import least
from threshc.hdl.targets.registry import target

TFC, SFC = (784, 64, 64, 64, 10), (784, 256, 256, 256, 10)


def check(network: Network, plan: Plan) -> None:
    """The interval that is planned is that of the circuit's cycle model."""
    folds, entry = parse(str(plan))
    assert folded_chain(network, folds, entry=entry).interface.timing.interval == plan.interval


def test_every_number_of_groups_has_a_least_pe() -> None:
    assert least(64, 8) == [4, 5, 6, 7, 8, 10, 11, 13, 16]
    assert least(10, 1) == [1, 2]
    assert least(1, 1) == [1]


@pytest.mark.parametrize(
    ("sizes", "device", "interval"), [(TFC, "ecp5-25f", 70), (TFC, "ecp5-25f", 100), (SFC, "ecp5-25f", 250)]
)
def test_they_are_smaller(sizes: tuple[int, ...], device: str, interval: int) -> None:
    network = signs_network(np.random.default_rng(0), sizes, pixels=True)
    read, part = folded_network(network), target(device).device
    found, divided = smallest(read, part, interval), _search(read, part, interval, True)
    assert found is not None
    assert divided is not None
    assert found.luts < _planned(read, divided, part).luts
    assert found.interval <= interval
    assert all(isinstance(fold, Fold) for fold in found.folds)
    check(network, found)


def test_they_are_faster() -> None:
    """On UP5K the shortest interval of divisors is 7,168."""
    network = signs_network(np.random.default_rng(0), (784, 256, 256, 256, 10), pixels=True)
    read, part = folded_network(network), target("up5k-sg48").device
    found = fastest(read, part)
    assert found.interval < 7168
    assert _search(read, part, found.interval, True) is None
    assert found.brams <= part.brams
    check(network, found)


@pytest.mark.parametrize("seed", range(16))
def test_intervals_are_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = tuple(int(size) for size in rng.integers(5, 70, rng.integers(3, 5)))
    network = signs_network(rng, sizes, pixels=bool(seed % 2))
    read, part = folded_network(network), target(["ecp5-25f", "up5k-sg48"][seed // 2 % 2]).device
    plan = smallest(read, part, int(rng.integers(20, 400)), unrolled=False) or fastest(read, part, unrolled=False)
    check(network, plan)
    check(network, planned(network, plan.folds, part, int(rng.integers(1, sizes[0] + 1))))  # any beats


def test_a_beat_of_one_feature_is_what_takes_longest() -> None:
    network = signs_network(np.random.default_rng(0), (40, 8, 6), pixels=True)
    plan = planned(network, parse("4x20,2x4")[0], target("icebreaker").device, 1)
    assert plan.interval == 40
    check(network, plan)


@pytest.mark.parametrize("fold", ["16x64,10x16@64", "8x32,10x8@32", "16x64,1x16@64"])
def test_a_sample_takes_as_long_as_its_arg_max(fold: str) -> None:
    network = signs_network(np.random.default_rng(0), (64, 16, 10), pixels=True)
    choices, entry = parse(fold)
    part, read = target("ecp5-25f").device, folded_network(network)
    assert planned(network, choices, part, entry).interval == 10
    assert fastest(read, part, unrolled=False).interval >= 10
    assert smallest(read, part, 9, unrolled=False) is None
