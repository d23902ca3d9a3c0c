"""How many samples a second a link lets through, simulated, as docs/guide/links.md has it: shapes and waits of real
circuits, with a stand-in for the circuit that is quick to simulate."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import networks
import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from ft245_boards import FifoBoard
from import_graph import ROOT
from spi_boards import SpiBoard

from threshc.hdl.interface import Beats, Interface
from threshc.hdl.payload import byte_count
from threshc.hdl.shell.host import Board
from threshc.hdl.shell.spi_host import SpiPort
from threshc.hdl.unrolled.build import build_design

pytestmark = pytest.mark.slow

CLOCK, SCK = 12e6, 20e6


class Waiting(wiring.Component):
    """Takes a sample's transfers, waits, and answers 0 in one transfer."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__({"i": In(stream.Signature(shape.given.width)), "o": Out(stream.Signature(shape.taken.width))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        left, wait = Signal(range(self._shape.given.count + 1)), Signal(range(self._shape.wait + 1))
        m.d.comb += self.i.ready.eq(~self.o.valid & (wait == 0))
        with m.If(wait != 0):
            m.d.sync += [wait.eq(wait - 1), self.o.valid.eq(wait == 1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += left.eq(left + 1)
            with m.If(left == self._shape.given.count - 1):
                m.d.sync += [left.eq(0), wait.eq(self._shape.wait)]
        return m


@dataclass(frozen=True)
class Shape:
    """A circuit as a link sees it; wait: cycles from the last transfer of a sample to its answer, one less."""

    given: Beats
    taken: Beats
    wait: int
    samples: int

    @property
    def interface(self) -> Interface:
        return replace(build_design(networks.xor()).interface, input=self.given, output=self.taken)

    def component(self) -> Waiting:
        return Waiting(self)

    def verilog(self) -> str:
        raise NotImplementedError

    def files(self) -> dict[str, str]:
        return {}


SHAPES = {
    "digits, unrolled": Shape(Beats(64, 64), Beats(4, 4), 4, 32),
    "TFC, `4x49,2x8,2x8,1x4@7`": Shape(Beats(6272, 56), Beats(4, 4), 926, 1),
}


def rate(kind: str, shape: Shape) -> float:
    """Samples a second, the host's waiting for silence left out: some samples, and then as many more."""
    board: SpiBoard | FifoBoard
    if kind == "SPI":
        board = SpiBoard(shape, clock_hz=CLOCK, sck_hz=SCK, timeout=20000)
        host = Board(SpiPort(board.transfer, shape.interface, patience=20), shape.interface)
    else:
        board = FifoBoard(shape, clock_hz=CLOCK, timeout=2000)
        host = Board(board, shape.interface)
    times = []
    for count in (shape.samples, 2 * shape.samples):
        start = board.seconds
        host.infer(np.zeros((count, byte_count(shape.given.bits)), np.uint8))
        times.append(board.seconds - start)
    assert not host.failures
    return shape.samples / (times[1] - times[0])


@pytest.mark.parametrize("kind", ["SPI", "FT245"])
@pytest.mark.parametrize("name", SHAPES)
def test_the_guide_says_what_is_simulated(kind: str, name: str) -> None:
    text = (ROOT / "docs/guide/links.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| {re.escape(name)} \| ([\d,]+) \| ([\d,]+) \|", text, re.MULTILINE)
    assert found, name
    said = int(found[{"SPI": 1, "FT245": 2}[kind]].replace(",", ""))
    assert rate(kind, SHAPES[name]) == pytest.approx(said, rel=0.03)
