"""Lattice ECP5: LUT4, as in Yosys' techlibs/ecp5/cells_sim.v."""

from threshc.hdl.luts.tables import widen
from threshc.hdl.mapped.base import Family


def _cell(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = [*operands, *["1'b0"] * (4 - len(operands))]
    ports = ", ".join(f".{name}({p})" for name, p in zip("ABCD", pins, strict=True))
    return f"LUT4 #(.INIT(16'h{widen(table, len(operands), 4):04x})) {instance} ({ports}, .Z({output}));"


FAMILY = Family("ecp5", 4, _cell)
