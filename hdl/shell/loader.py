"""What fills a network's memories at start: from the SPI flash, or from the host where there is none or it is wrong."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.shell.flash import FlashReader, FlashTiming
from threshc.hdl.shell.image import OFFSET, image_crc, make_image
from threshc.hdl.shell.writer import ImageWriter, load_signature

TRIES = 3
"""Readings of the flash, after which only the host can load the memories."""
PINS = {"cs": Out(1), "sck": Out(1), "copi": Out(1), "cipo": In(1)}
"""Of the flash, as the circuit sees them; cs is 1 where the flash is selected."""


class Loader(wiring.Component):
    """Writes the memories and checks them before the network may run.

    begin, image: an image from the host begins, and its bytes; load: to the memories; ready: they hold what they have
    to, the network may run; loading: the flash is being read. Neither ready nor loading: the checksum was wrong, or
    nothing has come yet. flash: pins, with timing only. An image that is broken off is never ready.
    """

    def __init__(self, interface: Interface, timing: FlashTiming | None) -> None:
        """timing: None for boards without flash."""
        assert interface.load is not None
        self._interface, self._timing = interface, timing
        flash = {} if timing is None else {"flash": Out(wiring.Signature(PINS))}
        ins = {"begin": In(1), "image": In(stream.Signature(8, always_ready=True))}
        outs = {"ready": Out(1), "loading": Out(1), "load": Out(load_signature(interface.load))}
        super().__init__(ins | outs | flash)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        image, load = make_image(self._interface), self._interface.load
        assert load is not None
        m.submodules.writer = writer = ImageWriter(load, image_crc(image))
        wiring.connect(m, writer.load, wiring.flipped(self.load))
        from_flash, from_host, start = Signal(), Signal(), Signal()
        m.d.comb += [writer.start.eq(start | self.begin), self.loading.eq(from_flash | start)]
        m.d.comb += [writer.payload.eq(self.image.payload), writer.valid.eq(self.image.valid & from_host)]
        if self._timing is not None:
            self._read(m, self._timing, writer, from_flash)
        tries = Signal(range(TRIES + 1))
        good, finished = Signal(), Signal()
        m.d.sync += [good.eq(writer.good), finished.eq(writer.finished & ~writer.start)]

        def host() -> None:
            with m.If(self.begin):
                m.next = "HOST"

        with m.FSM(init="EMPTY" if self._timing is None else "START") as fsm:
            if self._timing is not None:
                with m.State("START"):
                    m.d.comb += start.eq(1)
                    m.d.sync += tries.eq(tries + 1)
                    m.next = "FLASH"
                    host()
                with m.State("FLASH"):
                    with m.If(finished):
                        m.next = "AGAIN"
                        with m.If(good):
                            m.next = "READY"
                    host()
                with m.State("AGAIN"):
                    m.d.comb += self.loading.eq(1)
                    m.next = "EMPTY"
                    with m.If(tries != TRIES):
                        m.next = "START"
                    host()
            with m.State("HOST"):
                with m.If(finished):
                    m.next = "EMPTY"
                    with m.If(good):
                        m.next = "READY"
                host()
            with m.State("EMPTY"):
                host()
            with m.State("READY"):
                m.d.comb += self.ready.eq(1)
                host()
        m.d.comb += from_host.eq(fsm.ongoing("HOST"))
        if self._timing is not None:
            m.d.comb += from_flash.eq(fsm.ongoing("FLASH"))
        return m

    def _read(self, m: Module, timing: FlashTiming, writer: ImageWriter, reading: Signal) -> None:
        m.submodules.reader = reader = FlashReader(OFFSET, timing)
        flash: Any = self.flash
        m.d.comb += [
            flash.cs.eq(reader.cs),
            flash.sck.eq(reader.sck),
            flash.copi.eq(reader.copi),
            reader.cipo.eq(flash.cipo),
            reader.run.eq(reading),
        ]
        with m.If(reading):
            m.d.comb += [writer.payload.eq(reader.payload), writer.valid.eq(reader.valid)]
