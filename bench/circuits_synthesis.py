"""Verilog through Yosys and nextpnr, and what came out: cells, depth, frequency, and whether it answers rightly."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.cells.sample_words import from_lanes, to_lanes
from threshc.hdl.families.registry import families
from threshc.hdl.flow.routing import route
from threshc.hdl.flow.synthesis import count_cells
from threshc.hdl.flow.tools import find_tools, run_tool
from threshc.hdl.size import TooBig
from threshc.hdl.targets.registry import target

SYNTH = {name: f"{family.unmap}{family.synth} -top top" for name, family in families().items()}
DEVICES = {"ice40": "hx8k-ct256", "ecp5": "ecp5-85f"}
"""Where circuits are placed and routed; for Xilinx there is no open tool for it."""
_DEPTH = re.compile(r"Longest topological path in \w+ \(length=(\d+)\)")
_AIM = 400e6  # Hz; more than any of them reaches, so that placement does its best
_CYCLES = 64
"""More than any of the compared circuits has registers in a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """A mapped netlist. cells: by type; depth: cells (carries too) on the longest path between registers or ports;
    seconds: of Yosys."""

    cells: dict[str, int]
    depth: int
    seconds: float
    gates: Gates


def synthesize(text: str, family: str) -> Mapped:
    """Verilog of a module `top` as cells of the family. Raises RuntimeError with Yosys' errors."""
    with tempfile.TemporaryDirectory(prefix="threshc-") as name:
        folder = Path(name)
        found, seconds = synthesize_in(folder, text, family)
        depth = _DEPTH.search((folder / "depth").read_text())
        gates = read_netlist(folder / "top.json", family, "top")
    return Mapped(found, int(depth[1]) if depth else 0, seconds, gates)


def synthesize_in(folder: Path, text: str, family: str) -> tuple[dict[str, int], float]:
    """(cells by type, seconds) of Verilog whose files are in a folder, where the netlist is left as top.json."""
    seconds = _yosys(text, family, folder)
    found = json.loads((folder / "cells").read_text())["design"]["num_cells_by_type"]
    return {k: int(v) for k, v in found.items()}, seconds


def _yosys(text: str, family: str, folder: Path) -> float:
    (folder / "top.v").write_text(text)
    commands = (
        "read_verilog top.v",
        SYNTH[family],
        "tee -q -o cells stat -json",
        "tee -q -o depth ltp -noff top",
        "write_json top.json",
    )
    (folder / "run.ys").write_text("\n".join(commands) + "\n")
    done = run_tool(find_tools(("yosys",))["yosys"], ["-q", "-l", "yosys.log", "run.ys"], folder, lambda _: None)
    if done.code:
        raise RuntimeError(done.tail())
    return done.seconds


def count(cells: dict[str, int], family: str) -> tuple[int, int, int]:
    """(LUTs, carry cells, flip-flops), as builds count them."""
    made = count_cells({"design": {"num_cells_by_type": cells}}, families()[family])
    return made.luts, made.carries, made.ffs


def answers(gates: Gates, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bits (samples, neurons) at port y that the netlist outputs for bits x (samples, inputs), once it has settled."""
    lanes = -(-len(x) // 64)
    machine = Machine(gates, lanes)
    stimulus = to_lanes(np.packbits(x, axis=1, bitorder="little"), x.shape[1], lanes)
    watch, drive = machine.nets(gates.outputs["y"]), machine.nets(gates.inputs["x"])
    settled = machine.run(drive, np.repeat(stimulus[None], _CYCLES, axis=0), watch)[-1]
    return np.unpackbits(from_lanes(settled, len(x)), axis=1, count=len(watch), bitorder="little")


def fmax(text: str, family: str, inputs: int, outputs: int) -> float | None:
    """MHz routed (seed 1), inputs from and outputs into registers, shifted in and out; None where it does not fit."""
    tools = find_tools(("yosys", f"nextpnr-{family}"))
    with tempfile.TemporaryDirectory(prefix="threshc-") as name:
        folder = Path(name)
        _yosys(text.replace("module top(", "module circuit(", 1) + _registers(text, inputs, outputs), family, folder)
        try:
            done = route(
                tools[f"nextpnr-{family}"],
                target(DEVICES[family]).device,
                folder,
                constrained=False,
                freq_hz=_AIM,
                seed=1,
                progress=lambda _: None,
            )
        except TooBig:
            return None
    return done.fmax_hz / 1e6


def _registers(text: str, inputs: int, outputs: int) -> str:
    """A module `top` with few pins around the circuit."""
    header = text[text.index("module top(") :].partition(";")[0]
    clock = ".clk(clk), " if "clk" in header else ""
    return f"""
module top(input clk, input d, input load, output q);
    reg [{inputs - 1}:0] x;
    wire [{outputs - 1}:0] y;
    reg [{outputs - 1}:0] settled, shifted;
    circuit c({clock}.x(x), .y(y));
    always @(posedge clk) begin
        x <= {{x, d}};
        settled <= y;
        shifted <= load ? settled : shifted << 1;
    end
    assign q = shifted[{outputs - 1}];
endmodule
"""
