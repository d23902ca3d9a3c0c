"""A network behind a UART: what is built for a board."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.shell.engine import Engine
from threshc.hdl.shell.flash import FlashTiming
from threshc.hdl.shell.loader import PINS, Loader
from threshc.hdl.shell.uart import UartReceiver, UartTransmitter


def connect_network(m: Module, interface: Interface, engine: Any, core: Any) -> None:
    """Connects an engine with its network."""
    wiring.connect(m, engine.sample, core.i)
    # One place for an answer: no way leads from the engine's decisions through the network's.
    held, full = Signal(interface.output.width, reset_less=True), Signal()
    m.d.comb += [engine.answer.payload.eq(held), engine.answer.valid.eq(full), core.o.ready.eq(~full)]
    with m.If(~full):
        m.d.sync += [held.eq(core.o.payload), full.eq(core.o.valid)]
    with m.Elif(engine.answer.ready):
        m.d.sync += full.eq(0)


class Shell(wiring.Component):
    """rx, tx: the serial line (asynchronous; the UART synchronizes it), with the network between. flash: the pins of
    the SPI flash (`threshc.hdl.shell.loader.PINS`), of a board that has one and a network that is loaded from it."""

    def __init__(
        self,
        core: wiring.Component,
        interface: Interface,
        *,
        cycles_per_bit: int,
        timeout: int,
        flash: FlashTiming | None = None,
    ) -> None:
        """core: has the streams `i` and `o` of the interface, and for a network that is loaded what `VerilogCore` has;
        timeout: see `Engine`, in cycles; flash: of such a network, None where the board has none."""
        self._core = core
        self._interface = interface
        self._cycles = cycles_per_bit
        self._timeout = timeout
        self._flash = flash
        pins = {} if flash is None else {"flash": Out(wiring.Signature(PINS))}
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)} | pins)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self._cycles)
        m.submodules.transmitter = transmitter = UartTransmitter(self._cycles)
        m.submodules.engine = engine = Engine(self._interface, self._timeout)
        core: Any = self._core
        m.submodules.core = core
        if self._interface.load is not None:
            self._load(m, engine, core)
        wiring.connect(m, receiver.o, engine.i)
        wiring.connect(m, engine.o, transmitter.i)
        connect_network(m, self._interface, engine, core)
        m.d.comb += [receiver.pin.eq(self.rx), self.tx.eq(transmitter.pin), engine.broken.eq(receiver.broken)]
        return m

    def _load(self, m: Module, engine: Any, core: Any) -> None:
        """Holds the network until its memories are filled."""
        m.submodules.loader = loader = Loader(self._interface, self._flash)
        held = Signal(init=1)
        m.d.sync += held.eq(~loader.ready)
        m.d.comb += [core.hold.eq(held), loader.begin.eq(engine.begin)]
        m.d.comb += [engine.ready.eq(~held & loader.ready), engine.loading.eq(loader.loading)]
        wiring.connect(m, engine.image, loader.image)
        wiring.connect(m, loader.load, core.load)
        if self._flash is not None:
            shell: Any = self
            wiring.connect(m, loader.flash, wiring.flipped(shell.flash))
