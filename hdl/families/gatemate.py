"""Cologne Chip GateMate, its cells after Yosys' techlibs/gatemate/cells_sim.v.

A CPE has no tables of four inputs but trees of tables of two, so that Yosys maps the functions of the pre-mapped tables
afresh.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from threshc.hdl.families.base import Count, Counting, Delays, Family, Flow, Memory, Placed, yowasp
from threshc.hdl.families.gatemate_memories import block_ram
from threshc.hdl.families.models import OVER, Cell, Model, Sink, inverted, pll_models, refuse, register
from threshc.hdl.logic.tables import MAJ, MUX, XOR, widen
from threshc.hdl.plls.gatemate import PLL


def _text(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = [*operands, *["1'b0"] * (4 - len(operands))]
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"CC_LUT4 #(.INIT(16'h{widen(table, len(operands), 4):04x})) {instance} ({ports}, .O({output}));"


_UNMAP = r"""design -push
read_verilog -icells <<EOT
module CC_LUT4 (output O, input I0, I1, I2, I3);
  parameter [15:0] INIT = 0;
  \$lut #(.WIDTH(4), .LUT(INIT)) _TECHMAP_REPLACE_ (.A({I3, I2, I1, I0}), .Y(O));
endmodule
EOT
design -stash tables
design -pop
techmap -map %tables
proc
simplemap t:$lut
abc -g AND,NAND,OR,NOR,XOR,XNOR
"""
"""Tables become gates: otherwise they would become trees of multiplexers."""


def _lut(cell: Cell, to: Sink, inputs: int) -> None:
    to.table(cell["O"], [cell[f"I{k}"] for k in range(inputs)], cell.number("INIT"))


def _part(cell: Cell, to: Sink, name: str, first: int, second: int) -> int:
    """A table of two inputs inside of a tree."""
    out = to.fresh()
    to.table(out, [first, second], cell.number(f"INIT_{name}"))
    return out


def _tree4(cell: Cell, to: Sink) -> None:
    low, high = _part(cell, to, "L00", cell["I0"], cell["I1"]), _part(cell, to, "L01", cell["I2"], cell["I3"])
    to.table(cell["O"], [low, high], cell.number("INIT_L10"))


def _tree5(cell: Cell, to: Sink) -> None:
    low, high = _part(cell, to, "L02", cell["I0"], cell["I1"]), _part(cell, to, "L03", cell["I2"], cell["I3"])
    to.table(cell["O"], [cell["I4"], _part(cell, to, "L11", low, high)], cell.number("INIT_L20"))


def _mux(cell: Cell, to: Sink, selects: int) -> None:
    values = [cell[f"D{k}"] for k in range(1 << selects)]
    for k in range(selects):
        made = [to.fresh() for _ in values[::2]] if k + 1 < selects else [cell["Y"]]
        for out, zero, one in zip(made, values[::2], values[1::2], strict=True):
            to.table(out, [cell[f"S{k}"], one, zero], MUX)
        values = made


def _adder(cell: Cell, to: Sink) -> None:
    operands = [cell["A"], cell["B"], cell["CI"]]
    to.table(cell["S"], operands, XOR[3])
    to.table(cell["CO"], operands, MAJ)


def _flop(cell: Cell, to: Sink) -> None:
    refuse(cell.number("CLK_INV") == 1, "CC_DFF on a falling edge")
    reset, enable = cell["SR"], cell["EN"]
    refuse(reset != cell.number("SR_INV"), "CC_DFF with an asynchronous reset")
    if cell.number("EN_INV"):
        enable = inverted(to, enable)
    register(to, q=cell["Q"], d=cell["D"], clock=cell["CLK"], enable=enable, table=OVER, init=cell.number("INIT"))


def _same(cell: Cell, to: Sink, pins: str) -> None:
    to.same(cell[pins[1]], cell[pins[0]])


_MODELS: dict[str, Model] = {
    **{f"CC_LUT{k}": partial(_lut, inputs=k) for k in range(1, 5)},
    "CC_L2T4": _tree4,
    "CC_L2T5": _tree5,
    **{f"CC_MX{1 << k}": partial(_mux, selects=k) for k in range(1, 4)},
    "CC_ADDF": _adder,
    "CC_DFF": _flop,
    "CC_BRAM_20K": partial(block_ram, half=20),
    "CC_BRAM_40K": partial(block_ram, half=40),
    "CC_IBUF": partial(_same, pins="IY"),
    "CC_OBUF": partial(_same, pins="AO"),
    "CC_BUFG": partial(_same, pins="IO"),
    **pll_models(PLL),
}
_HALVES = {"CC_L2T5": 2, "CC_MX4": 2, "CC_MX8": 4, "CC_L2T4": 1, "CC_MX2": 1}
"""Halves of CPEs that a cell takes: each is a tree of tables of two, and what is counted as a LUT."""


def _placed(name: str, cell: dict[str, Any], origin: str) -> Count:
    """Halves of CPEs; those that only lead to a flip-flop are named after it, with a suffix."""
    kind = cell["type"]
    logic = origin in _HALVES or origin.startswith("CC_LUT")
    return Count(int(logic), int(kind.startswith("CPE_FF")), {"CPE_ADDF": 1, "CPE_ADDF2": 2}.get(kind, 0))


def _place(selection: tuple[str, ...], constrained: bool) -> list[str]:
    pins = "ccf=top.ccf" if constrained else "allow-unconstrained"
    options = ("out=top.txt", pins, "no-bridges", "no-cpe-cp")
    return [*selection, *(word for option in options for word in ("--vopt", option))]


FAMILY = Family(
    name="gatemate",
    title="Cologne Chip GateMate",
    inputs=4,
    cell=_text,
    models=_MODELS,
    counting=Counting({**{f"CC_LUT{k}": 1 for k in range(1, 5)}, **_HALVES}, ("CC_DFF",), ("CC_ADDF",), ("CC_BRAM",)),
    unmap=_UNMAP,
    synth="synth_gatemate -luttree -nomx8 -noiopad -noclkbuf",
    whole="synth_gatemate -luttree -nomx8",
    cells=("CC_",),
    simulation="gatemate/cells_sim.v",
    memories=(
        Memory("CC_BRAM_40K", ((512, 80), (1024, 40), (2048, 20), (4096, 10), (8192, 5), (16384, 2), (32768, 1))),
        Memory("CC_BRAM_20K", ((512, 40), (1024, 20), (2048, 10), (4096, 5), (8192, 2), (16384, 1))),
    ),
    delays={"CCGM1": Delays(4.0, 2.9)},
    pll=PLL,
    flow=Flow(
        nextpnr="nextpnr-himbaechel-gatemate",
        packer="gmpack",
        packages=yowasp("yowasp-nextpnr-himbaechel-gatemate", "nextpnr-himbaechel-gatemate", "gmpack"),
        constraints="ccf",
        locate=lambda port, pin: f'Net "{port}" Loc = "{pin}";',
        place=_place,
        routed="top.txt",
        pack=lambda _: ["top.txt", "top.bit"],
        bitstream="top.bit",
        aim_hz=50e6,
        header=b"\xd9\x01",
        placed=Placed("CPE_LT", ("CPE_L2T4",), r"(\$lt|\$upper|\$lower)?", _placed),
    ),
)
