"""Gowin GW2AR-18C (Arora) in its 88-pin QFN, speed grade C8/I7, without a board."""

from threshc.hdl.targets.base import Device, Target

GW2AR_18C = Device(
    "GW2AR-LV18QN88C8/I7",
    "gowin",
    ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
    20736,
    15552,
    46,
    "Gowin DS226",
    ("4", *map(str, range(25, 32)), *map(str, range(71, 78)), *map(str, range(15, 21))),
)

TARGET = Target("gw2ar-18c", "bare Gowin GW2AR-18C, QN88 package, speed grade C8/I7", GW2AR_18C)
