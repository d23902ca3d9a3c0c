"""Lattice iCE40 HX8K in its 256-ball BGA, without a board."""

from threshc.hdl.targets.base import Device, Target

HX8K = Device("iCE40HX8K-CT256", "ice40", ("--hx8k", "--package", "ct256"), 7680, 7680, 32, "Lattice FPGA-DS-02029")

TARGET = Target("hx8k-ct256", "bare Lattice iCE40HX8K, CT256 package", HX8K)
