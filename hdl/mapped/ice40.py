"""Lattice iCE40: SB_LUT4, as in Yosys' techlibs/ice40/cells_sim.v."""

from threshc.hdl.luts.tables import widen
from threshc.hdl.mapped.base import Family


def _cell(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = [*operands, *["1'b0"] * (4 - len(operands))]
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"SB_LUT4 #(.LUT_INIT(16'h{widen(table, len(operands), 4):04x})) {instance} ({ports}, .O({output}));"


FAMILY = Family("ice40", 4, _cell)
