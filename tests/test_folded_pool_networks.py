"""Networks with poolings, folded: in Amaranth's simulator as the reference says, in the cycles of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import networks
import numpy as np
import pytest
from test_folded_network import exact

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Reduce, Sum, Window
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.ir.types import ValueType
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.folded.fold import Pooled, Unrolled, as_text, parse
from threshc.hdl.folded.network import folded_network
from threshc.hdl.folded.plan import fastest
from threshc.hdl.folded.plan_file import PlanFile
from threshc.hdl.folded.planned import planned
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_network import check_network
from threshc.hdl.proof.folded_pool import PoolClaim
from threshc.hdl.targets.registry import target

Item = tuple[str | int, dict[str, object]]
"""`or` or `and`, or the channels that a convolution makes; and what its Window has beside a kernel of 2x2 or 3x3."""


def pool_network(
    rng: np.random.Generator, shape: tuple[int, int, int], items: Sequence[Item], *, ends: str = "class"
) -> Network:
    """Poolings and convolutions of a map of bits, then for `class` a dense layer of five neurons."""
    ops: list[Op] = [Input("x", (math.prod(shape),), parse_encoding("bit"), shape), Bitplanes(0)]
    ops.append(Gather((1,), np.arange(math.prod(shape)).reshape(shape)))
    for what, window in items:
        size = (3, 3) if isinstance(what, int) else (2, 2)
        ops.append(Window(len(ops) - 1, **{"kernel": size, **window}))  # type: ignore[arg-type]
        taps = math.prod(ops[-1].kernel)  # type: ignore[union-attr]
        if isinstance(what, str):
            ops.append(Reduce(len(ops) - 1, "or" if what == "or" else "and", taps))
            continue
        total = Sum(len(ops) - 1, rng.choice([-1, 1], (what, _types(ops)[-1].shape[-1])), rng.integers(-3, 4, what))
        low, high = row_bounds(total)
        ops += [total, Compare(len(ops), np.arange(what), (low + high) // 2)]
    if ends == "class":
        count = math.prod(_types(ops)[-1].shape)
        ops.append(Gather((len(ops) - 1,), np.arange(count)))
        ops.append(Sum(len(ops) - 1, rng.choice([-1, 1], (5, count)).astype(np.int8), rng.integers(-2, 3, 5)))
        ops.append(ArgMax(len(ops) - 1))
    return Network("pools", tuple(ops), (Output("y", len(ops) - 1, ends, networks.ONE_SCALE, networks.NO_OFFSET),))


def _types(ops: Sequence[Op]) -> Sequence[ValueType]:
    out = Output("y", len(ops) - 1, "bits", networks.ONE_SCALE, networks.NO_OFFSET)
    return Network("t", tuple(ops), (out,)).types


HALF: dict[str, object] = {"stride": (2, 2)}
OVER: dict[str, object] = {"kernel": (3, 3), "stride": (2, 2), "pads": (1, 1, 1, 1)}
SAME: dict[str, object] = {"pads": (1, 1, 1, 1)}
NETWORKS: list[tuple[tuple[int, int, int], list[Item], str, str, int]] = [
    ((8, 8, 2), [(4, SAME), ("or", HALF), (6, SAME), ("or", HALF)], "class", "2x2,pool,3x4,pool,1x6", 0),
    ((7, 6, 2), [(4, SAME), ("and", HALF), (6, {})], "class", "2x2,pool,6x1,1x2", 2),
    ((7, 6, 3), [(5, SAME), ("or", OVER), (3, {})], "class", "2x3,pool,3x2,1x3", 0),  # 2 divides no 5 channels
    ((7, 6, 3), [(5, SAME), ("and", {**OVER, "fill": 1}), (3, {})], "class", "2x3,pool,3x2,1x3", 0),
    ((6, 7, 4), [("or", {}), ("and", {"kernel": (1, 3)})], "class", "pool,pool,5x4", 2),
    ((6, 7, 4), [("or", {"kernel": (6, 7)})], "class", "pool,1x4", 8),  # over all of the map
    ((5, 7, 2), [("or", {**OVER, "fill": 1, "dilation": (2, 1)}), (4, {"kernel": (2, 2)})], "bits", "pool,4x2", 0),
    ((6, 6, 4), [(4, {}), ("or", HALF)], "bits", "2x2,pool", 4),
    ((6, 6, 2), [(4, {}), ("or", HALF), (3, {"kernel": (1, 1)})], "class", "unrolled,pool,3x4,1x2", 0),
    ((6, 6, 2), [(4, {}), ("or", HALF), (3, {"kernel": (1, 1)})], "class", "4x2,unrolled,3x4,1x2", 0),
    ((6, 6, 2), [(4, {}), ("or", HALF), (3, {"kernel": (1, 1)})], "class", "4x2,pool,unrolled,unrolled", 0),
    ((5, 5, 3), [("and", {"kernel": (1, 1)})], "bits", "pool", 1),  # it does nothing
]


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "items", "ends", "folds", "entry"), NETWORKS)
@pytest.mark.parametrize("busy", [True, False])
def test_networks(
    shape: tuple[int, int, int], items: list[Item], ends: str, folds: str, entry: int, busy: bool
) -> None:
    rng = np.random.default_rng(len(folds))
    exact(rng, pool_network(rng, shape, items, ends=ends), folds, entry, busy=busy)


@pytest.mark.parametrize("device", ["up5k-sg48", "ecp5-25f"])
@pytest.mark.parametrize(("shape", "items", "ends"), [one[:3] for one in NETWORKS[:6]])
def test_plans_have_the_interval_of_the_circuit(
    shape: tuple[int, int, int], items: list[Item], ends: str, device: str
) -> None:
    network = pool_network(np.random.default_rng(0), shape, items, ends=ends)
    found = target(device).device
    plan = fastest(folded_network(network), found, unrolled=False)
    chain = folded_chain(network, plan.folds, entry=plan.entry)
    assert chain.interface.timing.interval == plan.interval
    assert planned(network, plan.folds, found, plan.entry) == plan
    assert PlanFile(plan.file.layers, plan.entry).ordered([layer.name for layer in plan.layers]) == plan.folds


def test_choices_are_what_a_layer_can_be() -> None:
    network = pool_network(np.random.default_rng(0), *NETWORKS[0][:2])
    with pytest.raises(CompileError, match="pool is not what this layer can be"):
        folded_chain(network, parse("pool,pool,3x4,pool,1x6")[0])
    with pytest.raises(CompileError, match="2x2 is not what this layer can be"):
        folded_chain(network, parse("2x2,2x2,3x4,pool,1x6")[0])
    assert parse("pool, unrolled") == ((Pooled(), Unrolled()), 0)
    assert as_text((Pooled(), Unrolled()), 3) == "pool,unrolled@3"
    assert Pooled() != Unrolled()


def test_bits_left_over_are_not_set_by_padding() -> None:
    items: list[Item] = [(5, SAME), ("or", {**OVER, "fill": 1}), (3, {})]
    network = pool_network(np.random.default_rng(0), (7, 6, 3), items)
    with pytest.raises(CompileError, match="5 channels do not become whole beats of 2 bits"):
        folded_chain(network, parse("2x3,pool,3x2,1x3")[0])
    folded_chain(network, parse("5x3,pool,3x5,1x3")[0])


@pytest.mark.parametrize(("shape", "items", "ends", "folds", "entry"), NETWORKS)
def test_chains_are_their_networks(
    shape: tuple[int, int, int], items: list[Item], ends: str, folds: str, entry: int
) -> None:
    network = pool_network(np.random.default_rng(0), shape, items, ends=ends)
    chain = folded_chain(network, parse(folds)[0], entry=entry)
    assert check_network(network, outside(chain), part_claims(chain)).startswith(ends)


WITHOUT_CONVOLUTIONS = [one for one in NETWORKS if all(isinstance(what, str) for what, _ in one[1])]


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "items", "ends", "folds", "entry"), WITHOUT_CONVOLUTIONS)
def test_chains_are_proved(shape: tuple[int, int, int], items: list[Item], ends: str, folds: str, entry: int) -> None:
    try:
        tools.find_tools((tools.YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))
    network = pool_network(np.random.default_rng(0), shape, items, ends=ends)
    proved = prove_chain(folded_chain(network, parse(folds)[0], entry=entry))
    assert proved.answer.startswith(ends)


CLAIMS: list[dict[str, object]] = [
    {"taps": 2},
    {"taps": 4},
    {"stride": 1},
    {"stride": 3},
    {"before": 0},
    {"before": 2},
    {"after": 1},
    {"dilation": 2},
    {"kind": "and"},
    {"fill": 1},
    {"depth": 2},
    {"count": 6},
    {"width": 1},
]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("change", CLAIMS, ids=str)
def test_other_poolings_are_refused(which: int, change: dict[str, object]) -> None:
    """A pooling of columns and one of rows that are not the network's."""
    items: list[Item] = [("or", {"kernel": (3, 3), "stride": (2, 2), "pads": (1, 1, 0, 0)})]
    network = pool_network(np.random.default_rng(0), (7, 7, 2), items, ends="bits")
    chain = folded_chain(network, parse("pool")[0])
    claims = part_claims(chain)
    check_network(network, outside(chain), claims)
    at = [k for k, claim in enumerate(claims) if isinstance(claim, PoolClaim)][which]
    old = claims[at]
    assert isinstance(old, PoolClaim)
    claims[at] = replace(old, **change)  # type: ignore[arg-type]
    assert claims[at] != old
    with pytest.raises(Unproved):
        check_network(network, outside(chain), claims)


def test_half_a_pooling_is_refused() -> None:
    network = pool_network(np.random.default_rng(0), (6, 6, 2), [("or", {})], ends="bits")
    chain = folded_chain(network, parse("pool")[0])
    claims = part_claims(chain)
    with pytest.raises(Unproved, match="does not answer with what it should"):
        check_network(network, outside(chain), claims[:-1])
