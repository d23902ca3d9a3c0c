"""The Verilog of a design, kept: emitting a large one takes a while, and simulation and synthesis both want it."""

from __future__ import annotations

from functools import lru_cache

from threshc.hdl.unrolled.design import Design


@lru_cache(2)
def emitted(design: Design) -> str:
    """`design.verilog()`, emitted once for the designs used last."""
    return design.verilog()
