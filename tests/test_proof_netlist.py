"""Yosys' netlists proved equal to certificates, and changed ones never."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells.drive import exercise_network
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.families.registry import families
from threshc.hdl.flow import tools
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.netlist import prove_netlist
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.tasks.prove import prove
from threshc.tasks.stimulus import answers

pytestmark = pytest.mark.slow

SYNTH = {name: f"{family.unmap}{family.synth}" for name, family in families().items()}
_OPTIONS: tuple[tuple[str, str | int], ...] = (("auto", 3), ("compressor", "layer"), ("auto", "none"))
CASES = [(name, *_OPTIONS[k % len(_OPTIONS)]) for k, name in enumerate(families())]
INPUTS = 11


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def synthesized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Design, Path]:
    """(family, design, Yosys' JSON)"""
    family, neuron, pipeline = request.param
    try:
        tool = tools.find_tools(("yosys",))["yosys"]
    except CompileError:
        pytest.skip("needs yosys")
    folder = tmp_path_factory.mktemp("netlist")
    network = networks.random_dense(np.random.default_rng(7), (INPUTS, 9, 5), "int")
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=pipeline, family=family))
    (folder / "design.v").write_text(mapped_verilog(design, family))
    script = f"read_verilog design.v\n{SYNTH[family]} -top {design.name}\nselect {design.name}\n"
    (folder / "script.ys").write_text(script + "write_json -selected net.json\n")
    tools.check(tools.run_tool(tool, ["-q", "-l", "log", "script.ys"], folder, print), "testing")
    return family, design, folder / "net.json"


def test_what_yosys_made_is_proved(synthesized: tuple[str, Design, Path]) -> None:
    family, design, path = synthesized
    gates = read_netlist(path, family, design.name)
    found = prove_netlist(certify(design), gates)
    assert found.cells == len(gates.cells)
    assert found.methods["net equal to a node of the certificate"] > 60


def mutated(gates: Gates, rng: random.Random) -> Gates:
    """One bit of a table, one wire of a table, or what one register samples, changed."""
    tables, flops = list(gates.gates), list(gates.flops)
    at = rng.randrange(len(tables))
    gate = tables[at]
    match rng.randrange(3):
        case 0:
            tables[at] = gate._replace(table=gate.table ^ 1 << rng.randrange(1 << len(gate.operands)))
        case 1:
            pin = rng.randrange(len(gate.operands))
            other = rng.choice([*(g.net for g in tables[:at]), *gates.inputs["i_payload"], *(f.q for f in flops)])
            tables[at] = gate._replace(operands=(*gate.operands[:pin], other, *gate.operands[pin + 1 :]))
        case _:
            at = rng.randrange(len(flops))
            flops[at] = flops[at]._replace(next=rng.choice(flops).next)
    return replace(gates, gates=tables, flops=flops)


def test_no_changed_netlist_is_proved(synthesized: tuple[str, Design, Path]) -> None:
    """12 of each: what passes must answer all 2**11 inputs right, with bubbles and stalls."""
    family, design, path = synthesized
    good, certificate, rng = read_netlist(path, family, design.name), certify(design), random.Random(8)
    x = np.arange(1 << INPUTS)[:, None] >> np.arange(INPUTS) & 1
    words, expected = (
        pack(design.network, encode(design.network, x)),
        answers(design, reference.run(design.network, x)),
    )
    caught = 0
    for _ in range(12):
        bad = mutated(good, rng)
        try:
            prove_netlist(certificate, bad)
        except Unproved:
            caught += 1
            continue
        exercise_network(bad, design.interface, words, expected)
    assert caught >= 8


def test_prove_takes_a_netlist(synthesized: tuple[str, Design, Path]) -> None:
    family, design, path = synthesized
    pipeline = {case[0]: case[2] for case in CASES}[family]
    proof = prove(design.network, family=family, pipeline=pipeline, netlist=path)
    assert "that Yosys made equal the circuit on all inputs" in str(proof)
    with pytest.raises(CompileError, match="the netlist is not proved equal to the circuit"):
        prove(design.network, family=family, pipeline=1, netlist=path)
