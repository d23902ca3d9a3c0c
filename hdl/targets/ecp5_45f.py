"""Lattice ECP5-45F, speed grade 6, in its 381-ball BGA, without a board."""

from threshc.hdl.targets.base import Device, Target

ECP5_45F = Device(
    "LFE5U-45F-6BG381",
    "ecp5",
    ("--45k", "--package", "CABGA381", "--speed", "6"),
    43848,
    43848,
    108,
    "Lattice FPGA-DS-02012",
    ram_columns=(4, 13, 22, 31, 42, 51, 60, 69, 78),
    ram_rows=(10, 34, 58),
)

TARGET = Target("ecp5-45f", "bare Lattice LFE5U-45F, CABGA381 package, speed grade 6", ECP5_45F)
