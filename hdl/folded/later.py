"""A value some cycles later."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value


def later(m: Module, value: Value, cycles: int) -> list[Value]:
    """Returns the value now, and 1 to `cycles` cycles later."""
    found = [value]
    for _ in range(cycles):
        kept = Signal(len(value))
        m.d.sync += kept.eq(found[-1])
        found.append(kept)
    return found
