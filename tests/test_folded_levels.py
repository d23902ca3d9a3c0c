"""Several thresholds of a folded neuron: compared behind its accumulator, exact, planned and proved."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import folded_chains
import networks
import numpy as np
import pytest
from amaranth.hdl import Signal
from test_folded_mixed import need_yosys
from test_folded_network import exact

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Op, Output, Sum
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded import levels, unit
from threshc.hdl.folded.build import folded_chain, read_folded
from threshc.hdl.folded.certify import core_claim, outside, part_claims
from threshc.hdl.folded.fold import Fold, parse
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.levels import level_numbers
from threshc.hdl.folded.plan import smallest
from threshc.hdl.folded.planned import planned
from threshc.hdl.folded.properties import Properties
from threshc.hdl.folded.several import NEVER
from threshc.hdl.folded.unit import UnitComponent, folded_unit
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_memory import FoldedLayerClaim
from threshc.hdl.proof.folded_network import check_network
from threshc.hdl.targets.registry import target


def levels_network(
    rng: np.random.Generator, sizes: tuple[int, ...], levels: int, *, order: str = "rows", ends: str = "class"
) -> Network:
    """Dense layers of ternary weights, `levels` thresholds a neuron. order: of bits, by rows, mixed, or mixed with rows
    that have fewer."""
    ops: list[Op] = [Input("x", (sizes[0],), parse_encoding("bit")), Bitplanes(0)]
    columns = sizes[0]
    for k, (_, rows) in enumerate(pairwise(sizes)):
        weights = rng.choice([-3, 0, 3] if k else [-1, 0, 1], (rows, columns))
        ops.append(Sum(len(ops) - 1, weights, rng.integers(-3, 4, rows)))
        if k + 2 < len(sizes) or ends == "bits":
            row = np.repeat(np.arange(rows), levels)
            needs = np.sort(rng.integers(-8, 9, (rows, levels))).ravel()
            needs[rng.random(len(needs)) < 0.1] = 100  # never
            kept = np.arange(len(row)) if order == "rows" else rng.permutation(len(row))
            kept = kept if order != "fewer" else kept[: -(-2 * len(kept) // 3)]
            ops.append(Compare(len(ops) - 1, row[kept], needs[kept]))
            columns = len(kept)
        elif ends == "class":
            ops.append(ArgMax(len(ops) - 1))
    return Network("levels", tuple(ops), (Output("y", len(ops) - 1, ends, networks.ONE_SCALE, networks.NO_OFFSET),))


CASES = [
    ((12, 8, 6, 5), 2, "rows", "class", "2x4,3x8,1x6"),
    ((12, 8, 6, 5), 3, "rows", "class", "8x12,6x12,1x9"),  # one chunk: all at once
    ((12, 8, 6, 5), 3, "rows", "class", "3x5,4x6,2x5"),  # nothing divides anything
    ((12, 8, 6), 4, "rows", "bits", "4x3,3x8"),
    ((12, 8, 6), 3, "rows", "bits", "3x12,4x8"),
    ((12, 8, 6, 5), 3, "mixed", "class", "2x4,3x8,1x6"),
    ((12, 8, 6), 3, "mixed", "bits", "4x3,3x8"),  # the last one by rows
    ((12, 9, 6, 5), 3, "fewer", "class", "4x4,3x6,1x4"),
    ((12, 8, 6, 5), 3, "rows", "class", "2x4,unrolled,1x6"),
    ((12, 8, 6, 5), 3, "fewer", "class", "2x4,unrolled,1x4"),
    ((12, 8, 6, 5), 2, "rows", "class", "2x4:rows,3x8:lut:rows,1x6"),
    ((12, 8, 6, 5), 7, "rows", "class", "2x4,3x8,1x6"),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[4]}-{case[2]}")
@pytest.mark.parametrize("busy", [True, False])
def test_networks(case: tuple[tuple[int, ...], int, str, str, str], busy: bool) -> None:
    """As the reference says, in the cycles of the model; memories, thresholds, wiring and arithmetic are proved."""
    sizes, levels, order, ends, folds = case
    rng = np.random.default_rng(len(folds))
    network = levels_network(rng, sizes, levels, order=order, ends=ends)
    chain = exact(rng, network, folds, 0, busy=busy)
    prove_chain(chain, induction=False)


def test_hidden_bits_are_in_the_order_of_the_network() -> None:
    network = levels_network(np.random.default_rng(1), (12, 9, 5), 3, order="fewer")
    chain = folded_chain(network, parse("4x4,1x6")[0])
    (shown,) = chain.shown
    dense = read_folded(network, parse("4x4,1x6")[0]).dense[0]
    assert [dense.layout(4).elements.ravel()[k] for k in shown.picked] == list(range(18))


def unit_of(rng: np.random.Generator, pe: int, groups: int, simd: int, chunks: int, levels: int) -> FoldedLayer:
    rows = pe * groups
    needs = rng.integers(-6, 7, (rows, levels - 1))
    needs[0, 0] = NEVER
    weights, start = rng.choice([-1, 1], (rows, simd * chunks)), rng.integers(-3, 4, rows)
    return FoldedLayer("l", weights, start, pe, simd, "levels", needs=needs)


@pytest.mark.parametrize(
    ("pe", "groups", "simd", "chunks", "levels"),
    [(2, 3, 3, 4, 2), (1, 1, 2, 1, 4), (3, 2, 1, 3, 4), (2, 4, 2, 2, 7), (1, 5, 3, 2, 3)],
)
def test_state_is_proved(pe: int, groups: int, simd: int, chunks: int, levels: int) -> None:
    need_yosys()
    layer = unit_of(np.random.default_rng(levels), pe, groups, simd, chunks, levels)
    made = folded_unit("u", layer, queue=1 + levels % 3)
    prove_properties({"unit": Properties(made.component(), core_claim(made).latencies)})


def _wrong_word(part: UnitComponent) -> None:
    assert part.levels is not None
    part.levels.table = part.levels.table.copy()
    part.levels.table[1, 2] ^= 1


def _late(part: UnitComponent) -> None:
    assert part.levels is not None
    part.levels.at = Signal(range(len(part.levels.table)))


def _turned(part: UnitComponent) -> None:
    assert part.levels is not None
    part.levels.table = np.roll(part.levels.table, 1, axis=0)


@pytest.mark.parametrize("change", [_wrong_word, _late, _turned])
def test_mutations_of_its_state_are_noticed(change: object) -> None:
    need_yosys()
    made = folded_unit("u", unit_of(np.random.default_rng(3), 2, 2, 2, 3, 3))
    part = made.component()
    change(part)  # type: ignore[operator]
    with pytest.raises(Unproved):
        prove_properties({"unit": Properties(part, core_claim(made).latencies)}, seconds=60)


CHANGES = [
    (levels, "else Mux(at == depth - 1, 0, at + 1)", "else at + 1"),
    (levels, "bits.bit_select(at, 1)", "bits.bit_select(at ^ 1, 1)"),
    (levels, "with m.If(self.step):", "with m.If(1):"),
    (levels, "found.append(total[-1])", "found.append(~total[-1])"),
    (levels, "found.append(total[-1])", "found.append(total[0])"),
    (levels, "own + self.word", "own - self.word"),
    (levels, "own = self.sums[k * layer.bits : (k + 1) *", "own = self.sums[0 : 1 *"),
    (levels, "early.eq(later)", "early.eq(early)"),
    (levels, "(k + 1) * layer.bits - 1]", "(k + 1) * layer.bits - 2]"),
    (levels, "k * layer.compared + j, wide", "j, wide"),
    (levels, "[*self.early, now]", "[now, *self.early]"),
    (unit, "with m.If(busy[-1]):", "with m.If(busy[0]):"),
    (unit, "Cat(*busy).any()", "Cat(*busy[1:]).any()"),
    (unit, "levels.sums.eq(sums)", "levels.sums.eq(~sums)"),
    (unit, "self.answer.eq(levels.answer)", "self.answer.eq(self.answer)"),
    (unit, 'self.pipes["done"][self.unit.summed :]', 'self.pipes["done"][self.unit.summed - 1 : -1]'),
    (unit, 'self._queue(m, control, found, self.pipes["done"][-1])', "self._queue(m, control, found, done)"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "old", "new"), CHANGES, ids=[f"{k}: {c[2]}" for k, c in enumerate(CHANGES)])
def test_changed_circuits_are_refused(
    module: types.ModuleType, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the source of a circuit, which stays a circuit."""
    need_yosys()
    source = inspect.getsource(module)
    assert old in source
    changed: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source.replace(old, new), module.__name__, "exec"), changed)
    kind = levels.Levels if module is levels else UnitComponent
    for name, method in vars(changed[kind.__name__]).items():
        if name != "__init__" and isinstance(method, types.FunctionType | property):
            monkeypatch.setattr(kind, name, method)
    made = folded_unit("u", unit_of(np.random.default_rng(3), 2, 3, 2, 2, 6))
    with pytest.raises(Unproved, match="it: a property does not hold"):
        prove_properties({"it": Properties(made.component(), core_claim(made).latencies)})


