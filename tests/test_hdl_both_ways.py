"""A design elaborated from Amaranth's cells and as a black box of pre-mapped Verilog: equal in every cycle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.compiler.ir.network import Network
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import from_ints, pack, unpack
from threshc.hdl.shell.testbench import hex_lines
from threshc.hdl.shell.verilog_core import VerilogCore
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import component
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.hdl.verilog import emit_verilog
from threshc.sim import reference
from threshc.sim.inputs import encode

pytestmark = pytest.mark.slow

CYCLES = 400
NETWORKS = {
    "xor": networks.xor,
    "class": lambda: networks.random_dense(np.random.default_rng(2), (9, 6, 4), "pm1"),
    "signed": lambda: networks.random_dense(np.random.default_rng(7), (9, 6, 5, 4), "ternary", "int4"),
    "narrow": lambda: networks.random_dense(np.random.default_rng(5), (5, 6, 3), "int", "bit", "bits"),
    "integer": lambda: networks.random_dense(np.random.default_rng(4), (8, 5, 3), "int", "bit", "bits"),
}
CASES = (
    ("xor", "ice40", "auto", "none"),
    ("class", "ice40", "pairs", 2),
    ("class", "ecp5", "tree", "layer"),
    ("class", "xilinx", "counters", 4),
    ("signed", "ecp5", "auto", 3),
    ("signed", "xilinx", "auto", "layer"),  # has a cell that is a constant
    ("integer", "ice40", "compressor", 1),
    ("narrow", "xilinx", "table", 6),
)

LUT = """\
module {name} #(parameter [{last}:0] {table} = 0) (input {pins}, output {out});
  assign {out} = ({table} >> {{{index}}}) & 1'b1;
endmodule
"""

BENCH = """\
module bench;
  reg clk = 0, rst = 1;
  reg [{i}:0] given [0:{last}];
  reg [1:0] moves [0:{last}];
  wire ready, valid;
  wire [{both}:0] seen;
  integer k = 0;
  both dut (
    .clk(clk), .rst(rst), .i_payload(given[k]), .i_valid(moves[k][0]), .i_ready(ready),
    .o_payload(seen), .o_valid(valid), .o_ready(moves[k][1])
  );
  initial begin
    $readmemh("given.hex", given);
    $readmemh("moves.hex", moves);
    for (k = 0; k < {last}; k = k + 1) begin
      rst = k < 8;
      #4 $display("%b %b %b %b %b", rst, ready, moves[k][0], valid & moves[k][1], seen);
      #1 clk = 1;
      #5 clk = 0;
    end
  end
endmodule
"""


class Both(wiring.Component):
    """The two of them on the same input stream and the same o.ready.

    o.payload: the black box's ready, valid and payload, above them the cells'; the other outputs are the black box's.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        width = 2 * (design.interface.output.bits + 2)
        super().__init__({"i": In(stream.Signature(design.interface.input.bits)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.cells = cells = component(self._design)
        m.submodules.box = box = VerilogCore(self._design.interface)
        for core in (cells, box):
            m.d.comb += [
                core.i.payload.eq(self.i.payload),
                core.i.valid.eq(self.i.valid),
                core.o.ready.eq(self.o.ready),
            ]
        m.d.comb += [
            self.i.ready.eq(box.i.ready),
            self.o.valid.eq(box.o.valid),
            self.o.payload.eq(
                Cat(*((core.o.payload, core.o.valid, core.i.ready) for core in (box, cells)))  # lowest first
            ),
        ]
        return m


def models() -> str:
    """The cells of all families, from their data sheets: a table, its lowest bit for all inputs 0."""
    kinds = [("SB_LUT4", "LUT_INIT", ["I0", "I1", "I2", "I3"], "O"), ("LUT4X", "INIT", ["A", "B", "C", "D"], "Z")]
    kinds += [(f"LUT{k}", "INIT", [f"I{j}" for j in range(k)], "O") for k in range(1, 7)]
    return "".join(
        LUT.format(
            name=name, table=table, last=2 ** len(pins) - 1, pins=", ".join(pins), out=out, index=", ".join(pins[::-1])
        )
        for name, table, pins, out in kinds
    )


def run_both(design: Design, box: str, words: Any, folder: Path) -> list[list[str]]:
    """Every cycle: rst, ready, whether a sample is offered, whether an answer is taken, and `Both`'s output payload."""
    rng = np.random.default_rng(1)
    moves = (rng.random(CYCLES) < 0.8) + 2 * (rng.random(CYCLES) < 0.7)
    (folder / "moves.hex").write_text("".join(f"{v:x}\n" for v in moves.tolist()))
    (folder / "given.hex").write_text(hex_lines(words, design.interface.input))
    bench = BENCH.format(
        i=design.interface.input.bits - 1, last=CYCLES - 1, both=2 * (design.interface.output.bits + 2) - 1
    )
    (folder / "all.v").write_text(bench + models() + emit_verilog(Both(design), "both") + box)
    command = ["iverilog", "-g2005", "-s", "bench", "-o", "bench.vvp", "all.v"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=True, capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def compared(network: Network, family: str, neuron: str, pipeline: str | int, folder: Path, damage: Any = str) -> int:
    """Answers that were taken, all as the reference's; AssertionError where the two designs or an answer differ."""
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=pipeline, family=family))
    x = networks.random_samples(np.random.default_rng(0), network, CYCLES)
    # the ECP5's LUT4 has other pins than Xilinx' LUT4
    text = mapped_verilog(design, family)
    if family == "ecp5":
        text = text.replace("LUT4 #(.INIT", "LUT4X #(.INIT")
    trace = run_both(design, damage(text), pack(network, encode(network, x)), folder)
    sent, answers = [], []
    for cycle, (rst, ready, offered, taken, seen) in enumerate(trace):
        if rst == "1":
            continue
        cells, box = seen[: len(seen) // 2], seen[len(seen) // 2 :]
        assert cells[:2] == box[:2], f"handshake in cycle {cycle}: {cells} {box}"
        assert box[1] == "0" or cells == box, f"answer in cycle {cycle}: {cells} {box}"
        sent += [cycle] if (ready, offered) == ("1", "1") else []
        answers += [int(box[2:], 2)] if taken == "1" else []
    want = reference.run(network, x[sent])
    values = {o.value: v for o, v in zip(network.outputs, want.values, strict=True)}
    words = from_ints(answers, design.interface.output.bits)
    for field in design.interface.fields:
        got = unpack(field, words).reshape(len(answers), -1)
        np.testing.assert_array_equal(got, values[field.value].reshape(len(sent), -1)[: len(answers)])
    return len(answers)


@pytest.fixture(autouse=True)
def _icarus() -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")


@pytest.mark.parametrize(("name", "family", "neuron", "pipeline"), CASES)
def test_cells_and_black_box_agree(name: str, family: str, neuron: str, pipeline: str | int, tmp_path: Path) -> None:
    assert compared(NETWORKS[name](), family, neuron, pipeline, tmp_path) > CYCLES // 2


def test_a_changed_table_in_the_black_box_is_seen(tmp_path: Path) -> None:
    def damage(text: str) -> str:
        head, table, rest = text.partition(".LUT_INIT(16'h")
        return head + table + f"{int(rest[:4], 16) ^ 0xFFFF:04x}" + rest[4:]

    with pytest.raises(AssertionError, match="answer in cycle"):
        compared(networks.xor(), "ice40", "auto", "none", tmp_path, damage)
