"""Netlists of cells: read, simulated bit for bit, compared with Yosys' own models, and wrong ones found out."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells.drive import exercise_network
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.cells.sample_words import from_lanes, to_lanes
from threshc.hdl.families.registry import families
from threshc.hdl.flow import tools
from threshc.hdl.flow.verify_netlists import Samples
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.tasks.samples import random_samples
from threshc.tasks.stimulus import answers

pytestmark = pytest.mark.slow


def given_to(design: Design, x: np.typing.NDArray[np.generic]) -> Samples:
    """Samples and the reference's answers."""
    network = design.network
    return Samples(pack(network, encode(network, x)), answers(design, reference.run(network, x)))


def yosys(folder: Path, script: str) -> None:
    """Runs a script, or skips the test where there is no Yosys."""
    try:
        tool = tools.find_tools(("yosys",))["yosys"]
    except CompileError:
        pytest.skip("needs yosys")
    (folder / "script.ys").write_text(script)
    tools.check(tools.run_tool(tool, ["-q", "-l", "log", "script.ys"], folder, print), "testing")


@pytest.fixture(scope="module", params=list(families()))
def mapped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Design, Path]:
    """(family, design, folder with net.json, and net.v: the cells as Yosys itself models them, in plain Verilog)."""
    family: str = request.param
    chosen = families()[family]
    folder = tmp_path_factory.mktemp(family)
    network = networks.random_dense(np.random.default_rng(3), (11, 7, 5), "int")
    design = build_design(network, CircuitOptions(neuron="tree", pipeline=3, scores=True, family=family))
    (folder / "design.v").write_text(mapped_verilog(design, family))
    name = design.name
    script = f"read_verilog design.v\n{chosen.unmap}{chosen.synth} -top {name}\n"
    script += f"select {name}\nwrite_json -selected net.json\n"
    script += f"write_rtlil -selected net.il\ndesign -reset\nread_verilog -defer -overwrite +/{chosen.simulation}\n"
    yosys(folder, f"{script}read_rtlil net.il\nhierarchy -top {name}\nproc\nflatten\nwrite_verilog -noattr net.v\n")
    return family, design, folder


def test_netlists_answer_as_the_reference(mapped: tuple[str, Design, Path]) -> None:
    family, design, folder = mapped
    given = given_to(design, random_samples(design.network, 700, 1))
    gates = read_netlist(folder / "net.json", family, design.name)
    kinds = {c.kind for c in gates.cells}
    assert any(families()[family].counting.of(kind).carries for kind in kinds)
    done = exercise_network(gates, design.interface, given.words, given.expected)
    assert (done.samples, done.cells) == (700, len(gates.cells))
    assert done.cycles > 700 // 64 + design.interface.timing.latency


def test_changed_tables_are_found(mapped: tuple[str, Design, Path]) -> None:
    """One bit of one table, 16 times, on all inputs; some change nothing that can be seen from outside."""
    family, design, folder = mapped
    given = given_to(design, np.arange(2048)[:, None] >> np.arange(11) & 1)
    good = read_netlist(folder / "net.json", family, design.name)
    exercise_network(good, design.interface, given.words, given.expected)
    rng, caught = random.Random(4), 0
    for _ in range(16):
        at = rng.randrange(len(good.gates))
        gate = good.gates[at]
        bad = gate._replace(table=gate.table ^ 1 << rng.randrange(1 << len(gate.operands)))
        broken = replace(good, gates=[*good.gates[:at], bad, *good.gates[at + 1 :]])
        try:
            exercise_network(broken, design.interface, given.words, given.expected)
        except CompileError:
            caught += 1
    assert caught >= 10


def test_the_first_wrong_bit_is_named(mapped: tuple[str, Design, Path]) -> None:
    family, design, folder = mapped
    given = given_to(design, random_samples(design.network, 70, 1))
    wrong = given.expected.copy()
    wrong[66, 0] ^= 2
    gates = read_netlist(folder / "net.json", family, design.name)
    with pytest.raises(CompileError, match=r"sample 66: bit 1 of class is [01], expected [01]"):
        exercise_network(gates, design.interface, given.words, wrong)


BENCH = """\
module bench;
  reg clk = 0, rst, i_valid, o_ready;
  reg [{i}:0] i_payload;
  wire i_ready, o_valid;
  wire [{o}:0] o_payload;
  reg [{top}:0] stimulus [0:{last}];
  integer k;
  {name} dut (.clk(clk), .rst(rst), .i_payload(i_payload), .i_valid(i_valid), .i_ready(i_ready),
    .o_payload(o_payload), .o_valid(o_valid), .o_ready(o_ready));
  initial begin
    $readmemh("stimulus.hex", stimulus);
    for (k = 0; k <= {last}; k = k + 1) begin
      {{rst, o_ready, i_valid, i_payload}} = stimulus[k];
      #1 $display("%b%b%b", o_valid, i_ready, o_payload);
      clk = 1; #1 clk = 0; #1;
    end
    $finish;
  end
endmodule
"""


