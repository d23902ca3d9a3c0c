"""Lattice iCE40-HX8K breakout board: 12 MHz, FTDI FT2232H whose second channel is the UART."""

from threshc.hdl.targets.base import Board, Programmer, Target, open_fpga_loader
from threshc.hdl.targets.hx8k_ct256 import HX8K

TARGET = Target(
    "ice40hx8k-b-evn",
    "Lattice iCE40-HX8K breakout board",
    HX8K,
    Board("amaranth_boards.ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform", 12_000_000),
    (open_fpga_loader("ice40_generic", "flash", "sram"), Programmer("iceprog", {"flash": (), "sram": ("-S",)})),
    links=(("spi", ("G1", "G2", "H1", "F2")),),  # J4
)
