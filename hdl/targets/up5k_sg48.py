"""Lattice iCE40 UltraPlus 5K in its 48-pin QFN, without a board."""

from threshc.hdl.targets.base import Device, Target

UP5K = Device(
    "iCE40UP5K-SG48", "ice40", ("--up5k", "--package", "sg48"), 5280, 5280, 30, "Lattice FPGA-DS-02008", sprams=4
)

TARGET = Target("up5k-sg48", "bare Lattice iCE40UP5K, SG48 package", UP5K)
