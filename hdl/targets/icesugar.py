"""Muse Lab iCESugar: iCE40UP5K, 12 MHz, iCELink whose serial port is the UART."""

from threshc.hdl.targets.base import Board, Programmer, Target
from threshc.hdl.targets.up5k_sg48 import UP5K

TARGET = Target(
    "icesugar",
    "Muse Lab iCESugar (iCE40UP5K)",
    UP5K,
    Board("amaranth_boards.icesugar", "ICESugarPlatform", 12_000_000, pll_on_pad=True),
    (Programmer("icesprog", {"flash": ()}),),
    links=(("spi", ("37", "46", "44", "42")),),  # PMOD2, upper row; SCK on a pin that leads to a global buffer
)
