"""The bytes of an image (`threshc.hdl.shell.image`) to the words of memories, with its checksum."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import LoadPort
from threshc.hdl.shell.image import COVERED, HEADER

_POLYNOMIAL = 0xEDB88320  # CRC-32 as zlib has it, lowest bit first


def load_signature(load: LoadPort) -> wiring.Signature:
    """Returns the signature of a loading port, as its source sees it."""
    return wiring.Signature({name.removeprefix("load_"): Out(width) for name, width in load.ports})


class ImageWriter(wiring.Component):
    """start: an image begins; valid: with a byte of it in `payload`, at least 12 cycles apart; load: what is written, a
    word in order behind every second byte; finished: the last byte has come, from which on `good` says whether the
    image's CRC is the one that is wanted. The CRC in the header is for programs: it is not read here."""

    def __init__(self, load: LoadPort, crc: int) -> None:
        self._load, self._crc = load, crc
        ins = {"start": In(1), "valid": In(1), "payload": In(8)}
        super().__init__(ins | {"load": Out(load_signature(load)), "finished": Out(1), "good": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        load: Any = self.load
        count = len(self._load.contents)
        crc, shifted, left = Signal(32, init=0xFFFFFFFF), Signal(8), Signal(4)
        at, words, high, low = Signal(range(HEADER)), Signal(), Signal(), Signal(8)
        memory, last, ended = Signal(count, init=1), Signal(), Signal()
        ends = [memory[k] & (load.address == len(c) - 1) for k, c in enumerate(self._load.contents)]
        m.d.sync += [load.write.eq(0), last.eq(Cat(*ends).any())]
        m.d.comb += [self.finished.eq(ended & (left == 0)), self.good.eq(crc == self._crc ^ 0xFFFFFFFF)]
        with m.If(left != 0):
            m.d.sync += [left.eq(left - 1), shifted.eq(shifted[1:])]
            m.d.sync += crc.eq(crc[1:] ^ Mux(crc[0] ^ shifted[0], _POLYNOMIAL, 0))
        with m.If(load.write.any()):
            m.d.sync += load.address.eq(load.address + 1)
            with m.If(last):
                m.d.sync += [load.address.eq(0), memory.eq(memory << 1), ended.eq(memory[-1])]
        with m.If(self.valid & ~ended):
            m.d.sync += shifted.eq(self.payload)
            with m.If(words | (at < COVERED)):
                m.d.sync += left.eq(8)
            with m.If(~words):
                m.d.sync += [at.eq(at + 1), words.eq(at == HEADER - 1)]
            with m.Else():
                m.d.sync += [high.eq(~high), low.eq(self.payload)]
                with m.If(high):
                    m.d.sync += [load.data.eq(Cat(low, self.payload)), load.write.eq(memory)]
        with m.If(self.start):
            m.d.sync += [crc.eq(0xFFFFFFFF), left.eq(0), at.eq(0), words.eq(0), high.eq(0), load.write.eq(0)]
            m.d.sync += [memory.eq(1), load.address.eq(0), ended.eq(0)]
        return m
