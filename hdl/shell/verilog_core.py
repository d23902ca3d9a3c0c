"""The emitted Verilog as an Amaranth component: what is synthesized is the very text that was simulated."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface


class VerilogCore(wiring.Component):
    """An instance of the circuit's Verilog module, with its streams `i` and `o`."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        super().__init__(
            {"i": In(stream.Signature(interface.input.width)), "o": Out(stream.Signature(interface.output.width))}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.network = Instance(
            self._interface.name,
            ("i", "clk", ClockSignal()),
            ("i", "rst", ResetSignal(allow_reset_less=True)),
            ("i", "i_payload", self.i.payload),
            ("i", "i_valid", self.i.valid),
            ("o", "i_ready", self.i.ready),
            ("o", "o_payload", self.o.payload),
            ("o", "o_valid", self.o.valid),
            ("i", "o_ready", self.o.ready),
        )
        return m
