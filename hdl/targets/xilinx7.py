"""Xilinx 7 series: cells and pre-mapped Verilog, no place and route; as large as the XC7A200T."""

from threshc.hdl.targets.base import Device, Target

XILINX7 = Device("XC7A200T", "xilinx", (), 134600, 269200, 365, "AMD DS180")

TARGET = Target("xilinx7", "bare Xilinx 7 series, as large as the XC7A200T: no bitstream", XILINX7)
