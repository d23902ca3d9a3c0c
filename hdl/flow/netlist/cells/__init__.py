"""Models of the cells that Yosys maps to, one file per family."""

from threshc.hdl.flow.netlist.cells.base import Model
from threshc.hdl.flow.netlist.cells.ecp5 import MODELS as ECP5
from threshc.hdl.flow.netlist.cells.ice40 import MODELS as ICE40
from threshc.hdl.flow.netlist.cells.xilinx import MODELS as XILINX

FAMILIES: dict[str, dict[str, Model]] = {"ice40": ICE40, "ecp5": ECP5, "xilinx": XILINX}
