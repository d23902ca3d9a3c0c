"""Sipeed Tang Nano 9K: Gowin GW1NR-9C, 27 MHz, BL702 whose second channel is the UART."""

from threshc.hdl.targets.base import Board, Target, open_fpga_loader
from threshc.hdl.targets.gw1nr_9c import GW1NR_9C

TARGET = Target(
    "tang-nano-9k",
    "Sipeed Tang Nano 9K (GW1NR-9C)",
    GW1NR_9C,
    Board("amaranth_boards.tang_nano_9k", "TangNano9kPlatform", 27_000_000),
    (open_fpga_loader("tangnano9k", "sram", "flash"),),
)
