"""One name per layer in every table and message: show, sim, compile, build, prove, verify."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Loc
from threshc.compiler.ir.storage import save
from threshc.hdl.chain import one_unit
from threshc.hdl.families.registry import family
from threshc.hdl.flow.attribution import REST
from threshc.hdl.flow.cells_by_layer import cells_by_layer
from threshc.hdl.flow.placed_by_layer import PlacedCells
from threshc.hdl.flow.report import BuildReport, Project
from threshc.hdl.flow.synthesis import Cells
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.check import check
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.sim import reference
from threshc.sim.counts import count
from threshc.sim.measure.measured import measure
from threshc.sim.measure.report import text
from threshc.tasks.compare import compare_results
from threshc.tasks.report_markdown import markdown

NAMES = ["sign/1", "sign/1 (pool)", "conv 3 (8x3)", "74"]
"""A node of a comparison, of which the pooling behind it is made too; nothing; a tensor. The modules of the circuit are
named in another way: Verilog takes none of these."""


@pytest.fixture(scope="module")
def network() -> Network:
    """Two convolutions, a pooling and a classifier, named as exporters do it: here and there."""
    plain = networks.random_conv(np.random.default_rng(3), 6, (2, 3))
    loc = {4: Loc("", "conv2d"), 5: Loc("sign/1", "a"), 7: Loc("sign/1", "a"), 12: Loc("", "74")}
    ops = (replace(op, loc=loc.get(v, Loc())) for v, op in enumerate(plain.ops))
    return replace(plain, ops=tuple(ops))


@pytest.fixture(scope="module")
def design(network: Network) -> Design:
    return build_design(network, CircuitOptions(family="ice40"))


def first_column(table: str, start: str = "|") -> list[str]:
    """The first cells of a Markdown table whose rows begin with some text."""
    rows = [line for line in table.splitlines() if line.startswith(start)]
    return [row.split("|")[1].strip().replace("\\", "") for row in rows[2:]]


def section(page: str, title: str) -> str:
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_names(network: Network) -> None:
    assert [layer.name for layer in layers(network)] == NAMES
    assert [layer.name for layer in count(network).layers] == NAMES


def test_show(network: Network, tmp_path: Path) -> None:
    save(network, tmp_path / "n.thresh")
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "n.thresh")], catch_exceptions=False).output
    found = [re.split(r"\s{2,}", line.strip())[0] for line in shown.splitlines()]
    assert [name for name in found if name in NAMES] == NAMES


def test_measured(network: Network) -> None:
    measured = measure(network)
    assert [layer.counts.name for layer in measured.layers] == NAMES
    found = [re.split(r"\s{2,}", line.strip())[0] for line in text(measured).splitlines()]
    assert [name for name in found if name in NAMES] == NAMES * 3  # operations, memory, time


def netlist(design: Design) -> dict[str, Any]:
    """As Yosys would write it: a cell behind every node of the pre-mapped text."""
    nodes = sorted({int(n) for n in re.findall(r"\bn(\d+)\b", mapped_verilog(design, "ice40"))})
    pins = {"port_directions": {"O": "output"}, "type": "SB_LUT4"}
    cells = {f"c{n}": {**pins, "connections": {"O": [n]}} for n in nodes}
    return {"cells": cells, "netnames": {f"n{n}": {"bits": [n]} for n in nodes}}


def test_compile_and_build(network: Network, design: Design, tmp_path: Path) -> None:
    report = threshc.compile(network, tmp_path / "out", samples=2, simulator="amaranth")
    sums = [layer.name for layer in layers(network) if layer.rows]
    made = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [layer["name"] for layer in made["counted"]["layers"]] == NAMES
    assert [layer["name"] for layer in made["design"]["neurons"]] == sums
    page = (tmp_path / "out" / "report.md").read_text()
    assert first_column(section(page, "Layers (counted)")) == NAMES
    assert first_column(section(page, "Circuits")) == sums

    cells = cells_by_layer(one_unit(design), netlist(design), family("ice40"))
    assert [c.name for c in cells] == [*NAMES, REST]
    placed = tuple(PlacedCells(c.name, 1, 1, 0, 0, 0.0) for c in cells)
    none = Cells(0, 0, 0, 0)
    build = BuildReport(
        target="", part="", on_board=False, network=none, whole=none, cells_used=1, cells_available=1, utilization={},
        fmax_hz=1e6, clock_hz=1e6, latency_cycles=1, interval_cycles=1, seed=1, bitstream=Path("x"), sha256="",
        project=Project("p", (), (), ""), files=(), tools={}, seconds={}, layers=cells, placed=placed,
    )  # fmt: skip
    page = markdown(replace(report, build=build))
    assert sorted(first_column(section(page, "Circuits"))) == sorted([*NAMES, REST, "all"])


def test_progress_of_a_circuit(network: Network) -> None:
    told: list[str] = []
    build_design(network, progress=told.append)
    assert set(NAMES) <= {text.removeprefix("circuit of ").rpartition(" (")[0] for text in told}


@pytest.mark.parametrize("name", ["sign/1", "conv 3 (8x3)", "74"])
def test_prove(network: Network, name: str) -> None:
    value = next(layer.value for layer in layers(network) if layer.name == name)
    proof = threshc.prove(network, layer=name)
    assert proof.network.endswith(f"_{name}")
    assert replace(threshc.prove(network, layer=f"%{value}"), seconds=0) == replace(proof, seconds=0)


def test_prove_says_the_names(network: Network) -> None:
    with pytest.raises(CompileError, match=re.escape("one of sign/1, conv 3 (8x3), 74")):
        threshc.prove(network, layer="sign/1 (pool)")


@pytest.mark.parametrize(("value", "said"), [(4, "Sum sign/1: "), (7, "Reduce sign/1 (pool): "), (12, "Sum 74: ")])
def test_what_is_not_proved(network: Network, design: Design, value: int, said: str) -> None:
    certificate = certify(design)
    changed = dict(certificate.values)
    changed[value] = changed[5] if value != 5 else changed[4]
    with pytest.raises(Unproved, match=re.escape(said)):
        check(network, replace(certificate, values=changed))


@pytest.mark.parametrize(("k", "said"), [(0, "layer 'sign/1' (tensor 'a')"), (1, "layer 'conv 3 (8x3)'")])
def test_the_first_difference(network: Network, k: int, said: str) -> None:
    """What a comparison says where the bits of the k-th Compare are wrong."""
    x = networks.random_samples(np.random.default_rng(0), network, 3)
    right = reference.run(network, x)
    bits = list(right.bits)
    bits[k] = 1 - bits[k]
    found = compare_results("test", right, replace(right, bits=tuple(bits)), x)
    assert f"sample 0, {said}, neuron [0, 0, 0]: expected" in str(found)
