"""Radiona ULX3S with the ECP5-85F: 25 MHz, FTDI FT231X UART on US1."""

from threshc.hdl.targets.base import Board, Programmer, Target, open_fpga_loader
from threshc.hdl.targets.ecp5_85f import ECP5_85F

TARGET = Target(
    "ulx3s-85f",
    "Radiona ULX3S (ECP5-85F)",
    ECP5_85F,
    Board("amaranth_boards.ulx3s", "ULX3S_85F_Platform", 25_000_000),
    (open_fpga_loader("ulx3s", "sram", "flash"), Programmer("fujprog", {"sram": (), "flash": ("-j", "flash")})),
    links=(("spi", ("B9", "B11", "A10", "A9")),),  # GP3, GP0, GP1, GP2
)
