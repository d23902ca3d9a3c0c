"""A shell at the pins of a board that gives it a clock and nothing else: it resets itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, IOPort, Module, ResetSignal, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.shell.clocking import add_domain
from threshc.hdl.shell.ft245 import FifoShell, connect_data
from threshc.hdl.targets.clock import Clock

_CYCLES = 15
"""Cycles of reset after configuration, from flip-flops that start with their initial values."""


SERIAL = {"rx": In(1, init=1), "tx": Out(1, init=1)}


class SelfStarting(wiring.Component):
    """clk: the board's clock; the others are the pins of a shell, the serial line of a `Shell` for one. 15 cycles after
    configuration are reset, or what `add_domain` says where a PLL makes the clock."""

    def __init__(self, shell: wiring.Component, clock: Clock, pins: Mapping[str, Any] = SERIAL) -> None:
        self._shell, self._clock, self._pins = shell, clock, pins
        super().__init__({"clk": In(1), **pins})

    def _connections(self) -> list[Any]:
        pairs = [(getattr(self._shell, name), getattr(self, name), pin) for name, pin in self._pins.items()]
        return [inner.eq(outer) if pin.flow is In else outer.eq(inner) for inner, outer, pin in pairs]

    def _data(self, m: Module) -> None:
        """Pins that both sides drive, d0 to d7, of a shell that has them."""
        if isinstance(self._shell, FifoShell):
            connect_data(m, self._shell, [io.SingleEndedPort(IOPort(1, name=f"d{k}")) for k in range(8)])

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self._clock.pll is not None:
            add_domain(m, self._clock, self.clk)
            m.submodules.shell = self._shell
            m.d.comb += self._connections()
            self._data(m)
            return m
        m.domains.sync = ClockDomain(local=True)
        m.submodules.shell = self._shell
        started = Signal(range(_CYCLES + 1), reset_less=True)
        m.d.comb += [
            ClockSignal().eq(self.clk),
            ResetSignal().eq(started != _CYCLES),
            *self._connections(),
        ]
        self._data(m)
        with m.If(started != _CYCLES):
            m.d.sync += started.eq(started + 1)
        return m
