"""Colorlight i9 with the extension board: ECP5-45F, 25 MHz, the board's DAPLink as UART."""

from threshc.hdl.targets.base import Pins, Target, open_fpga_loader
from threshc.hdl.targets.ecp5_45f import ECP5_45F

TARGET = Target(
    "colorlight-i9",
    "Colorlight i9 with extension board (ECP5-45F)",
    ECP5_45F,
    Pins(25_000_000, clk="P3", rx="H18", tx="J17", source="wuxx/Colorlight-FPGA-Projects; litex-boards"),
    (open_fpga_loader("colorlight-i9", "sram", "flash"),),
)
