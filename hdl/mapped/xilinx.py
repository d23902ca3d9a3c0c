"""Xilinx 7 series: LUT1 to LUT6, as in Yosys' techlibs/xilinx/cells_sim.v."""

from threshc.hdl.luts.tables import widen
from threshc.hdl.mapped.base import Family


def _cell(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    pins = operands or ("1'b0",)  # a constant takes a LUT1: there is no LUT0
    size = len(pins)
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(pins))
    return f"LUT{size} #(.INIT({1 << size}'h{widen(table, len(operands), size):x})) {instance} ({ports}, .O({output}));"


FAMILY = Family("xilinx", 6, _cell)
