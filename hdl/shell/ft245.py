"""The asynchronous FIFO of FTDI's bridges (FT232H, FT2232H): bytes both ways, with a handshake for each.

The times are those of the FT232H as we know them, not checked against its data sheet (an open core has the 30 ns,
too): RD# and WR# are low for 30 ns at least, what is read is valid 14 ns after RD# falls, what is written is taken when
WR# falls and must be there 5 ns before and after. RXF# and TXE# are high for 49 ns at least after each byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import io, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.shell.engine import Engine
from threshc.hdl.shell.shell import connect_network
from threshc.hdl.shell.spi import Pump

PULSE = 50e-9
"""Seconds for which RD# and WR# are low at least: more than these bridges need."""
PINS = {"rxf": In(1, init=1), "txe": In(1, init=1), "rd": Out(1, init=1), "wr": Out(1, init=1)}
DATA = {"data_in": In(8), "data_out": Out(8), "data_on": Out(1)}
"""The eight data pins: data_on is 1 while the board drives them."""
_SEEN = 4
"""Cycles from the end of a pulse until RXF# and TXE#, which come through two registers, can be believed again."""


def pulse(clock_hz: float) -> int:
    """Returns the cycles for which RD# and WR# are low."""
    return max(1, ceil(clock_hz * PULSE))


def cycles(clock_hz: float) -> tuple[int, int]:
    """Returns the least cycles that a byte from the host takes, and one to it."""
    return pulse(clock_hz) + _SEEN + 2, pulse(clock_hz) + _SEEN + 3


class Fifo(wiring.Component):
    """The pins of a bridge; o: bytes from the host, taken from the bridge only where there is room; i: bytes to it."""

    def __init__(self, clock_hz: float) -> None:
        self._cycles = pulse(clock_hz)
        ends = {"o": Out(stream.Signature(8)), "i": In(stream.Signature(8))}
        super().__init__({**PINS, **DATA, **ends})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rxf, txe = Signal(init=1), Signal(init=1)
        m.submodules.rxf = FFSynchronizer(self.rxf, rxf, init=1)
        m.submodules.txe = FFSynchronizer(self.txe, txe, init=1)
        left = Signal(range(max(self._cycles, _SEEN) + 1))
        full, byte = Signal(), Signal(8)
        m.d.comb += [self.o.valid.eq(full), self.o.payload.eq(byte)]
        m.d.sync += left.eq(left - 1)
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += left.eq(self._cycles - 1)
                with m.If(~rxf & ~full):
                    m.d.sync += self.rd.eq(0)
                    m.next = "READ"
                with m.Elif(~txe & self.i.valid):
                    m.d.comb += self.i.ready.eq(1)
                    m.d.sync += [self.data_out.eq(self.i.payload), self.data_on.eq(1)]
                    m.next = "OFFER"
            with m.State("READ"), m.If(left == 0):
                m.d.sync += [self.rd.eq(1), byte.eq(self.data_in), full.eq(1), left.eq(_SEEN)]
                m.next = "REST"
            with m.State("OFFER"):
                m.d.sync += [self.wr.eq(0), left.eq(self._cycles - 1)]
                m.next = "WRITE"
            with m.State("WRITE"), m.If(left == 0):
                m.d.sync += [self.wr.eq(1), left.eq(_SEEN)]
                m.next = "REST"
            with m.State("REST"):
                m.d.sync += self.data_on.eq(0)
                with m.If(left == 0):
                    m.next = "IDLE"
        return m


def connect_data(m: Module, shell: Any, ports: Sequence[Any]) -> None:
    """Connects the data of a `FifoShell` with eight pins that both sides drive, the lowest bit first."""
    for k, port in enumerate(ports):
        m.submodules[f"d{k}"] = buffer = io.Buffer("io", port)
        m.d.comb += [buffer.o.eq(shell.data_out[k]), buffer.oe.eq(shell.data_on), shell.data_in[k].eq(buffer.i)]


class FifoShell(wiring.Component):
    """A network behind the FIFO of a bridge: its pins and data, as of `Fifo`."""

    def __init__(self, core: wiring.Component, interface: Interface, *, clock_hz: float, timeout: int) -> None:
        """core: has the streams `i` and `o` of the interface, which is not loaded at start; timeout: see `Engine`."""
        assert interface.load is None
        self._core, self._interface, self._timeout, self._clock_hz = core, interface, timeout, clock_hz
        super().__init__({**PINS, **DATA})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        core: Any = self._core
        m.submodules.fifo = fifo = Fifo(self._clock_hz)
        m.submodules.pump = pump = Pump()
        m.submodules.engine = engine = Engine(self._interface, self._timeout, waits=True)
        m.submodules.core = core
        m.d.comb += [pump.i.valid.eq(fifo.o.valid), fifo.o.ready.eq(pump.i.ready)]
        m.d.comb += pump.i.payload.eq(Cat(fifo.o.payload, 0))  # nothing but silence ends a request
        wiring.connect(m, pump.o, engine.i)
        wiring.connect(m, engine.o, fifo.i)
        connect_network(m, self._interface, engine, core)
        m.d.comb += [engine.broken.eq(pump.broken), pump.busy.eq(engine.busy)]
        for name, pin in {**PINS, **DATA}.items():
            inner, outer = getattr(fifo, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if pin.flow is In else outer.eq(inner)
        return m
