"""Weights into a board: from its flash or through the UART, with the chain behind; damage; a board without any."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boards
import numpy as np
import pytest
from test_board_host import Damage
from test_folded_board import words
from test_folded_spram import FOLD, chain, network
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.storage import save
from threshc.hdl.cells.spi_flash import SpiFlash
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import parse
from threshc.hdl.shell import host
from threshc.hdl.shell.host import Board
from threshc.hdl.shell.image import OFFSET, make_image
from threshc.hdl.shell.protocol import BAD_CHECK, ERROR, LOAD, PING, PONG, frame, identity
from threshc.tasks.load_weights import load_weights
from threshc.tasks.run import run
from threshc.tasks.samples import random_samples

pytestmark = pytest.mark.slow
CHAIN = chain()
IMAGE = make_image(CHAIN.interface)
GIVEN, EXPECTED = words(CHAIN, 2)


def flash(image: bytes = IMAGE) -> SpiFlash:
    return SpiFlash(bytes(OFFSET) + image)


def simulated(made: FoldedChain = CHAIN, **how: Any) -> boards.SimulatedPort:
    return boards.SimulatedPort(made, timeout=90, **how)


def check(board: Board) -> None:
    np.testing.assert_array_equal(board.infer(GIVEN), EXPECTED)


def test_a_board_reads_its_flash_and_answers() -> None:
    """Asked while it still reads, it says so, and is asked again."""
    port = simulated(flash=flash())
    board = Board(port, CHAIN.interface)
    check(board)
    assert not board.failures


def test_a_board_that_still_reads_is_waited_for() -> None:
    """Its flash does not answer at first; the third reading is right."""
    slow = flash(IMAGE[:30])
    port = simulated(flash=slow)
    board = Board(port, CHAIN.interface)
    slow.data = bytes(OFFSET) + IMAGE
    check(board)
    assert not board.failures
    assert len(slow.commands) == 4


@pytest.mark.parametrize("wrong", [None, b"", IMAGE[:-1] + b"\x55"], ids=["no flash", "erased", "damaged"])
def test_a_board_without_weights_says_so_and_takes_them(wrong: bytes | None) -> None:
    port = simulated(flash=None if wrong is None else flash(wrong))
    board = Board(port, CHAIN.interface)
    with pytest.raises(CompileError, match="the board has no weights yet") as caught:
        board.infer(GIVEN)
    assert "\n  try: threshc program OUT port= DEVICE sends them" in str(caught.value)
    told: list[str] = []
    assert board.load(progress=told.append) == len(IMAGE)
    assert told[0] == f"0 of {len(IMAGE) + 2} bytes of weights sent, 0 s left"
    check(board)
    assert not board.failures


@pytest.mark.parametrize(
    "how",
    [
        lambda data: bytes([data[0] ^ 0x20]) + data[1:],
        lambda data: data[:9] + bytes([data[9] ^ 1]) + data[10:],
        lambda data: data[:9] + data[10:],
        lambda data: data[:9] + data[8:],
        lambda data: data[:9],
        lambda data: b"",
    ],
    ids=["first byte", "bit", "lost", "doubled", "cut", "silent"],
)
@pytest.mark.parametrize("nth", [2, 6], ids=["first", "last"])
def test_damage_begins_anew(nth: int, how: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first and the last chunk of the image."""
    monkeypatch.setattr(host, "_CHUNK", 14)
    damage = Damage(nth, how)
    board = Board(simulated(damage=damage), CHAIN.interface)
    board.load()
    check(board)
    assert damage.left < 0
    assert sum(board.failures.values()) <= 1
    assert len(IMAGE) + 2 == 5 * 14


def test_damage_that_does_not_end_is_named() -> None:
    def spoil(data: bytes) -> bytes:
        return data[:40] + bytes([data[40] ^ 1]) + data[41:] if len(data) > 40 else data

    board = Board(simulated(damage=spoil), CHAIN.interface)
    with pytest.raises(
        CompileError, match=r"does not answer properly(.|\n)*a byte was damaged on the way to the board"
    ):
        board.load()


def test_other_weights_are_refused() -> None:
    """The same network and size, another order of its weights: the board's own checksum is another one."""
    folds, entry = parse("2x6:spram,2x4:spram,1x6@6")
    other = folded_chain(network(), folds, entry=entry)
    board = Board(simulated(), other.interface)
    with pytest.raises(CompileError, match="the board was built with other weights") as caught:
        board.load()
    assert "\n  try: put the bitstream of this very folder on the board" in str(caught.value)


def test_weights_of_another_size_are_refused() -> None:
    folds, entry = parse("4x6:spram,1x8:spram,1x6@6")
    other = folded_chain(network(), folds, entry=entry)
    with pytest.raises(CompileError, match="the board waited too long for the rest of a request") as caught:
        Board(simulated(), other.interface).load()
    assert "is the bitstream that of these very weights" in str(caught.value)


