"""1BitSquared iCEBreaker: iCE40UP5K, 12 MHz, FTDI FT2232H whose second channel is the UART."""

from threshc.hdl.targets.base import Board, Programmer, Target, open_fpga_loader
from threshc.hdl.targets.up5k_sg48 import UP5K

TARGET = Target(
    "icebreaker",
    "1BitSquared iCEBreaker (iCE40UP5K)",
    UP5K,
    Board("amaranth_boards.icebreaker", "ICEBreakerPlatform", 12_000_000, pll_on_pad=True),
    (open_fpga_loader("ice40_generic", "flash"), Programmer("iceprog", {"flash": ()})),
    links=(("spi", ("20", "26", "23", "18")),),  # PMOD2, lower row; SCK on a pin that leads to a global buffer
)
