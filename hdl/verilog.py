"""Amaranth components as Verilog text, deterministic, readable by Yosys, Verilator and Icarus."""

from __future__ import annotations

from amaranth.back import verilog
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component


def emit_verilog(component: Component, name: str) -> str:
    """The Verilog of a component with streams `i` and `o`: top module `name`, ports clk, rst, i_payload, i_valid, i_ready, ..."""
    top = Module()
    top.submodules.network = component
    ports = []
    for side in ("i", "o"):
        port = getattr(component, side)
        for member in ("payload", "valid", "ready"):
            inner = getattr(port, member)
            outer = Signal(len(inner), name=f"{side}_{member}")
            inward = (side == "i") != (member == "ready")
            top.d.comb += inner.eq(outer) if inward else outer.eq(inner)
            ports.append(outer)
    return str(verilog.convert(top, name=name, ports=ports, emit_src=False, strip_internal_attrs=True))
