"""A network behind an SPI slave: what is built for a board whose host is quicker than a serial port."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring

from threshc.hdl.interface import Interface
from threshc.hdl.shell.engine import Engine
from threshc.hdl.shell.shell import connect_network
from threshc.hdl.shell.spi import PINS, Pump, SpiSlave, WholeReplies, depth


class SpiShell(wiring.Component):
    """sck, cs, copi, cipo: of `SpiSlave`, with the network between."""

    def __init__(self, core: wiring.Component, interface: Interface, *, timeout: int) -> None:
        """core: has the streams `i` and `o` of the interface, which is not loaded at start; timeout: see `Engine`."""
        assert interface.load is None
        self._core, self._interface, self._timeout = core, interface, timeout
        super().__init__(PINS)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        core: Any = self._core
        m.submodules.slave = slave = SpiSlave(depth(self._interface))
        m.submodules.pump = pump = Pump()
        m.submodules.engine = engine = Engine(self._interface, self._timeout, waits=True)
        m.submodules.replies = replies = WholeReplies(self._interface)
        m.submodules.core = core
        wiring.connect(m, slave.o, pump.i)
        wiring.connect(m, pump.o, engine.i)
        wiring.connect(m, engine.o, replies.i)
        wiring.connect(m, replies.o, slave.i)
        connect_network(m, self._interface, engine, core)
        m.d.comb += [engine.broken.eq(pump.broken), pump.busy.eq(engine.busy), self.cipo.eq(slave.cipo)]
        m.d.comb += [getattr(slave, name).eq(getattr(self, name)) for name in ("sck", "cs", "copi")]
        return m
