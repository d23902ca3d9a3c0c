"""Xilinx 7 series: LUT1 to LUT6, as in Yosys' techlibs/xilinx/cells_sim.v."""

from threshc.hdl.mapped.base import Family


def _cell(instance: str, table: int, operands: tuple[str, ...], output: str) -> str:
    size = len(operands)
    ports = ", ".join(f".I{k}({p})" for k, p in enumerate(operands))
    return f"LUT{size} #(.INIT({1 << size}'h{table:x})) {instance} ({ports}, .O({output}));"


FAMILY = Family("xilinx", 6, _cell)
