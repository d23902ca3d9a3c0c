"""A shell at the pins of a board that gives it a clock and nothing else: it resets itself."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.shell.clocking import add_domain
from threshc.hdl.shell.shell import Shell
from threshc.hdl.targets.clock import Clock

_CYCLES = 15
"""Cycles of reset after configuration, from flip-flops that start with their initial values."""


class SelfStarting(wiring.Component):
    """clk: the board's clock; rx, tx: the serial line of a `Shell`. 15 cycles after configuration are reset, or what
    `add_domain` says where a PLL makes the clock."""

    def __init__(self, shell: Shell, clock: Clock) -> None:
        self._shell, self._clock = shell, clock
        super().__init__({"clk": In(1), "rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self._clock.pll is not None:
            add_domain(m, self._clock, self.clk)
            m.submodules.shell = self._shell
            m.d.comb += [self._shell.rx.eq(self.rx), self.tx.eq(self._shell.tx)]
            return m
        m.domains.sync = ClockDomain(local=True)
        m.submodules.shell = self._shell
        started = Signal(range(_CYCLES + 1), reset_less=True)
        m.d.comb += [
            ClockSignal().eq(self.clk),
            ResetSignal().eq(started != _CYCLES),
            self._shell.rx.eq(self.rx),
            self.tx.eq(self._shell.tx),
        ]
        with m.If(started != _CYCLES):
            m.d.sync += started.eq(started + 1)
        return m
