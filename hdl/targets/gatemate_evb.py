"""Cologne Chip's GateMate evaluation board: CCGM1A1, 10 MHz, the UART on a Digilent Pmod USBUART in PMODA."""

from threshc.hdl.targets.base import Pins, Target, open_fpga_loader
from threshc.hdl.targets.ccgm1a1 import CCGM1A1

TARGET = Target(
    "gatemate-evb",
    "Cologne Chip CCGM1A1-EVB, Pmod USBUART in PMODA",
    CCGM1A1,
    Pins(10_000_000, clk="IO_SB_A8", rx="IO_NB_A2", tx="IO_NB_A1", source="Cologne Chip DS1003; litex-boards"),
    (open_fpga_loader("gatemate_evb_jtag", "sram", "flash"),),
)