def _changed(claim: FoldedLayerClaim, r: int, t: int, by: int) -> FoldedLayerClaim:
    added = [list(row) for row in claim.added]
    added[r][t] += by
    return dataclasses.replace(claim, added=tuple(map(tuple, added)))


@pytest.mark.parametrize("order", ["rows", "fewer"])
def test_other_thresholds_are_refused(order: str) -> None:
    """Every number of the circuit, one more and one less; those that are accepted compare alike."""
    rng = np.random.default_rng(5)
    network = levels_network(rng, (12, 8, 6, 5), 3, order=order)
    chain = folded_chain(network, parse("2x4,3x4,1x3")[0])
    parts, ends = part_claims(chain), outside(chain)
    check_network(network, ends, parts)
    refused = accepted = 0
    x = rng.integers(0, 2, (4096, 12))
    for k, claim in enumerate(parts):
        if not isinstance(claim, FoldedLayerClaim) or claim.answer != "levels":
            continue
        (layer,) = (u.layer for u in chain.units if u.layer.needs is not None and u.memory_text() == claim.memory)
        assert level_numbers(layer).tolist() == list(map(list, claim.added))
        for r, t in np.ndindex(layer.rows, layer.levels - 1):
            for by in (-1, 1):
                try:
                    check_network(network, ends, [*parts[:k], _changed(claim, r, t, by), *parts[k + 1 :]])
                except Unproved:
                    refused += 1
                    continue
                accepted += 1
                assert layer.needs is not None
                other = dataclasses.replace(layer, needs=layer.needs.copy())
                half = 1 << (layer.bits - 1)
                other.needs[r, t] = half - (claim.added[r][t] + by)  # type: ignore[index]
                given = x if layer.columns == 12 else rng.integers(0, 2, (4096, layer.columns))
                same = folded_chains.bits_of(layer, given) == folded_chains.bits_of(other, given)
                assert same.all()
    assert refused >= 25
    assert accepted >= 1


