"""`--link`: which pins, what is refused, what the report says, and `run` over SPI with a model of a bridge."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import networks
import numpy as np
import pytest
import test_folded_spram
from spi_boards import SpiBoard

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import build
from threshc.hdl.flow.running import running
from threshc.hdl.options import CircuitOptions
from threshc.hdl.shell.protocol import request_size
from threshc.hdl.shell.spi_host import SpiPort
from threshc.hdl.shell.top import make_top
from threshc.hdl.targets.clock import crystal
from threshc.hdl.targets.links import PINS, SERIAL_PORT, Link, link_of
from threshc.hdl.targets.registry import target, targets
from threshc.hdl.unrolled.build import build_design
from threshc.tasks.run import run

pytestmark = pytest.mark.slow

XOR = build(networks.xor()).interface
SPI = [name for name, found in targets().items() if dict(found.links).get("spi")]
NAMED = {
    "spi": "spi:sck=A1,cs=A2,copi=A3,cipo=A4",
    "ft245": "ft245:" + ",".join(f"{name}=A{k + 1}" for k, name in enumerate(PINS["ft245"])),
}


def test_the_uart_is_what_it_was() -> None:
    assert link_of("uart", target("icebreaker")) == link_of("uart", target("up5k-sg48")) == SERIAL_PORT == Link()
    assert make_top(XOR, target("icebreaker"), 115200) == make_top(XOR, target("icebreaker"), 115200, None, SERIAL_PORT)


@pytest.mark.parametrize("name", SPI)
def test_boards_whose_pins_are_known(name: str) -> None:
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards")
    board = target(name)
    link = link_of("spi", board)
    assert [pin for pin, _ in link.pins] == [*PINS["spi"]]
    top = make_top(XOR, board, 115200, None, link)
    assert [pin for _, pin in link.pins if pin not in top.constraints] == []
    assert "uart" not in top.constraints


@pytest.mark.parametrize("name", [name for name, found in targets().items() if found.board is not None])
@pytest.mark.parametrize("kind", PINS)
def test_pins_may_be_named_on_every_board(kind: str, name: str) -> None:
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards")
    top = make_top(XOR, target(name), 115200, None, link_of(NAMED[kind], target(name)))
    assert all(re.search(rf"\bA{k + 1}\b", top.constraints) for k in range(len(PINS[kind])))


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("usb", "icebreaker", "there is no link 'usb'\n  where: link=\n  try: uart, spi, ft245"),
        ("uart:rx=1", "icebreaker", "the UART has the board's own pins"),
        ("spi", "up5k-sg48", "up5k-sg48 has no SPI: it is a bare device"),
        ("spi", "tang-nano-9k", "no pins are known for SPI on tang-nano-9k\n  where: link=\n  try: name them"),
        ("ft245", "ulx3s-85f", "no pins are known for FT245 on ulx3s-85f"),
        ("spi:", "icebreaker", "the pins '' are not understood"),
        ("spi:sck=1,cs=2,copi=3", "icebreaker", "the pins 'sck=1,cs=2,copi=3' are not understood"),
        ("spi:sck=1,cs=2,copi=3,cipo=", "icebreaker", "are not understood"),
        ("spi:sck=1,cs=2,copi=3,cipo=4,", "icebreaker", "are not understood"),
        ("spi:sck=1,sck=1,cs=2,copi=3,cipo=4", "icebreaker", "are not understood"),
        ("spi:sck=1,cs=2,copi=3,miso=4", "icebreaker", "are not understood"),
        ("spi:sck=1,cs=2,copi=3,cipo=3", "icebreaker", "one pin has two names"),
    ],
)
def test_links_that_are_refused(text: str, name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        threshc.build(tmp_path / "none.onnx", tmp_path / "out", target=name, link=text)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_options_of_another_link_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"an option would have no effect\n  where: baud="):
        threshc.build(tmp_path / "none.onnx", tmp_path / "out", target="icebreaker", link="spi", baud=9600)
    xor, x = root / "examples/xor/xor.onnx", np.zeros((1, 2), int)
    for words in ({"link": "spi", "baud": 9600}, {"sck": 1e6}):
        with pytest.raises(CompileError, match="an option would have no effect"):
            run(xor, "none", x, input="bit", **words)  # type: ignore[arg-type]
    for sck in (0, 40e6, True, "fast"):
        with pytest.raises(CompileError, match=r"an SCK of .* Hz is not possible"):
            run(xor, "none", x, input="bit", link="spi", sck=sck)  # type: ignore[arg-type]


def test_weights_that_are_loaded_need_the_uart() -> None:
    interface = test_folded_spram.chain().interface
    with pytest.raises(CompileError, match=r"weights that are loaded at start need the UART\n  where: link="):
        make_top(interface, target("icebreaker"), 115200, None, link_of("spi", target("icebreaker")))


def test_the_report_says_what_the_link_lets_through() -> None:
    board = target("icebreaker")
    for fmax, sck in ((40e6, 24.0), (15e6, 15.0)):
        rows = {name: value for name, value, _ in running(board, XOR, crystal(board), 115200, fmax, "spi").rows()}
        assert request_size(XOR) == 4
        assert rows["SPI"] == f"SCK up to {sck:.1f} MHz, at most {sck * 1e6 / 8 / 4:,.0f} samples/s"
        assert "serial port" not in rows


def test_the_report_of_the_fifo() -> None:
    board = target("icebreaker")
    rows = {name: value for name, value, _ in running(board, XOR, crystal(board), 115200, 40e6, "ft245").rows()}
    assert rows["FT245"] == f"at most {12e6 / (4 * 7 + 4 * 8):,.0f} samples/s"


def test_run_over_spi(root: Path, digits: Path) -> None:
    model = digits / "digits.onnx"
    design = build_design(threshc.load(model), CircuitOptions(pipeline="none"))
    x = np.load(digits / "digits_test.npz")["x"][:2]
    got = run(model, SpiPort(SpiBoard(design).transfer, design.interface, patience=8), x, link="spi")
    np.testing.assert_array_equal(got.labels, threshc.simulate(threshc.load(model), x).labels)


class Controller:
    """pyftdi's SpiController with a simulated board at its pins."""

    board: SpiBoard
    said: list[Any]

    def __init__(self, cs_count: int = 1) -> None:
        assert cs_count == 1

    def configure(self, url: str) -> None:
        if "none" in url:
            raise ValueError("no such device")
        self.said.append(url)

    def get_port(self, cs: int, freq: float, mode: int) -> Controller:
        self.said.append((cs, freq, mode))
        return self

    def exchange(self, out: bytes, *, duplex: bool) -> bytearray:
        assert duplex
        return bytearray(self.board.transfer(out))

    def close(self) -> None:
        self.said.append("closed")


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a model of pyftdi was told, with XOR behind its bridge."""
    module = ModuleType("pyftdi.spi")
    module.SpiController = Controller  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyftdi", ModuleType("pyftdi"))
    monkeypatch.setitem(sys.modules, "pyftdi.spi", module)
    Controller.board, Controller.said = SpiBoard(build_design(networks.xor())), []
    return Controller.said


def test_run_through_a_bridge(bridge: list[Any], root: Path) -> None:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    network = networks.xor()
    got = run(network, "ftdi://ftdi:2232h/1", x, link="spi", sck=20e6)
    np.testing.assert_array_equal(got.values[0].ravel(), threshc.simulate(network, x).values[0].ravel())
    assert bridge == ["ftdi://ftdi:2232h/1", (0, 20e6, 0), "closed"]


@pytest.mark.usefixtures("bridge")
def test_a_bridge_that_is_not_there() -> None:
    with pytest.raises(CompileError, match="cannot open the bridge: no such device\n  where: ftdi://none"):
        run(networks.xor(), "ftdi://none", np.zeros((1, 2), int), link="spi")


def test_without_pyftdi(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_pyftdi(name: str, *rest: Any) -> Any:
        if name.startswith("pyftdi"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_pyftdi)
    with pytest.raises(
        CompileError, match=r'pyftdi is not installed\n  where: link=\n  try: pip install "threshc\[spi\]"'
    ):
        run(networks.xor(), "ftdi://ftdi:2232h/1", np.zeros((1, 2), int), link="spi")
