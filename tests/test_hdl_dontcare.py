"""Don't-cares: the circuit stays what it was on every input that occurs, and gets smaller where patterns never do."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from architectures import WIDE
from circuit_values import Values, columns, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from threshc.compiler.encoding import Step, parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Input, Op, Output, Sum
from threshc.hdl.logic.circuit import Circuit as Lowered
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.dontcare import prove_replacements
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.design import circuit_of
from threshc.hdl.unrolled.dontcare.tables import smallest
from threshc.hdl.unrolled.emit import portable_verilog
from threshc.hdl.unrolled.lower import lowered
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim import reference, rtl
from threshc.sim.inputs import encode
from threshc.tasks.stimulus import answers

pytestmark = pytest.mark.slow

FAMILIES = [None, "ice40", "xilinx"]


def thermometer(rng: np.random.Generator, features: int, levels: int, sizes: tuple[int, ...], real: bool) -> Network:
    """Features compared with `levels` thresholds each, then layers of neurons of up to six inputs."""
    thresholds = np.sort(rng.choice(np.arange(1, 64), (features, levels), replace=False), axis=1).ravel()
    feature = np.repeat(np.arange(features), levels)
    if real:
        ops: list[Op] = [Input("x", (len(feature),), Step(features, feature, thresholds.astype(np.float32)))]
    else:
        ops = [Input("x", (features,), parse_encoding("uint6")), Compare(0, feature, thresholds)]
    width = len(feature)
    for size in sizes:
        weights = np.zeros((size, width), np.int8)
        for row in weights:
            row[rng.choice(width, min(6, width), replace=False)] = rng.integers(-3, 4, min(6, width))
        ops += [
            Sum(len(ops) - 1, weights, np.zeros(size, np.int64)),
            Compare(len(ops), np.arange(size), rng.integers(-1, 3, size)),
        ]
        width = size
    return Network("thermometer", tuple(ops), (Output("y", len(ops) - 1, "bits", np.ones(()), np.zeros(())),))


def samples(rng: np.random.Generator, network: Network, count: int) -> NDArray[np.generic]:
    """What the network takes; real features beside all thresholds."""
    if isinstance(network.input.encoding, Step):
        return rng.integers(0, 65, (count, network.input.encoding.features)).astype(np.float32)
    return networks.random_samples(rng, network, count)


def outputs(circuit: Lowered, design: Design, x: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Output words (N, bytes), as `answers` gives them."""
    words = pack(design.network, encode(design.network, x))
    values = Values(circuit, columns(words, design.interface.input.bits), (1 << len(words)) - 1)
    return np.packbits(rows(values.literals(circuit.outputs), len(words)), axis=1, bitorder="little")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(FAMILIES), st.sampled_from(["layer", "none", 1, 2]), st.booleans())
def test_answers_stay(seed: int, family: str | None, pipeline: str | int, real: bool) -> None:
    rng = np.random.default_rng(seed)
    network = thermometer(rng, int(rng.integers(1, 7)), int(rng.integers(1, 5)), (12, 9, 5), real)
    design = build_design(network, CircuitOptions(family=family, pipeline=pipeline, dont_care=True))
    x = samples(rng, network, 300)
    want = answers(design, reference.run(network, x))
    got = outputs(circuit_of(design), design, x)
    np.testing.assert_array_equal(got, outputs(lowered(design), design, x))
    np.testing.assert_array_equal(got, want)
    certificate = certify(design)
    plain = Circuit(certificate.inputs, certificate.luts, certificate.registers)
    assert prove_replacements(network, certificate, plain) == len(design.replaced)
    without, with_them = design.tables
    assert with_them <= without