def test_other_claims_are_refused() -> None:
    network = levels_network(np.random.default_rng(6), (12, 8, 5), 3)
    chain = folded_chain(network, parse("2x4,1x3")[0])
    parts, ends = part_claims(chain), outside(chain)
    (at, claim), *_ = [(k, p) for k, p in enumerate(parts) if isinstance(p, FoldedLayerClaim)]
    twice = (claim.elements[1], *claim.elements[1:])
    turned = tuple(bits[::-1] for bits in claim.elements)
    missing = ((-1, *claim.elements[0][1:]), *claim.elements[1:])
    changes: Sequence[dict[str, object]] = [
        {"elements": twice},
        {"elements": turned},
        {"elements": missing},
        {"elements": claim.elements[:-2]},
        {"elements": ()},
        {"added": claim.added[:-1]},
        {"added": tuple((-1, *row[1:]) for row in claim.added)},
        {"added": tuple((1 << 30, *row[1:]) for row in claim.added)},
        {"begin": claim.begin + 1},
        {"answer": "bits"},
        {"answer": "sums"},
    ]
    for change in changes:
        with pytest.raises(Unproved):
            check_network(network, ends, [*parts[:at], dataclasses.replace(claim, **change), *parts[at + 1 :]])  # type: ignore[arg-type]


def test_plans_choose_between_rows_and_comparisons() -> None:
    """The smaller of both at an interval: few neurons at a time are compared, one neuron has time for rows."""
    network = levels_network(np.random.default_rng(2), (64, 32, 16, 5), 3)
    read = read_folded(network, parse("1x1,1x1,1x1")[0])
    device = target("ecp5-25f").device
    assert device is not None
    for interval in (16, 64, 256, 4096):
        found = smallest(read, device, interval, unrolled=False)
        assert found is not None
        for k, fold in enumerate(found.folds[:-1]):
            assert isinstance(fold, Fold)
            other = [*found.folds]
            if fold.rows:  # as many neurons at a time would be compared in a third of the cycles
                other[k] = fold._replace(rows=False)
                assert planned(network, other, device).luts >= found.luts
        chain = folded_chain(network, found.folds, entry=found.entry)
        assert chain.interface.timing.interval == found.interval <= interval
    assert any(not fold.rows for fold in smallest(read, device, 16, unrolled=False).folds)  # type: ignore[union-attr]


def test_rows_of_more_neurons_than_there_are_is_refused() -> None:
    network = levels_network(np.random.default_rng(2), (12, 8, 5), 2)
    with pytest.raises(CompileError, match="PE 9 is not from 1 to 8"):
        folded_chain(network, parse("9x4,1x4")[0])
    assert folded_chain(network, parse("9x4:rows,1x4")[0]).units[0].layer.rows == 18


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["class", "scores"])
@pytest.mark.parametrize("folds", ["2x4,1x3", "4x6,1x8", "8x12,1x2"])
def test_rows_of_scores_with_factors_of_their_own(ends: str, folds: str) -> None:
    """Scores on one grid, rows of which are so many times others, and a scale and an offset of each: the factors are in
    the rows' integers, so sums are compared exactly; what is only scale and offset is the reader's."""
    rng = np.random.default_rng(7)
    network = levels_network(rng, (12, 8, 5), 1, ends=ends)
    at = 4
    last = network.ops[at]
    assert isinstance(last, Sum)
    factors = np.array([1, 3, 5, 40, 7])
    ops = list(network.ops)
    ops[at] = dataclasses.replace(last, weights=factors[:, None] * np.sign(last.weights), bias=last.bias * factors + 1)
    (output,) = network.outputs
    if ends == "scores":
        output = dataclasses.replace(output, scale=rng.random(5) + 0.1, offset=rng.random(5))
    network = dataclasses.replace(network, ops=tuple(ops), outputs=(output,))
    chain = exact(rng, network, folds, 0, busy=True)
    assert prove_chain(chain, induction=False).answer.startswith(ends)
