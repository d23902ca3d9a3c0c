"""Cologne Chip GateMate CCGM1A1 in its 324-ball BGA, without a board."""

from threshc.hdl.targets.base import Device, Target

CCGM1A1 = Device("CCGM1A1", "gatemate", ("--device", "CCGM1A1"), 40960, 40960, 64, "Cologne Chip DS1001")

TARGET = Target("ccgm1a1", "bare Cologne Chip CCGM1A1", CCGM1A1)
