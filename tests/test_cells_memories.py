"""Block RAM in simulated netlists: as Yosys maps it, against plain arrays, each sample at addresses of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.flow.tools import YOSYS, check, find_tools, run_tool

CYCLES, SAMPLES = 48, 64
SYNTH = {
    "ice40": "synth_ice40",
    "ecp5": "synth_ecp5",
    "gowin": "synth_gowin -noiopads -nolutram",
    "gatemate": "synth_gatemate -luttree -nomx8 -noiopad -noclkbuf",
}
MODULE = """module m(
  input clk, input we, input [{a}:0] wa, input [{d}:0] wd, input re, input [{a}:0] ra, output [{d}:0] q
);
  {style} reg [{d}:0] mem [0:{last}];
  reg [{d}:0] first, second;
  initial begin {init} first = 0; second = 0; end
  always @(posedge clk) begin
    {write}
    if (re) first <= mem[ra];
    second <= first;
  end
  assign q = {q};
endmodule
"""

pytestmark = pytest.mark.slow


def synthesized(folder: Path, family: str, text: str) -> Gates:
    try:
        (yosys,) = find_tools((YOSYS,)).values()
    except CompileError as problem:
        pytest.skip(str(problem))
    (folder / "m.v").write_text(text)
    script = f"read_verilog m.v; {SYNTH[family]} -top m; write_json m.json"
    check(run_tool(yosys, ["-q", "-l", "yosys.log", "-p", script], folder, lambda _: None), "synthesizing")
    return read_netlist(folder / "m.json", family, "m")


def to_words(values: np.ndarray, width: int) -> np.ndarray:
    """(cycles, samples) integers to (cycles, width, 1) machine words."""
    bits = (values[:, None, :] >> np.arange(width)[None, :, None]) & 1
    return np.packbits(bits.astype(np.uint8), axis=2, bitorder="little").view("<u8").astype(np.uint64)


def from_words(words: np.ndarray) -> np.ndarray:
    bits = np.unpackbits(words[..., 0].astype("<u8")[..., None].view(np.uint8), axis=2, bitorder="little")
    return (bits.astype(np.int64) << np.arange(words.shape[1])[None, :, None]).sum(axis=1)


@pytest.mark.parametrize(
    ("family", "depth", "width", "written", "second", "cell"),
    [
        ("ice40", 256, 16, False, False, "SB_RAM40_4K"),
        ("ice40", 512, 7, True, False, "SB_RAM40_4K"),
        ("ice40", 2048, 3, True, True, "SB_RAM40_4K"),
        ("ice40", 1000, 20, False, True, "SB_RAM40_4K"),
        ("ice40", 16384, 16, True, False, "SB_SPRAM256KA"),
        ("ecp5", 512, 36, False, False, "DP16KD"),
        ("ecp5", 512, 40, True, True, "DP16KD"),
        ("ecp5", 1024, 18, True, False, "DP16KD"),
        ("ecp5", 4096, 4, False, False, "DP16KD"),
        ("ecp5", 16000, 2, True, False, "DP16KD"),
        ("ecp5", 16, 5, True, False, "TRELLIS_DPR16X4"),
        ("gowin", 512, 36, False, False, "SPX9"),
        ("gowin", 512, 32, True, True, "SDPX9B"),
        ("gowin", 2048, 9, True, False, "DPX9B"),
        ("gowin", 8192, 2, True, False, "DPB"),
        ("gatemate", 512, 40, False, False, "CC_BRAM_20K"),
        ("gatemate", 512, 36, True, True, "CC_BRAM_20K"),
        ("gatemate", 512, 60, True, False, "CC_BRAM_40K"),
        ("gatemate", 1024, 20, True, False, "CC_BRAM_20K"),
        ("gatemate", 2048, 9, False, True, "CC_BRAM_20K"),
        ("gatemate", 4096, 5, True, False, "CC_BRAM_20K"),
        ("gatemate", 8192, 2, True, False, "CC_BRAM_20K"),
        ("gatemate", 16000, 1, False, False, "CC_BRAM_20K"),
        ("gatemate", 32768, 1, True, False, "CC_BRAM_40K"),
    ],
)
def test_memories(family: str, depth: int, width: int, written: bool, second: bool, cell: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(depth * width)
    spram = cell == "SB_SPRAM256KA"
    contents = np.zeros(depth, np.int64) if spram else rng.integers(0, 1 << width, depth)
    (tmp_path / "first.mem").write_text("".join(f"{v:x}\n" for v in contents))
    address = (depth - 1).bit_length()
    style = {"SB_SPRAM256KA": '(* ram_style = "huge" *)', "TRELLIS_DPR16X4": '(* ram_style = "distributed" *)'}
    text = MODULE.format(
        a=address - 1,
        d=width - 1,
        last=depth - 1,
        style=style.get(cell, '(* ram_style = "block", rom_style = "block" *)'),
        init="" if spram else '$readmemh("first.mem", mem);',
        write="if (we) mem[wa] <= wd;" if written else "",
        q="second" if second else "first",
    )
    if spram:  # one port: it reads where it does not write
        text = text.replace("if (we) mem[wa] <= wd;", "if (we) mem[ra] <= wd;").replace("if (re)", "else if (re)")
        text = text.replace("first = 0;", "")
    gates = synthesized(tmp_path, family, text)
    assert gates.blocks
    assert cell in {c.kind for c in gates.cells}
    for same in (True, False):
        compare(gates, contents, width, written, second, spram, same, rng)


def compare(
    gates: Gates,
    contents: np.ndarray,
    width: int,
    written: bool,
    second: bool,
    spram: bool,
    same: bool,
    rng: np.random.Generator,
) -> None:
    """Random reads and writes against an array; same: all samples at one address."""
    machine, depth = Machine(gates), len(contents)
    address = (depth - 1).bit_length()
    shape = (CYCLES, 1) if same else (CYCLES, SAMPLES)

    def drawn(high: int) -> np.ndarray:
        return np.broadcast_to(rng.integers(0, high, shape), (CYCLES, SAMPLES))

    pool = rng.integers(0, depth, 6)  # so that what was written is read
    we, wd, re = drawn(2), rng.integers(0, 1 << width, (CYCLES, SAMPLES)), drawn(4) > 0
    wa, ra = pool[drawn(6)], pool[drawn(6)]
    ra = np.where((wa == ra) & (we == 1), (ra + 1) % depth, ra) if not spram else ra  # a collision is not defined
    ports = gates.inputs
    drive = machine.nets([*ports["we"], *ports["wa"], *ports["wd"], *ports["re"], *ports["ra"]])
    stimulus = np.concatenate(
        [to_words(v, n) for v, n in ((we, 1), (wa, address), (wd, width), (re, 1), (ra, address))], axis=1
    )
    got = from_words(machine.run(drive, stimulus, machine.nets(gates.outputs["q"])))
    state = np.repeat(contents[:, None], SAMPLES, axis=1)
    first, after, lane = np.zeros(SAMPLES, np.int64), np.zeros(SAMPLES, np.int64), np.arange(SAMPLES)
    unknown = np.full(SAMPLES, spram)  # an SPRAM's output before its first read
    for t in range(CYCLES):
        known = ~unknown
        np.testing.assert_array_equal(got[t][known], (after if second else first)[known], err_msg=f"cycle {t}")
        reads = (re[t] == 1) & ~((we[t] == 1) & spram)
        after = first
        first = np.where(reads, state[ra[t], lane], first)
        unknown = unknown & ~reads | ((we[t] == 1) & spram)
        if written:
            where = we[t] == 1
            at = ra[t] if spram else wa[t]
            state[at[where], lane[where]] = wd[t][where]


def test_output_registers_of_ecp5(tmp_path: Path) -> None:
    """The register that a block RAM has behind its output, switched on in Yosys' netlist: everything a cycle later."""
    rng = np.random.default_rng(5)
    contents = rng.integers(0, 1 << 36, 512)
    (tmp_path / "first.mem").write_text("".join(f"{v:x}\n" for v in contents))
    style = '(* rom_style = "block" *)'
    text = MODULE.format(a=8, d=35, last=511, style=style, init='$readmemh("first.mem", mem);', write="", q="first")
    synthesized(tmp_path, "ecp5", text)
    netlist = (tmp_path / "m.json").read_text()
    assert netlist.count('"NOREG"') >= 2
    (tmp_path / "m.json").write_text(netlist.replace('"NOREG"', '"OUTREG"'))
    compare(read_netlist(tmp_path / "m.json", "ecp5", "m"), contents, 36, False, True, False, False, rng)


def test_what_has_no_model_is_refused(tmp_path: Path) -> None:
    text = MODULE.format(a=7, d=15, last=255, style="", init="", write="if (we) mem[wa] <= wd;", q="first").replace(
        "posedge", "negedge"
    )
    with pytest.raises(CompileError, match="netlist cannot be read") as caught:
        synthesized(tmp_path, "ice40", text)
    assert "SB_RAM40_4KN" in str(caught.value)
