"""OrangeCrab r0.2 with the ECP5-25F: 48 MHz, an adapter on the pins 0 (board receives) and 1 (board sends) as UART.

Its USB is on pins of the FPGA itself and has no serial port of its own.
"""

from threshc.hdl.targets.base import Device, Pins, Programmer, Target, open_fpga_loader

_ECP5_25F_MG285 = Device(
    "LFE5U-25F-8MG285",
    "ecp5",
    ("--25k", "--package", "CSFBGA285", "--speed", "8"),
    24288,
    24288,
    56,
    "Lattice FPGA-DS-02012",
)

TARGET = Target(
    "orangecrab-25f",
    "OrangeCrab r0.2 (ECP5-25F), serial adapter on pins 0 and 1",
    _ECP5_25F_MG285,
    Pins(48_000_000, clk="A9", rx="N17", tx="M18", source="amaranth_boards.orangecrab_r0_2"),
    (open_fpga_loader("orangeCrab", "flash"), Programmer("dfu-util", {"flash": ("-d", "1209:5af0", "-a", "0", "-D")})),
    links=(("spi", ("R17", "B10", "N16", "N15")),),  # SCK, 5, MOSI, MISO
)
