"""The emitted Verilog as an Amaranth component: what is synthesized is the very text that was simulated."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.shell.writer import load_signature


class VerilogCore(wiring.Component):
    """An instance of the circuit's Verilog module, with its streams `i` and `o`.

    Where its memories are filled at start also with the port `load`, and `hold`, which keeps it in reset.
    """

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        load = interface.load
        ends = {"i": In(stream.Signature(interface.input.width)), "o": Out(stream.Signature(interface.output.width))}
        super().__init__(ends if load is None else ends | {"load": In(load_signature(load)), "hold": In(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        reset: Any = ResetSignal(allow_reset_less=True)
        loads: list[Any] = []
        if self._interface.load is not None:
            reset |= self.hold
            loads = [("i", f"load_{name}", getattr(self.load, name)) for name in ("write", "address", "data")]
        m.submodules.network = Instance(
            self._interface.name,
            ("i", "clk", ClockSignal()),
            ("i", "rst", reset),
            ("i", "i_payload", self.i.payload),
            ("i", "i_valid", self.i.valid),
            ("o", "i_ready", self.i.ready),
            ("o", "o_payload", self.o.payload),
            ("o", "o_valid", self.o.valid),
            ("i", "o_ready", self.o.ready),
            *loads,
        )
        return m
