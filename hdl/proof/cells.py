"""Look-up tables of the families as pre-mapped text has them: names of pins, lowest index first, and parameters."""

from __future__ import annotations

_ICE40 = [("ice40", "SB_LUT4", "LUT_INIT", ("I0", "I1", "I2", "I3"), "O")]
_ECP5 = [("ecp5", "LUT4", "INIT", ("A", "B", "C", "D"), "Z")]
_GATEMATE = [("gatemate", "CC_LUT4", "INIT", ("I0", "I1", "I2", "I3"), "O")]
_GOWIN = [("gowin", "LUT4", "INIT", ("I0", "I1", "I2", "I3"), "F")]
_XILINX = [("xilinx", f"LUT{n}", "INIT", tuple(f"I{k}" for k in range(n)), "O") for n in range(1, 7)]

PINS = {
    (kind, parameter, frozenset((*inputs, output))): (family, inputs, output)
    for family, kind, parameter, inputs, output in (*_ICE40, *_ECP5, *_GATEMATE, *_GOWIN, *_XILINX)
}
"""(family, inputs, output) by kind of cell, name of its parameter, and all its pins."""


def init_of(size: int, digits: str, inputs: int) -> int | None:
    """Returns the table that a parameter of `size` bits states in hexadecimal digits; None where it does not fit."""
    table = int(digits, 16) if len(digits) <= 16 else -1
    return table if size == 1 << inputs and 0 <= table < 1 << size else None