def test_circuits_that_hold_their_weights() -> None:
    folds, entry = parse("2x6,1x8,1x6@6")
    held = folded_chain(network(), folds, entry=entry)
    with pytest.raises(CompileError, match="the circuit takes no weights from its host"):
        Board(simulated(held), held.interface).load()
    with pytest.raises(CompileError, match="the board takes no weights"):
        Board(simulated(held), CHAIN.interface).load()


def test_a_load_in_the_midst_of_work_takes_what_was_there_away() -> None:
    port = simulated(flash=flash())
    board = Board(port, CHAIN.interface)
    check(board)
    port.write(b"W" + IMAGE[:40])
    board = Board(port, CHAIN.interface)
    with pytest.raises(CompileError, match="the board has no weights yet"):
        check(board)
    board.load()
    check(board)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("weights")
    save(network(), place / "m.thresh")
    threshc.compile(place / "m.thresh", place / "out", fold=FOLD, target="up5k-sg48", samples=3, simulator="amaranth")
    return place / "out"


def test_the_folder_loads_and_runs(folder: Path) -> None:
    port, told = simulated(damage=Damage(2, lambda data: data[:20] + data[21:])), list[str]()
    x = random_samples(CHAIN.network, 2, 6)
    done = load_weights(folder, port, note=told.append)
    assert str(done).startswith(f"the board took {len(IMAGE)} bytes of weights, and their CRC-32 ")
    (note,) = told
    assert note.startswith("sent again for what was damaged: ")
    np.testing.assert_array_equal(run(folder, port, x).labels, threshc.simulate(CHAIN.network, x).labels)


def test_the_command_line(folder: Path, tmp_path: Path) -> None:
    def fails(*arguments: str) -> str:
        outcome = CliRunner().invoke(app, ["program", *arguments])
        assert outcome.exit_code == 1
        return str(outcome.exception) + outcome.output

    assert "cannot open the serial port" in fails(str(folder), "--port", "/dev/no-such-port")
    assert "0 baud are not possible" in fails(str(folder), "--port", "/dev/no-such-port", "--baud", "0")
    for option in (["--sram"], ["--flash"], ["--tool", "iceprog"]):
        assert "an option would have no effect" in fails(str(folder), "--port", "/dev/no-such-port", *option)
    assert "it is of the serial port that --port names" in fails(str(folder), "--baud", "9600")
    save(network(), tmp_path / "m.thresh")
    threshc.compile(tmp_path / "m.thresh", tmp_path / "out", fold="2x6,1x8,1x6@6", samples=3, simulator="amaranth")
    assert "the circuit takes no weights from its host" in fails(str(tmp_path / "out"), "--port", "/dev/no-such-port")


class Terminal(threading.Thread):
    """A board at the other end of a pseudo terminal, as far as loading goes. wrong: images that it says an error to
    before their end, as the board does to a damaged one."""

    def __init__(self, wrong: int) -> None:
        super().__init__(daemon=True)
        self.pty = pytest.importorskip("pty", reason="needs a pseudo terminal")
        self.ours, self.theirs = self.pty.openpty()
        self.wrong, self.ended, self.images = wrong, threading.Event(), list[bytes]()

    def run(self) -> None:
        pong, took, flush = frame(PONG, identity(CHAIN.interface).pack()), b"", False
        while not self.ended.is_set():
            if not select.select([self.ours], [], [], 0.25)[0]:
                took, flush = b"", False  # silence: half a request is forgotten
                continue
            took += os.read(self.ours, 64)
            if flush:
                took = b""
            elif took == frame(PING):
                os.write(self.ours, pong)
                took = b""
            elif took[:1] == LOAD and self.wrong and len(took) > 40:
                os.write(self.ours, frame(ERROR, bytes([BAD_CHECK])))
                self.wrong, flush = self.wrong - 1, True
            elif took[:1] == LOAD and len(took) == len(IMAGE) + 2:
                self.images.append(took)
                os.write(self.ours, pong)
                took = b""


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_real_port(folder: Path, wrong: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own name, timeouts and count of waiting bytes."""
    pytest.importorskip("serial", reason="needs pyserial")
    monkeypatch.setattr(host, "_CHUNK", 16)
    told, board = list[str](), Terminal(wrong)
    board.start()
    try:
        done = load_weights(folder, os.ttyname(board.theirs), note=told.append)
    finally:
        board.ended.set()
        board.join()
        os.close(board.ours)
        os.close(board.theirs)
    assert done.bytes == len(IMAGE)
    assert board.images == [frame(LOAD, IMAGE)]
    assert told == ["sent again for what was damaged: a byte was damaged on the way to the board (1 times)"] * wrong
