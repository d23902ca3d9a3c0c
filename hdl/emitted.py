"""The Verilog of a circuit, kept: emitting a large one takes a while, and simulation and synthesis both want it."""

from __future__ import annotations

from functools import lru_cache

from threshc.hdl.interface import StreamUnit


@lru_cache(2)
def emitted(unit: StreamUnit) -> str:
    """`unit.verilog()`, emitted once for the circuits used last."""
    return unit.verilog()
