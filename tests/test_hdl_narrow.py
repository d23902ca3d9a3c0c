"""Tables of five and six inputs made of tables of four."""

from __future__ import annotations

import random

import networks
import numpy as np
import pytest
from circuit_values import on_all_inputs

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import XOR, table
from threshc.hdl.logic.text import print_circuit
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.cell import Kind
from threshc.hdl.unrolled.sharing.decompose import decompose, split
from threshc.tasks.prove import prove

MUX4 = table(lambda a, b, c, d, s, t: (a, b, c, d)[s + 2 * t], 6)


def made(truth: int, inputs: int) -> Circuit:
    """The circuit that stands for a table, after a comparison on all values of the inputs."""
    luts = LutNet([0] * inputs)
    circuit = Circuit(luts, outputs=[decompose(luts, [2 * (k + 1) for k in range(inputs)], truth)])
    assert on_all_inputs(circuit) == [truth]
    assert max(map(len, luts.operands)) <= 4
    return circuit


def cells(truth: int, inputs: int) -> int:
    """The tables that it takes."""
    return len(made(truth, inputs).luts.operands) - inputs - 1


@pytest.mark.parametrize(
    ("truth", "inputs", "nodes"),
    [
        # the and of five: one of four, and the fifth with what is there anyway
        (1 << 31, 5, "%6 = lut 1000000000000000 %1 %2 %3 %4\n%7 = lut 1000000000000000 %1 %2 %5 %6"),
        (XOR[6], 6, "%7 = lut 10010110 %2 %3 %4\n%8 = lut 0110100110010110 %1 %5 %6 %7"),
        # one of four: first one of %1 and %2, which the second table passes on unless %6 takes %3 or %4
        (MUX4, 6, "%7 = lut 1111000011001010 %1 %2 %5 %6\n%8 = lut 1100111110100000 %3 %4 %6 %7"),
    ],
)
def test_tables_as_text(truth: int, inputs: int, nodes: str) -> None:
    last = inputs + len(nodes.splitlines())
    assert print_circuit(made(truth, inputs)) == f"circuit inputs={inputs}\n{nodes}\noutput [%{last}]\n"


def threshold(weights: list[int], need: int) -> int:
    size = len(weights)
    return sum((sum(w for j, w in enumerate(weights) if i >> j & 1) >= need) << i for i in range(1 << size))


@pytest.mark.parametrize("inputs", [1, 4, 5, 6])
def test_any_table(inputs: int) -> None:
    rng = random.Random(inputs)
    for _ in range(30):
        assert cells(rng.getrandbits(1 << inputs), inputs) <= {5: 3, 6: 7}.get(inputs, 1)


def test_few_tables_for_threshold_functions() -> None:
    rng = random.Random(7)
    counts = [cells(threshold([rng.randint(-9, 9) or 1 for _ in range(6)], rng.randint(-6, 6)), 6) for _ in range(100)]
    assert sum(counts) / len(counts) < 3
    assert cells(threshold([1] * 6, 3), 6) == 3
    assert split(threshold([1, 1, 1, 1, 1], 1), 5) is not None


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_networks_of_tables_are_proved_cell_by_cell(family: str) -> None:
    network = networks.random_dense(np.random.default_rng(3), (6, 6, 6, 3), "int")
    design = build_design(network, CircuitOptions(neuron="table", family=family, pipeline=2))
    assert max(len(c.operands) for c in design.netlist.cells if c.kind is Kind.LUT) == 4
    assert f"cells of {family}" in str(prove(network, neuron="table", family=family, pipeline=2))


def test_six_inputs_stay_where_there_are_such_tables() -> None:
    network = networks.random_dense(np.random.default_rng(3), (6, 7), "int", outputs="bits")
    for family in (None, "xilinx"):
        design = build_design(network, CircuitOptions(neuron="table", family=family))
        assert max(len(c.operands) for c in design.netlist.cells if c.kind is Kind.LUT) == 6
