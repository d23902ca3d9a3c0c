"""Sharing between the rows of a layer: correct for every tree and order, smaller than rows alone, repeatable."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import networks
import numpy as np
import pytest
from circuit_values import Values

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import mapped_size
from threshc.hdl.logic.text import print_circuit
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.check import check as check_certificate
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.hdl.unrolled.sharing import strategies
from threshc.hdl.unrolled.sharing.counter_compressor import CounterColumns
from threshc.hdl.unrolled.sharing.pair_compressor import PairColumns
from threshc.hdl.unrolled.sharing.row_differences import RowDifferences
from threshc.hdl.unrolled.sharing.row_groups import RowTree, members, paired
from threshc.hdl.unrolled.sharing.shared_constants import shared_constants
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor, Row, Sharing
from threshc.hdl.unrolled.sharing.spanning_tree import from_roots, spanning_tree
from threshc.hdl.unrolled.sharing.strategies import Strategy

SAMPLES = 64
KINDS = {"pm1": [-1, 1], "ternary": [-1, 0, 1], "int": list(range(-9, 10))}


def rows_of(rng: np.random.Generator, weights: np.ndarray, width: int) -> list[Row]:  # type: ignore[type-arg]
    """Rows with weights of any sign on inverted bits, and constants anywhere."""
    rows = []
    for row in weights.tolist():
        columns = [[2 * (i + 1) + (w < 0) for i, w in enumerate(row) if abs(w) >> c & 1] for c in range(width)]
        rows.append(Row(columns, int(rng.integers(1 << width))))
    return rows


def check(luts: LutNet, rows: list[Row], inputs: int) -> None:
    """Every word is its row's sum modulo its width, on random inputs; and the constants that the steps take are all."""
    rng = np.random.default_rng(0)
    bits = [int.from_bytes(rng.bytes(SAMPLES // 8), "little") for _ in range(inputs)]
    values = Values(Circuit(luts), bits, (1 << SAMPLES) - 1)

    def total(columns: Sequence[Sequence[int]], sample: int) -> int:
        return sum((values.literal(lit) >> sample & 1) << c for c, column in enumerate(columns) for lit in column)

    for row in rows:
        assert (sum(1 << c for c in row.ones) - row.constant) % (1 << row.width) == 0
        for s in range(SAMPLES):
            want = row.constant + total(row.columns, s)
            assert total([[lit] for lit in row.word], s) == want % (1 << row.width)


def shared(compressor: type[ColumnCompressor], *weights: str) -> str:
    """The circuit of rows of `+`, `-` and `0` as one group, sums modulo 4."""
    rows = [Row([[2 * (i + 1) + (w == "-") for i, w in enumerate(row) if w != "0"], []], 0) for row in weights]
    luts = LutNet([0] * len(weights[0]))
    Sharing(luts, rows, compressor).build(tuple(range(len(rows))))
    check(luts, rows, len(weights[0]))
    return print_circuit(Circuit(luts, outputs=[lit for row in rows for lit in row.word]))


def test_a_full_adder_that_two_rows_share() -> None:
    """Equal rows are one sum; an opposite row, which counts zeros, has the same adder's outputs inverted."""
    adder = "circuit inputs=3\n%4 = lut 10010110 %1 %2 %3\n%5 = lut 11101000 %1 %2 %3\n"
    assert shared(PairColumns, "+++", "+++") == f"{adder}output [%4:2 %4:2]\n"
    assert shared(CounterColumns, "+++", "---") == f"{adder}output [%4:2 ~%4:2]\n"


def trees(rng: np.random.Generator, signs: np.ndarray) -> list[RowTree]:  # type: ignore[type-arg]
    """Over all rows at once, paired, paired otherwise, and lopsided."""
    lopsided: RowTree = 0
    for row in range(1, len(signs)):
        lopsided = (lopsided, row)
    return [tuple(range(len(signs))), paired(signs), paired(signs, Random(3)), lopsided]


@pytest.mark.parametrize("compressor", [PairColumns, CounterColumns])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [2, 5, 9])
def test_every_row_is_its_sum(compressor: type[ColumnCompressor], kind: str, rows: int) -> None:
    rng = np.random.default_rng(rows)
    weights = rng.choice(KINDS[kind], (rows, 23))
    weights[1] = -weights[0]  # opposite rows, and further down equal ones
    weights[-1] = weights[0]
    width = int(np.abs(weights).sum(axis=1).max()).bit_length() + 1
    for tree in trees(rng, np.sign(weights).astype(np.int8)):
        assert sorted(members(tree)) == list(range(rows))
        for shuffle in (None, Random(1)):
            luts, made = LutNet([0] * 23), rows_of(rng, weights, width)
            Sharing(luts, made, compressor).build(tree, shuffle)
            check(luts, made, 23)


def correlated(rng: np.random.Generator, kind: str, rows: int) -> np.ndarray:  # type: ignore[type-arg]
    """Rows much like one of two, or like its opposite."""
    first = rng.choice(KINDS[kind], (2, 23))
    weights = first[rng.integers(0, 2, rows)] * rng.choice([-1, 1], (rows, 1))
    return np.where(rng.random(weights.shape) < 0.2, rng.choice(KINDS[kind], weights.shape), weights)


@pytest.mark.parametrize("compressor", [PairColumns, CounterColumns])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deepest", [0, 1, 64])
def test_every_row_is_its_sum_by_differences(compressor: type[ColumnCompressor], kind: str, deepest: int) -> None:
    rng = np.random.default_rng(deepest)
    weights = correlated(rng, kind, 9)
    weights[1], weights[2] = -weights[0], weights[0]
    width = int(np.abs(weights).sum(axis=1).max()).bit_length() + 1
    for noise in (None, Random(1)):
        luts, rows = LutNet([0] * 23), rows_of(rng, weights, width)
        for row in rows[::2]:  # of other widths than their parents
            row.columns, row.width = row.columns[:-1], row.width - 1
            row.constant %= 1 << row.width
        parents, total = spanning_tree(np.sign(weights).astype(np.int8), deepest, noise)
        order = from_roots(parents)
        assert sorted(order) == list(range(9))
        assert all(p is None or order.index(p.row) < order.index(r) for r, p in enumerate(parents))
        assert (total == np.count_nonzero(weights)) == (deepest == 0)
        RowDifferences(luts, rows, compressor).build_along(parents)
        check(luts, rows, 23)


@pytest.mark.parametrize("neuron", ["pairs", "counters"])
@pytest.mark.parametrize("kind", KINDS)
def test_differences_are_proved(neuron: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of every row, whether differences are the smallest way or not."""

    def differences(tree: RowTree, shuffle: Random | None = None) -> Strategy:
        def strategy(net: LutNet, rows: Sequence[Row], compressor: type[ColumnCompressor]) -> None:
            parents, _ = spanning_tree(strategies.signs_of([row.columns for row in rows], net.inputs), 3)
            assert sum(p is not None for p in parents) > 3
            RowDifferences(net, rows, compressor).build_along(parents)

        return strategy

    monkeypatch.setattr(strategies, "_group", differences)
    rng = np.random.default_rng(7)
    weights = correlated(rng, kind, 10).astype(np.int8)
    bits = parse_encoding("bit")
    total = Sum(1, weights, np.zeros(10, np.int64))
    fires = Compare(2, np.arange(10), np.rint(weights.sum(axis=1) / 2).astype(np.int64))
    output = Output("y", 3, "bits", networks.ONE_SCALE, networks.NO_OFFSET)
    network = Network("alike", (Input("x", (23,), bits), Bitplanes(0), total, fires), (output,))
    proved = check_certificate(network, certify(build_design(network, CircuitOptions(neuron=neuron))))
    assert proved.methods == {"heap added up, last carry": 10}


@pytest.mark.parametrize(("compressor", "size"), [(PairColumns, 4), (CounterColumns, 6)])
def test_rows_share(compressor: type[ColumnCompressor], size: int) -> None:
    """Four dense rows in a tree need less than three quarters of the tables that they need one by one."""
    rng = np.random.default_rng(4)
    weights = rng.choice([-1, 1], (4, 96))
    sizes = []
    for trees in ([paired(weights.astype(np.int8))], [0, 1, 2, 3]):
        total = 0
        rows = rows_of(np.random.default_rng(5), weights, 8)
        for tree in trees:
            luts = LutNet([0] * 96)
            Sharing(luts, rows, compressor).build(tree)
            total += mapped_size(luts, [rows[r].word[-1] for r in members(tree)], size)
        sizes.append(total)
    assert sizes[0] < 0.75 * sizes[1]


def test_constants_go_where_they_cost_least() -> None:
    """A constant that fills the shared columns up is taken there; one that only one row has is left to it."""
    empty = (0,) * 6
    assert shared_constants((16, 0, 0, 0, 0, 0), empty, (empty, empty), (15, 15)) == (15, 0)
    assert shared_constants((0,) * 6, empty, ((3, 0, 0, 0, 0, 0), empty), (1, 0)) == (0, 0)


def test_a_row_alone_may_be_very_wide() -> None:
    for compressor in (PairColumns, CounterColumns):
        luts, row = LutNet([0] * 3000), Row([[2 * (i + 1) for i in range(3000)], *([] for _ in range(12))], 7)
        Sharing(luts, [row], compressor).build(0)
        check(luts, [row], 3000)


@pytest.mark.slow
def test_effort() -> None:
    """More effort is never larger; the same effort is the same text; nonsense is refused."""
    network = networks.random_dense(np.random.default_rng(1), (32, 4), outputs="bits")
    texts = [mapped_verilog(build_design(network, CircuitOptions(effort=e)), "ice40") for e in (1, 20, 20)]
    assert texts[1] == texts[2]
    assert texts[1].count("SB_LUT4") <= texts[0].count("SB_LUT4")
    for wrong in (0, 101, True, "much"):
        with pytest.raises(CompileError, match=r"effort .* is not understood"):
            build_design(network, CircuitOptions(effort=wrong))  # type: ignore[arg-type]
