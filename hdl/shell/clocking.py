"""The clock domain of a board whose circuit runs at a frequency that a PLL makes of its crystal's."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Const, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from threshc.hdl.plls.base import Parameter
from threshc.hdl.targets.clock import Clock

SETTLED = 15e-6
"""Seconds of reset once the PLL has locked: block RAM of iCE40 reads zeros for 3 us after configuration."""
_CYCLES = 15
"""Cycles of reset at least."""


class Settling(wiring.Component):
    """Says when a circuit may run: so many cycles after the PLL has locked, and no more as soon as it loses its lock.

    locked: from the PLL, at any time; running: 1 when reset is over. Needs no reset itself.
    """

    def __init__(self, cycles: int) -> None:
        self._cycles = cycles
        super().__init__({"locked": In(1), "running": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        steady, running = Signal(), Signal(reset_less=True)
        m.submodules.lock = FFSynchronizer(self.locked, steady)  # its registers know no reset
        started = Signal(range(self._cycles + 1), reset_less=True)
        m.d.comb += self.running.eq(running)
        m.d.sync += running.eq(steady & (started == self._cycles))
        with m.If(~steady):
            m.d.sync += started.eq(0)
        with m.Elif(started != self._cycles):
            m.d.sync += started.eq(started + 1)
        return m


def add_domain(m: Module, clock: Clock, reference: Any) -> None:
    """Makes the domain `sync` of a module from a PLL's output, in reset until the PLL has locked, and again whenever it
    has lost its lock.

    clock: one with a PLL; reference: the crystal's signal, or its port where the PLL takes the pin itself.
    """
    m.domains.sync = ClockDomain(local=True)
    cycles = max(_CYCLES, int(SETTLED * clock.hz) + 1)
    m.submodules.settling = settling = Settling(cycles)
    m.submodules.pll = _instance(clock, reference, ClockSignal(), settling.locked)
    m.d.comb += ResetSignal().eq(~settling.running)


def _instance(clock: Clock, reference: Any, output: Any, locked: Any) -> Instance:
    pll, setting = clock.pll, clock.setting
    assert pll is not None
    assert setting is not None
    loop = Signal()
    pins = {pll.pad[1] if clock.on_pad and pll.pad else pll.reference: ("i", reference)}
    pins |= {pll.output: ("o", output), pll.locked: ("o", locked)}
    if pll.loop is not None:
        pins |= {pll.loop[0]: ("o", loop), pll.loop[1]: ("i", loop)}
    pins |= {name: ("i", Const(value, 1)) for name, value in (pll.tied or {}).items()}
    parameters = {**(pll.parameters or {}), **setting.parameters}
    return Instance(
        clock.cell,
        *(("p", name, _value(value)) for name, value in parameters.items()),
        *(("a", name, value) for name, value in (pll.attributes or {}).items()),
        *((way, name, value) for name, (way, value) in pins.items()),
    )


def _value(parameter: Parameter) -> Any:
    if isinstance(parameter, str):
        return parameter
    value, bits = parameter
    return Const(value, bits) if bits else value
