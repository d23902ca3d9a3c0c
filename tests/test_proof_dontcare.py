"""Obligations of don't-cares: each is proved from the certificate alone, and no false one gets through."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import certificates
import networks
import numpy as np
import pytest
from architectures import WIDE

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Step, parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Op, Output, Sum
from threshc.hdl.families.registry import families
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.check import check
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.dontcare import implemented
from threshc.hdl.proof.fingerprint import fingerprint
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.proof.parse import parse, read
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.tasks.prove import prove

pytestmark = pytest.mark.slow

FEATURES, LEVELS = 4, 4


def network_of(real: bool, sizes: tuple[int, ...] = (16, 8)) -> Network:
    """Neurons of six of sixteen comparisons, four of each feature; the next layer reads six neurons."""
    rng = np.random.default_rng(1)
    thresholds = np.sort(rng.choice(np.arange(1, 8), (FEATURES, LEVELS)), axis=1) if real else None
    thresholds = (
        np.tile([1, 3, 4, 6], FEATURES) if thresholds is None else thresholds.ravel() + np.tile([0, 0.1, 0.2, 0.3], 4)
    )
    feature = np.repeat(np.arange(FEATURES), LEVELS)
    if real:
        ops: list[Op] = [Input("x", (16,), Step(FEATURES, feature, thresholds.astype(np.float32)))]
    else:
        ops = [Input("x", (FEATURES,), parse_encoding("uint3")), Compare(0, feature, thresholds)]
    width = 16
    for size in sizes:
        weights = np.zeros((size, width), np.int8)
        for row in weights:
            row[rng.choice(width, 6, replace=False)] = rng.choice([-2, -1, 1, 2], 6)
        ops += [
            Sum(len(ops) - 1, weights, np.zeros(size, np.int64)),
            Compare(len(ops), np.arange(size), rng.integers(-1, 3, size)),
        ]
        width = size
    return Network("levels", tuple(ops), (Output("y", len(ops) - 1, "bits", np.ones(()), np.zeros(())),))


@lru_cache
def made(real: bool) -> tuple[Network, Design, Certificate]:
    network = network_of(real)
    design = build_design(network, CircuitOptions(family="xilinx", pipeline=1, dont_care=True))
    return network, design, certify(design)


def inputs_that_occur(real: bool) -> tuple[dict[int, int], int]:
    """Every input node over all inputs that the encoding makes, and the constant 1."""
    if real:
        codes = [(1 << k) - 1 for k in range(LEVELS + 1)]
        words = [sum(c << (LEVELS * f) for f, c in enumerate(w)) for w in itertools.product(codes, repeat=FEATURES)]
    else:
        words = list(range(1 << (3 * FEATURES)))
    width = 16 if real else 12
    columns = {j + 1: sum((w >> j & 1) << k for k, w in enumerate(words)) for j in range(width)}
    return {0: 0, **columns}, (1 << len(words)) - 1


def answers(circuit: Circuit, certificate: Certificate, real: bool) -> list[int]:
    known, every = inputs_that_occur(real)
    lits = circuit.lits(certificate.outputs)
    for lit in lits:
        circuit.settle(lit >> 1, known, every)
    return [known[lit >> 1] ^ (every if lit & 1 else 0) for lit in lits]


def without(certificate: Certificate) -> Circuit:
    return Circuit(certificate.inputs, certificate.luts, certificate.registers)


@pytest.mark.parametrize("real", [True, False])
def test_proved(real: bool) -> None:
    network, design, certificate = made(real)
    assert len(certificate.replaced) > 5
    found = check(network, certificate)
    assert found.methods["table with don't-cares, all patterns of a cut"] == len(certificate.replaced)
    assert answers(implemented(certificate), certificate, real) == answers(without(certificate), certificate, real)
    assert check_mapped(certificate, mapped_verilog(design, "xilinx")) > 10


def test_the_plain_circuit_is_not_the_one_that_is_emitted() -> None:
    """Cells are compared with the tables that don't-cares made, for all values of what they read."""
    _, design, certificate = made(True)
    with pytest.raises(Unproved):
        check_mapped(replace(certificate, replaced=()), mapped_verilog(design, "xilinx"))
    with pytest.raises(Unproved):
        check_mapped(certificate, mapped_verilog(replace(design, replaced=()), "xilinx"))


def table_bit(rng: random.Random, new: list[Any], last: int) -> None:
    new[2] ^= 1 << rng.randrange(1 << len(new[1]))


def group_dropped(rng: random.Random, new: list[Any], last: int) -> None:
    new[3].pop(rng.randrange(len(new[3])))


def leaf_dropped(rng: random.Random, new: list[Any], last: int) -> None:
    leaves = rng.choice(new[3])[1]
    leaves.pop(rng.randrange(len(leaves)))


def leaf_changed(rng: random.Random, new: list[Any], last: int) -> None:
    leaves = rng.choice(new[3])[1]
    leaves[rng.randrange(len(leaves))] = rng.randrange(last)


def node_of_group_changed(rng: random.Random, new: list[Any], last: int) -> None:
    nodes = rng.choice(new[3])[0]
    nodes[rng.randrange(len(nodes))] = rng.randrange(last)


def another_node(rng: random.Random, new: list[Any], last: int) -> None:
    new[0] = rng.randrange(last)


def operand_changed(rng: random.Random, new: list[Any], last: int) -> None:
    new[1][rng.randrange(len(new[1]))] = rng.randrange(last)


MUTATIONS = [table_bit, group_dropped, leaf_dropped, leaf_changed, node_of_group_changed, another_node, operand_changed]


