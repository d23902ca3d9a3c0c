"""Tables of five and six inputs made of tables of four."""

from __future__ import annotations

import random

import networks
import numpy as np
import pytest

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import apply, variables
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.cell import Kind
from threshc.hdl.unrolled.sharing.decompose import decompose, split
from threshc.tasks.prove import prove


def cells(truth: int, inputs: int) -> int:
    """The tables that it takes, after a comparison on all values of the inputs."""
    luts = LutNet([0] * inputs)
    lit = decompose(luts, [2 * (k + 1) for k in range(inputs)], truth)
    every, patterns = variables(inputs)
    values = [0, *patterns]
    for node in range(inputs + 1, len(luts.operands)):
        assert len(luts.operands[node]) <= 4
        values.append(apply(luts.tables[node], [values[x] for x in luts.operands[node]], every))
    assert values[lit >> 1] ^ (every if lit & 1 else 0) == truth
    return len(luts.operands) - inputs - 1


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
