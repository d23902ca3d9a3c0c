"""Lattice iCE40, after Yosys' techlibs/ice40/cells_sim.v."""

from __future__ import annotations

from functools import partial

from threshc.hdl.flow.netlist.cells.base import (
    ENABLED,
    ENABLED_SET,
    OVER,
    OVER_SET,
    Cell,
    Model,
    Sink,
    Unmodelled,
    register,
)
from threshc.hdl.luts.tables import MAJ


def _lut4(cell: Cell, to: Sink) -> None:
    to.table(cell["O"], [cell[f"I{k}"] for k in range(4)], cell.number("LUT_INIT"))


def _carry(cell: Cell, to: Sink) -> None:
    to.table(cell["CO"], [cell["I0"], cell["I1"], cell["CI"]], MAJ)


def _dff(cell: Cell, to: Sink, enabled: bool, table: int) -> None:
    enable = cell["E"] if enabled and cell.given("E") else 1
    reset = cell["S"] if table in (ENABLED_SET, OVER_SET) else cell["R"]
    register(to, q=cell["Q"], d=cell["D"], clock=cell["C"], enable=enable, reset=reset, table=table)


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


MODELS: dict[str, Model] = {
    "SB_LUT4": _lut4,
    "SB_CARRY": _carry,
    "SB_DFF": partial(_dff, enabled=False, table=OVER),
    "SB_DFFE": partial(_dff, enabled=True, table=OVER),
    "SB_DFFSR": partial(_dff, enabled=False, table=OVER),
    "SB_DFFSS": partial(_dff, enabled=False, table=OVER_SET),
    "SB_DFFESR": partial(_dff, enabled=True, table=ENABLED),
    "SB_DFFESS": partial(_dff, enabled=True, table=ENABLED_SET),
    "SB_IO": _io,
    "SB_GB": _buffer,
    "SB_GB_IO": _pad_buffer,
}