@pytest.mark.parametrize("neuron", WIDE)
def test_dense_layers_stay(neuron: str) -> None:
    """Every architecture, in Verilog as it is emitted; sums of several thresholds are what there is to find."""
    rng = np.random.default_rng(3)
    network = networks.random_dense(rng, (7, 6, 4), "int", "int3", compare_input=neuron == "counters")
    x = networks.random_samples(rng, network, 40)
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=2, dont_care=True, scores=True))
    want = reference.run(network, x)
    got = rtl.run(UnrolledUnit(design), x, simulator="amaranth")
    for a, b in zip(want.values, got.values, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("real", [True, False])
def test_streams_of_the_portable_text(real: bool) -> None:
    rng = np.random.default_rng(5)
    network = thermometer(rng, 5, 4, (14, 8, 4), real)
    design = build_design(network, CircuitOptions(pipeline=2, dont_care=True))
    assert len(design.replaced) > 1
    x = samples(rng, network, 60)
    np.testing.assert_array_equal(
        answers(design, rtl.run(UnrolledUnit(design), x, simulator="amaranth")),
        answers(design, reference.run(network, x)),
    )


def neurons(weights: list[list[int]], thresholds: list[int]) -> Network:
    """One layer on three comparisons of one feature, by thresholds 1, 2 and 3."""
    step = Step(1, np.zeros(3, np.int64), np.array([1, 2, 3], np.float32))
    ops = (
        Input("x", (3,), step),
        Sum(0, np.array(weights, np.int8), np.zeros(len(weights), np.int64)),
        Compare(1, np.arange(len(weights)), np.array(thresholds)),
    )
    return Network("ordered", ops, (Output("y", 2, "bits", np.ones(()), np.zeros(())),))


@pytest.mark.parametrize(
    ("weights", "threshold", "operands", "table"),
    [
        ([1, 1, 0], 2, (2,), 2),  # x >= 1 and x >= 2 is x >= 2
        ([1, 1, 1], 2, (2,), 2),  # the majority of an ordered code is its middle bit
        ([0, -1, -1], 0, (2,), 2),  # neither x >= 2 nor x >= 3: the inverse of the table that is made
        ([-1, 1, 0], 1, (1, 2), 0),  # x >= 2 but not x >= 1: never
        ([1, -1, 1], 1, (1, 2, 3), None),  # needs all three
    ],
)
def test_ordered_comparisons(weights: list[int], threshold: int, operands: tuple[int, ...], table: int | None) -> None:
    network = neurons([weights], [threshold])
    design = build_design(network, CircuitOptions(neuron="table", dont_care=True))
    if table is None:
        assert design.replaced == ()
    else:
        (new,) = design.replaced
        assert (new.operands, new.table) == (operands, table)
        assert design.tables == (1, 0)
    x = np.arange(5, dtype=np.float32)[:, None] - 0.5
    np.testing.assert_array_equal(
        answers(design, rtl.run(UnrolledUnit(design), x, simulator="amaranth")),
        answers(design, reference.run(network, x)),
    )


def test_free_inputs_have_none() -> None:
    network = networks.random_dense(np.random.default_rng(4), (5, 4), "pm1", outputs="bits")
    assert build_design(network, CircuitOptions(neuron="table", dont_care=True)).replaced == ()


def test_less_than_before() -> None:
    """The point of it all: of six inputs, those that follow from others go."""
    network = thermometer(np.random.default_rng(8), 6, 6, (60, 30), True)
    before, after = build_design(network, CircuitOptions(family="ice40", dont_care=True)).tables
    assert after < 0.92 * before


def test_the_same_every_time() -> None:
    network = thermometer(np.random.default_rng(9), 4, 4, (12, 6), False)
    first, second = (build_design(network, CircuitOptions(dont_care=True)) for _ in range(2))
    assert first.replaced == second.replaced
    assert portable_verilog(first) == portable_verilog(second)


@given(st.integers(1, 5), st.data())
def test_smallest_support(inputs: int, data: st.DataObject) -> None:
    """Against every subset of the inputs."""
    entries = 1 << inputs
    table, care = (data.draw(st.integers(0, (1 << entries) - 1)) for _ in range(2))
    kept, new = smallest(table, care, inputs, lambda kept: (-len(kept),))

    def project(i: int, subset: tuple[int, ...]) -> int:
        return sum((i >> k & 1) << j for j, k in enumerate(subset))

    def works(subset: tuple[int, ...]) -> bool:
        seen: dict[int, int] = {}
        return all(
            seen.setdefault(project(i, subset), table >> i & 1) == table >> i & 1
            for i in range(entries)
            if care >> i & 1
        )

    assert all(new >> project(i, kept) & 1 == table >> i & 1 for i in range(entries) if care >> i & 1)
    subsets = [tuple(k for k in range(inputs) if s >> k & 1) for s in range(1 << inputs)]
    assert len(kept) == min(len(s) for s in subsets if works(s))