@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.parametrize("real", [True, False])
def test_mutations_are_caught(real: bool, mutate: Callable[[random.Random, list[Any], int], None]) -> None:
    """60 of each. What still passes must be right: an entry that no pattern needs, a leaf that does not matter."""
    network, _, good = made(real)
    want, rng, caught = answers(without(good), good, real), random.Random(2), 0
    last = max(cell[0] for cell in good.luts)
    for _ in range(60):
        data = certificates.plain(good)
        mutate(rng, rng.choice(data["replaced"]), last)
        try:
            bad = parse(data)
            check(network, bad)
        except Unproved:
            caught += 1
            continue
        assert answers(implemented(bad), bad, real) == want, "a false obligation was called proved"
    assert caught >= {table_bit: 15, leaf_dropped: 15, group_dropped: 30}.get(mutate, 30)


def test_an_obligation_that_is_not_true_of_free_bits() -> None:
    """The same certificate for a model whose comparisons have another order."""
    network, _, certificate = made(True)
    source = network.input
    assert isinstance(source.encoding, Step)
    backwards = replace(source, encoding=replace(source.encoding, threshold=-source.encoding.threshold))
    other = Network(network.name, (backwards, *network.ops[1:]), network.outputs)
    check(other, replace(certificate, network=fingerprint(other), replaced=()))
    with pytest.raises(Unproved, match="on a pattern that may occur"):
        check(other, replace(certificate, network=fingerprint(other)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r.append(r[0]), "a node is replaced twice"),
        (lambda r: r[0].__setitem__(0, 1), "it cannot be replaced"),
        (lambda r: r[0].__setitem__(3, [[[n], [n]] for n in range(1, 16)]), "more than 16,384 assignments"),
        (lambda r: r[0][3].append([[0], [0]]), "something that is not a node"),
    ],
)
def test_what_the_checker_says(change: Callable[[list[Any]], None], why: str) -> None:
    network, _, certificate = made(True)
    data = certificates.plain(certificate)
    change(data["replaced"])
    with pytest.raises(Unproved, match=why):
        check(network, parse(data))


@pytest.mark.parametrize("neuron", [*WIDE, "auto"])
def test_every_architecture(neuron: str) -> None:
    """Several thresholds on one sum are ordered comparisons of one word."""
    network = networks.random_dense(np.random.default_rng(6), (5, 7, 4), "int", "int4", compare_input=True)
    two = [
        replace(op, row=np.repeat(op.row, 2), threshold=np.repeat(op.threshold, 2) + np.tile([0, 3], len(op.row)))
        if isinstance(op, Compare) and k > 1
        else op
        for k, op in enumerate(network.ops[:4])
    ]
    network = Network("two", tuple(two), (Output("y", 3, "bits", np.ones(()), np.zeros(())),))
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=2, dont_care=True))
    check(network, certify(design))


@pytest.mark.parametrize("seed", [2, 9, 11])
def test_constants_keep_their_stage(seed: int) -> None:
    """Neurons of alike rows, in stages so short that a table is found to be constant behind registers."""
    rng = np.random.default_rng(seed)
    ops: list[Op] = [Input("x", (7,), parse_encoding("bit")), Bitplanes(0)]
    width = 7
    for size in (6, 4):
        signs = np.where(rng.random((size, width)) < 0.2, -1, 1) * rng.choice([-1, 1], (size, 1))
        weights = signs * int(rng.choice([1, 1, 2, 3, 5]))
        ops.append(Sum(len(ops) - 1, weights, rng.integers(-3, 4, size)))
        thresholds = np.rint(rng.normal(weights.sum(1) / 2, 2)).astype(np.int64)
        ops.append(Compare(len(ops) - 1, np.arange(size), thresholds))
        width = size
    network = Network("alike", tuple(ops), (Output("y", len(ops) - 1, "bits", np.ones(()), np.zeros(())),))
    certificate = certify(build_design(network, CircuitOptions(family="xilinx", pipeline=2, dont_care=True)))
    constants = [r for r in certificate.replaced if r[2] in (0, (1 << (1 << len(r[1]))) - 1)]
    assert constants
    assert check(network, certificate)


def test_a_folder_is_proved_as_it_was_compiled(tmp_path: Path) -> None:
    network, design, _ = made(True)
    report = threshc.compile(network, tmp_path / "a", dont_care=True, samples=20, simulator="amaranth")
    assert report.options.dont_care
    shown = {row.name: row.value for row in report.rows()}
    assert shown["tables of 4 inputs"].endswith("without")
    assert "table with don't-cares" in str(prove(tmp_path / "a"))
    threshc.compile(network, tmp_path / "b", samples=20, simulator="amaranth")
    assert "don't-cares" not in str(prove(tmp_path / "b"))
    names = [tmp_path / folder / f"{design.name}.v" for folder in "ab"]
    assert names[0].read_bytes() != names[1].read_bytes()


@pytest.mark.parametrize("family", families())
def test_files(tmp_path: Path, family: str) -> None:
    network = networks.random_dense(np.random.default_rng(5), (6, 8, 4), "int", "int4")
    proof = prove(network, tmp_path / "a", family=family, dont_care=True, pipeline=2)
    assert f"cells of {family}" in str(proof)
    assert "table with don't-cares" in str(proof)
    assert prove(network, tmp_path / "a", check=True).methods == proof.methods
    certificate = read(tmp_path / "a")
    data = certificates.plain(certificate)
    broken = data["replaced"][0]
    broken[2] ^= (1 << (1 << len(broken[1]))) - 1
    parse(data).write(tmp_path / "b")
    with pytest.raises(CompileError, match="the circuit is not proved"):
        prove(network, tmp_path / "b", check=True)
