"""Xilinx 7 series, its cells after Yosys' techlibs/xilinx/cells_sim.v."""

from __future__ import annotations

from functools import partial

from threshc.hdl.families.base import ChainNets, Counting, Family, Memory
from threshc.hdl.families.models import OVER, OVER_SET, Cell, Model, Sink, inverted, refuse, register
from threshc.hdl.logic.tables import MUX, XOR, widen


def _text(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = operands or ("1'b0",)  # a constant takes a LUT1: there is no LUT0
    size = len(pins)
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"LUT{size} #(.INIT({1 << size}'h{widen(table, len(operands), size):x})) {instance} ({ports}, .O({output}));"


def _two(instance: str, tables: tuple[int, int], operands: tuple[str, ...], outputs: tuple[str, str]) -> str:
    """O6 is the upper half of the table while I5 is 1, O5 the lower half."""
    high, low = (widen(table, len(operands), 5) for table in tables)
    pins = [*operands, *["1'b0"] * (5 - len(operands)), "1'b1"]
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"LUT6_2 #(.INIT(64'h{high << 32 | low:x})) {instance} ({ports}, .O6({outputs[0]}), .O5({outputs[1]}));"


def _chain(instance: str, nets: ChainNets) -> str:
    (s, t), (d, e), (first, second, carry) = nets.selects, nets.data, nets.outputs
    return (
        f"wire [3:0] {instance}_o, {instance}_c; CARRY4 {instance} (.CI(1'b0), .CYINIT({nets.carry}), "
        f".DI({{2'b00, {e}, {d}}}), .S({{2'b00, {t}, {s}}}), .O({instance}_o), .CO({instance}_c)); "
        f"assign {first} = {instance}_o[0]; assign {second} = {instance}_o[1]; assign {carry} = {instance}_c[1];"
    )


def _lut(cell: Cell, to: Sink, inputs: int) -> None:
    to.table(cell["O"], [cell[f"I{k}"] for k in range(inputs)], cell.number("INIT"))


def _lut6_2(cell: Cell, to: Sink) -> None:
    """O5 is the lower half of the table, whatever I5 is."""
    inputs, init = [cell[f"I{k}"] for k in range(6)], cell.number("INIT")
    to.table(cell["O6"], inputs, init)
    to.table(cell["O5"], inputs[:5], init & 0xFFFFFFFF)


def _inv(cell: Cell, to: Sink) -> None:
    to.table(cell["O"], [cell["I"]], 0b01)


def _same(cell: Cell, to: Sink) -> None:
    to.same(cell["O"], cell["I"])


def _mux(cell: Cell, to: Sink) -> None:
    """MUXF7 and MUXF8."""
    to.table(cell["O"], [cell["S"], cell["I1"], cell["I0"]], MUX)


def _carry4(cell: Cell, to: Sink) -> None:
    """O = S ^ carry, carry out = S ? carry : DI, four times; the first carry is CI or CYINIT."""
    carry = to.fresh()
    to.table(carry, [cell["CI"], cell["CYINIT"]], 0b1110)
    selects, data, outs, carries = (cell.word(p) for p in ("S", "DI", "O", "CO"))
    for k, select in enumerate(selects):
        if k < len(outs):
            to.table(outs[k], [select, carry], XOR[2])
        following = carries[k] if k < len(carries) else to.fresh()
        to.table(following, [select, carry, data[k] if k < len(data) else 0], MUX)
        carry = following


def _flop(cell: Cell, to: Sink, reset: str, table: int, asynchronous: bool, init: int) -> None:
    refuse(cell.number("IS_C_INVERTED") == 1, "a flip-flop on a falling edge")
    level, d = cell[reset], cell["D"]
    if cell.number(f"IS_{reset}_INVERTED"):
        level = inverted(to, level)
    if cell.number("IS_D_INVERTED"):
        d = inverted(to, d)
    refuse(asynchronous and level != 0, "a flip-flop with an asynchronous reset")
    enable = cell["CE"] if cell.given("CE") else 1
    first = cell.number("INIT", init)
    register(to, q=cell["Q"], d=d, clock=cell["C"], enable=enable, reset=level, table=table, init=first)


_MODELS: dict[str, Model] = {
    **{f"LUT{k}": partial(_lut, inputs=k) for k in range(1, 7)},
    "LUT6_2": _lut6_2,
    "INV": _inv,
    "BUFG": _same,
    "IBUF": _same,
    "OBUF": _same,
    "MUXF7": _mux,
    "MUXF8": _mux,
    "CARRY4": _carry4,
    "FDRE": partial(_flop, reset="R", table=OVER, asynchronous=False, init=0),
    "FDSE": partial(_flop, reset="S", table=OVER_SET, asynchronous=False, init=1),
    "FDCE": partial(_flop, reset="CLR", table=OVER, asynchronous=True, init=0),
    "FDPE": partial(_flop, reset="PRE", table=OVER_SET, asynchronous=True, init=1),
}

FAMILY = Family(
    name="xilinx",
    title="Xilinx 7 series",
    inputs=6,
    cell=_text,
    models=_MODELS,
    counting=Counting({"INV": 1, "LUT6_2": 1, **{f"LUT{k}": 1 for k in range(1, 7)}}, ("FD",), ("CARRY4",), ("RAMB",)),
    synth="synth_xilinx -flatten -noiopad -noclkbuf -nosrl -nodsp",
    cells=("LUT", "CARRY", "FD", "INV", "MUXF"),
    simulation="xilinx/cells_sim.v",
    two=_two,
    chain=_chain,
    memories=(
        Memory("RAMB36E1", ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))),
        Memory("RAMB18E1", ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))),
    ),
)
