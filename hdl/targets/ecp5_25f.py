"""Lattice ECP5-25F, speed grade 6, in its 381-ball BGA, without a board."""

from threshc.hdl.targets.base import Device, Target

ECP5_25F = Device(
    "LFE5U-25F-6BG381",
    "ecp5",
    ("--25k", "--package", "CABGA381", "--speed", "6"),
    24288,
    24288,
    56,
    "Lattice FPGA-DS-02012",
    ram_columns=(4, 13, 22, 33, 42, 51, 60),
    ram_rows=(25, 37),
)

TARGET = Target("ecp5-25f", "bare Lattice LFE5U-25F, CABGA381 package, speed grade 6", ECP5_25F)
