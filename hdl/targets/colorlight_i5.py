"""Colorlight i5 with the extension board: ECP5-25F, 25 MHz, the board's DAPLink as UART."""

from threshc.hdl.targets.base import Pins, Target, open_fpga_loader
from threshc.hdl.targets.ecp5_25f import ECP5_25F

TARGET = Target(
    "colorlight-i5",
    "Colorlight i5 with extension board (ECP5-25F)",
    ECP5_25F,
    Pins(25_000_000, clk="P3", rx="H18", tx="J17", source="wuxx/Colorlight-FPGA-Projects; litex-boards"),
    (open_fpga_loader("colorlight-i5", "sram", "flash"),),
)
