"""The routed design by layer: nothing is lost or counted twice, and layers keep the cells that Yosys made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import build as build_chain
from threshc.hdl.families.registry import flow_of
from threshc.hdl.flow import tools
from threshc.hdl.flow.attribution import REST, owners
from threshc.hdl.flow.build import build
from threshc.hdl.flow.placed_by_layer import slowest_path
from threshc.hdl.options import CircuitOptions
from threshc.hdl.targets.registry import target

pytestmark = pytest.mark.slow

CASES = [("ecp5-25f", "tree", 3), ("up5k-sg48", "tree", 6), ("gw1nr-9c", "tree", 4)]
"""Not GateMate: there nextpnr moves tables into the adders behind them, where they are counted no more."""


@pytest.mark.parametrize(("name", "neuron", "pipeline"), CASES)
def test_layers_add_up_to_the_routed_design(tmp_path: Path, name: str, neuron: str, pipeline: int) -> None:
    device = target(name).device
    try:
        flow = flow_of(device.family)
        tools.find_tools((tools.YOSYS, flow.nextpnr, flow.packer))
    except CompileError as problem:
        pytest.skip(str(problem.diagnostics[0].what))
    network = networks.random_dense(np.random.default_rng(3), (10, 6, 4), "int")
    design = build_chain(network, CircuitOptions(neuron=neuron, pipeline=pipeline, family=device.family))
    report = build(design, target(name), tmp_path)
    placed, layers = {c.name: c for c in report.placed}, {c.name: c for c in report.layers}
    assert sum(c.cells for c in report.placed) == report.cells_used
    added = sum(c.luts for c in report.placed) - report.whole.luts  # where a carry leaves its chain, on iCE40
    assert 0 <= added <= (2 if device.family == "ice40" else 0)
    assert sum(c.ffs for c in report.placed) == report.whole.ffs
    assert sum(c.carries for c in report.placed) >= report.whole.carries
    assert sum(c.path_ns for c in report.placed) == pytest.approx(1e9 / report.fmax_hz, abs=0.01)
    assert [*placed] == [*layers, "harness"]
    assert len(layers) > 2
    for layer in layers.values():  # the same cells, which are mapped once
        assert layer.luts <= placed[layer.name].luts <= layer.luts + added
        assert placed[layer.name].ffs == layer.ffs
        assert placed[layer.name].carries >= layer.carries
    if device.family == "ecp5":
        assert report.utilization["TRELLIS_FF"][0] == report.whole.ffs


def test_a_wire_counts_for_the_cell_that_it_leads_to() -> None:
    def part(cell: str, delay: float) -> dict[str, Any]:
        return {"delay": delay, "to": {"cell": cell, "port": "A"}}

    paths = [
        {"from": "posedge clk", "to": "posedge clk", "path": [part("a", 1.0), part("b", 2.5), part("b", 0.5)]},
        {"from": "posedge clk", "to": "posedge clk", "path": [part("a", 3.0)]},
        {"from": "<async>", "to": "posedge clk", "path": [part("a", 9.0)]},
    ]
    assert slowest_path({"critical_paths": paths}, {"a": "first", "b": "second"}) == {"first": 1.0, "second": 3.0}
    assert slowest_path({}, {}) == {}


def test_names_that_yosys_makes_up_say_nothing() -> None:
    """A table without a name of its own belongs to what reads it; what nobody reads, to the rest."""
    design = build_chain(networks.random_dense(np.random.default_rng(1), (7, 3)))
    node = next(n for n in range(design.interface.input.bits + 1, 1000) if f" l{n} " in design.mapped("ice40"))

    def cell(kind: str, a: int, z: int) -> dict[str, Any]:
        pins = {"I0": [a], "O": [z]}
        return {"type": kind, "port_directions": {"I0": "input", "O": "output"}, "connections": pins}

    cells = {"x": cell("SB_LUT4", 10, 11), "y": cell("SB_LUT4", 11, 12), "z": cell("SB_LUT4", 12, 13)}
    names = {f"n{node}": [12], f"n{node}_SB_LUT4_O_I0": [11], "o_valid": [13]}
    module = json.loads(json.dumps({"cells": cells, "netnames": {n: {"bits": b} for n, b in names.items()}}))
    assert owners(design, module) == {"x": "fc0", "y": "fc0", "z": REST}