def test_our_models_are_yosys_models(mapped: tuple[str, Design, Path]) -> None:
    """Cycle by cycle, 200 random cycles with stalls and resets, against Icarus on Yosys' own Verilog of the cells."""
    family, design, folder = mapped
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")
    gates = read_netlist(folder / "net.json", family, design.name)
    rng, width, cycles = np.random.default_rng(5), design.interface.input.bits, 200
    bits = rng.integers(0, 2, (cycles, width + 3))
    bits[:, -1] = rng.random(cycles) < 0.1
    bits[: design.interface.timing.latency + 2, -2:] = 1  # ready and reset: Icarus starts with unknown bits
    values = [int("".join(map(str, row[::-1])), 2) for row in bits]
    (folder / "stimulus.hex").write_text("".join(f"{v:x}\n" for v in values))
    text = BENCH.format(
        i=width - 1, o=design.interface.output.bits - 1, top=width + 2, last=cycles - 1, name=design.name
    )
    (folder / "bench.v").write_text(text)
    subprocess.run(["iverilog", "-s", "bench", "-o", "bench", "bench.v", "net.v"], cwd=folder, check=True)
    said = subprocess.run(["vvp", "-n", "bench"], cwd=folder, check=True, capture_output=True, text=True).stdout
    machine = Machine(gates)
    ports, outs = gates.inputs, gates.outputs
    drive = machine.nets([*ports["i_payload"], *ports["i_valid"], *ports["o_ready"], *ports["rst"]])
    watch = machine.nets([*outs["o_payload"], *outs["i_ready"], *outs["o_valid"]])
    got = machine.run(drive, np.where(bits, ~np.uint64(0), np.uint64(0))[:, :, None], watch)[:, :, 0] & np.uint64(1)
    ours = ["".join(map(str, row[::-1])) for row in got.tolist()]
    theirs = said.split()[:cycles]
    start = design.interface.timing.latency + 2
    assert "x" not in "".join(theirs[start:])
    assert ours[start:] == theirs[start:]


def test_samples_as_words_and_back() -> None:
    words = np.random.default_rng(6).integers(0, 256, (100, 3)).astype(np.uint8)
    words[:, 2] &= 1
    assert (from_lanes(to_lanes(words, 17, 2), 100) == words).all()


def netlist(cells: dict[str, dict[str, Any]], bits: int = 9) -> dict[str, Any]:
    """A netlist of SB_LUT4 and flip-flops with input net 2, clock 3 and output net 4."""
    directions = {"a": ("input", 2), "clk": ("input", 3), "b": ("input", 8), "y": ("output", 4)}
    ports = {p: {"direction": d, "bits": [n]} for p, (d, n) in directions.items()}
    plain = {name: {"parameters": {}, **cell} for name, cell in cells.items()}
    module = {"ports": ports, "cells": plain, "netnames": {"all": {"bits": list(range(2, bits))}}}
    return {"modules": {"top": {**module, "attributes": {"top": "1"}}}}


def lut(out: int, *inputs: int | str) -> dict[str, Any]:
    """A parity of nets."""
    pins = {f"I{k}": [n] for k, n in enumerate((*inputs, "0", "0", "0", "0")[:4])}
    return {"type": "SB_LUT4", "parameters": {"LUT_INIT": "0110100110010110"}, "connections": {**pins, "O": [out]}}


def flop(q: int, d: int, clock: int) -> dict[str, Any]:
    return {"type": "SB_DFF", "connections": {"Q": [q], "D": [d], "C": [clock]}}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"m": {"type": "SB_MAC16", "connections": {}}}, "cell m is a SB_MAC16"),
        ({"p": lut(4, 5, 2), "q": lut(5, 4, 2)}, "combinational loop"),
        ({"p": lut(4, 2), "q": lut(4, 8)}, "net 4 has two drivers"),
        ({"p": lut(4, 5, 2)}, "net 5 has no driver"),
        ({"p": flop(4, 5, 3), "q": flop(5, 2, 8)}, "it has 2 clocks"),
    ],
)
def test_netlists_that_cannot_be_simulated(tmp_path: Path, cells: dict[str, dict[str, Any]], why: str) -> None:
    (tmp_path / "net.json").write_text(json.dumps(netlist(cells)))
    with pytest.raises(CompileError, match=why):
        read_netlist(tmp_path / "net.json", "ice40")


def test_cells_that_are_wires_vanish(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(netlist({"p": lut(5, 2), "q": lut(4, 5, 8, "1", "1")})))
    gates = read_netlist(tmp_path / "net.json", "ice40")
    assert [(g.operands, g.table) for g in gates.gates] == [((2, 8), 0b0110)]


@pytest.mark.parametrize("text", ["", "[]", '{"modules": {}}', '{"modules": {"top": {"ports": {}}}}'])
def test_files_that_are_no_netlists(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(CompileError, match=r"this is not a netlist that Yosys wrote|the netlist is not JSON"):
        read_netlist(tmp_path / "net.json", "ice40", "top")


def test_loops_of_wires_are_refused(tmp_path: Path) -> None:
    """Two tables that are wires, each the other's: no reader may follow them for ever."""
    cell = {"type": "SB_LUT4", "parameters": {"LUT_INIT": f"{0xAAAA:016b}"}}
    cells = {
        f"c{k}": {**cell, "connections": {"I0": [a], "I1": ["0"], "I2": ["0"], "I3": ["0"], "O": [b]}}
        for k, (a, b) in enumerate([(2, 3), (3, 2)])
    }
    net = {"ports": {"y": {"direction": "output", "bits": [3]}}, "cells": cells, "netnames": {"y": {"bits": [3]}}}
    (tmp_path / "net.json").write_text(json.dumps({"modules": {"top": net}}))
    with pytest.raises(CompileError, match=r"the netlist cannot be read(.|\n)*loop of wires"):
        read_netlist(tmp_path / "net.json", "ice40", "top")
