"""Lattice iCE40 LP8K (low power) in its 225-ball BGA, without a board."""

from threshc.hdl.targets.base import Device, Target

LP8K = Device("iCE40LP8K-CM225", "ice40", ("--lp8k", "--package", "cm225"), 7680, 7680, 32, "Lattice FPGA-DS-02029")

TARGET = Target("lp8k-cm225", "bare Lattice iCE40LP8K, CM225 package", LP8K)
