"""Lattice ECP5-85F, speed grade 6, in its 381-ball BGA, without a board."""

from threshc.hdl.targets.base import Device, Target

ECP5_85F = Device(
    "LFE5U-85F-6BG381",
    "ecp5",
    ("--85k", "--package", "CABGA381", "--speed", "6"),
    83640,
    83640,
    208,
    "Lattice FPGA-DS-02012",
    ram_columns=(4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114),
    ram_rows=(22, 46, 70, 82),
)

TARGET = Target("ecp5-85f", "bare Lattice LFE5U-85F, CABGA381 package, speed grade 6", ECP5_85F)
