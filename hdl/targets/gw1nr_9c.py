"""Gowin GW1NR-9C (LittleBee) in its 88-pin QFN, speed grade C6/I5, without a board."""

from threshc.hdl.targets.base import Device, Target

GW1NR_9C = Device(
    "GW1NR-LV9QN88PC6/I5",
    "gowin",
    ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
    8640,
    6480,
    26,
    "Gowin DS117",
    ("52", *map(str, range(25, 36)), *map(str, range(68, 78))),
)

TARGET = Target("gw1nr-9c", "bare Gowin GW1NR-9C, QN88P package, speed grade C6/I5", GW1NR_9C)
