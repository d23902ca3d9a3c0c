"""Sipeed Tang Nano 20K: Gowin GW2AR-18C, 27 MHz, BL616 whose second channel is the UART."""

from threshc.hdl.targets.base import Pins, Target, open_fpga_loader
from threshc.hdl.targets.gw2ar_18c import GW2AR_18C

TARGET = Target(
    "tang-nano-20k",
    "Sipeed Tang Nano 20K (GW2AR-18C)",
    GW2AR_18C,
    Pins(27_000_000, clk="4", rx="70", tx="69", source="Sipeed's schematic; litex-boards"),
    (open_fpga_loader("tangnano20k", "sram", "flash"),),
)
