"""The SPI link: host and board down to the edges of SCK; bits lost, changed and too many; CS raised anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable

import boards
import networks
import numpy as np
import pytest
from beats import InBeats
from spi_boards import SpiBoard
from test_board_host import check, small

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import build
from threshc.hdl.interface import StreamUnit
from threshc.hdl.options import CircuitOptions
from threshc.hdl.shell.host import Board
from threshc.hdl.shell.protocol import (
    BAD_CHECK,
    ERROR,
    INFER,
    PING,
    PONG,
    UNKNOWN_COMMAND,
    frame,
    identity,
    reply_size,
    request_size,
)
from threshc.hdl.shell.spi import WRITE, depth
from threshc.hdl.shell.spi_host import LISTEN, SpiPort
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.unit import UnrolledUnit

pytestmark = pytest.mark.slow

Bits = Callable[[list[int]], list[int]]
DESIGN = build_design(small())


def port(board: SpiBoard, design: Design | StreamUnit = DESIGN, patience: int = 6) -> SpiPort:
    return SpiPort(board.transfer, design.interface, patience=patience)


def in_beats() -> InBeats:
    """Three transfers in, two out."""
    return InBeats(UnrolledUnit(build_design(small(), CircuitOptions(scores=True))))


@pytest.mark.parametrize(
    ("clock", "sck"), [(12e6, 4e6), (12e6, 20e6), (12e6, 31e6), (25e6, 50e6), (48e6, 12e6), (10e6, 9.99e6)]
)
def test_answers_equal_the_reference_at_any_ratio_of_the_clocks(clock: float, sck: float) -> None:
    check(DESIGN, port(SpiBoard(DESIGN, clock_hz=clock, sck_hz=sck)), 19)


def test_samples_and_answers_of_several_transfers() -> None:
    unit = in_beats()
    board = SpiBoard(unit)
    check(unit, port(board, unit), 10)


def test_a_folded_circuit() -> None:
    unit = build(
        networks.random_dense(np.random.default_rng(5), (20, 6, 4, 3), "ternary"), CircuitOptions(fold="2x4,2x2,1x2@2")
    )
    assert unit.interface.input.count > 1
    check(unit, port(SpiBoard(unit), unit), 12)


def test_replies_longer_than_requests() -> None:
    wide = build_design(networks.random_dense(np.random.default_rng(5), (3, 40), "pm1", outputs="bits"))
    assert wide.interface.output.bits > wide.interface.input.bits
    check(wide, port(SpiBoard(wide), wide), 20)


def test_a_transaction_byte_by_byte() -> None:
    """First bytes mean nothing; zeros where nothing is to be said; a reply goes on in the next transaction."""
    board = SpiBoard(DESIGN)
    pong = frame(PONG, identity(DESIGN.interface).pack())
    assert board.transfer(bytes([LISTEN]) + bytes(5)) == bytes(6)
    got = board.transfer(bytes([WRITE]) + frame(PING))
    assert got == bytes(3)
    board.wait(2e-5)
    first = board.transfer(bytes(8))
    assert (first[0], first[1:].lstrip(b"\0")) == (0, pong[: len(first[1:].lstrip(b"\0"))])
    begun = len(first[1:].lstrip(b"\0"))
    assert begun > 3
    assert board.transfer(bytes(30)) == bytes(1) + (pong[begun:]).ljust(29, b"\0")


def test_what_does_not_begin_with_write_is_not_read() -> None:
    board = SpiBoard(DESIGN)
    for head in (LISTEN, WRITE ^ 1, WRITE ^ 0x80, 0xFF):
        board.transfer(bytes([head]) + frame(PING))
        board.wait(2e-5)
        assert board.transfer(bytes(40)) == bytes(40)


@pytest.mark.parametrize(
    ("request_bytes", "code"), [(b"?", UNKNOWN_COMMAND), (PING + b"\x00", BAD_CHECK), (b"\x00", UNKNOWN_COMMAND)]
)
def test_error_replies(request_bytes: bytes, code: int) -> None:
    board = SpiBoard(DESIGN)
    board.transfer(bytes([WRITE]) + request_bytes + frame(PING))
    board.wait(3e-5)
    assert board.transfer(bytes(40)).strip(b"\0") == frame(ERROR, bytes([code]))
    board.transfer(bytes([WRITE]) + frame(PING))
    board.wait(3e-5)
    assert board.transfer(bytes(40)).strip(b"\0")[:1] == PONG


@pytest.mark.parametrize("bits", [*range(8, 8 * (1 + request_size(DESIGN.interface)), 5)])
def test_cs_raised_in_the_middle_of_a_request_makes_the_board_forget_it(bits: int) -> None:
    board = SpiBoard(DESIGN)
    sample = bytes(request_size(DESIGN.interface) - 3)
    board.damage = lambda given: given[:bits]
    board.transfer(bytes([WRITE]) + frame(INFER, b"\x01" + sample))
    board.damage = list
    check(DESIGN, port(board), 2)


@pytest.mark.parametrize("bits", [9, 16, 17, 30, 47])
def test_cs_raised_in_the_middle_of_a_reply(bits: int) -> None:
    """What was not clocked comes later, without the byte that was begun; the host finds silence, and asks again."""
    board = SpiBoard(DESIGN)
    board.transfer(bytes([WRITE]) + frame(PING))
    board.wait(3e-5)
    board.damage = lambda given: given[:bits]
    board.transfer(bytes(40))
    board.damage = list
    check(DESIGN, port(board), 3)


class Once:
    """Damages the n-th transaction that it sees."""

    def __init__(self, nth: int, how: Bits) -> None:
        self.left, self.how = nth, how

    def __call__(self, bits: list[int]) -> list[int]:
        self.left -= 1
        return self.how(bits) if self.left == 0 else list(bits)


def flip(k: int) -> Bits:
    def flipped(bits: list[int]) -> list[int]:
        return [bit ^ (j == k % len(bits)) for j, bit in enumerate(bits)]

    return flipped


DAMAGE: dict[str, Bits] = {
    "a bit of the first byte": flip(3),
    "a bit of the head": flip(9),
    "a bit of the number": flip(17),
    "a bit of the sample": flip(30),
    "the last bit": flip(-1),
    "a clock too few": lambda bits: bits[:40] + bits[41:],
    "a clock too many": lambda bits: [*bits[:40], 0, *bits[40:]],
    "a clock too many in the first byte": lambda bits: [1, *bits],
    "no clock at all": lambda bits: [],
    "cut in the middle": lambda bits: bits[: len(bits) // 2 + 3],
    "a burst": lambda bits: bits[:50] + [1 - b for b in bits[50:57]] + bits[57:],
}


@pytest.mark.parametrize(
    ("how", "nth"), [*((how, 3) for how in DAMAGE), ("a bit of the head", 1), ("a clock too few", 2)]
)
def test_what_is_damaged_is_asked_for_again(how: str, nth: int) -> None:
    """Every transaction of an exchange of several; the answers are right in the end."""
    board = SpiBoard(DESIGN)
    line = port(board)
    board.damage = once = Once(nth, DAMAGE[how])
    check(DESIGN, line, 18)
    assert once.left < 1, "nothing was damaged"


def test_a_long_run_with_bits_that_change_now_and_then() -> None:
    """Single bits both ways, one in some thousands: every answer is right, and some were asked for again."""
    chance = random.Random(4)
    board = SpiBoard(DESIGN)

    def noise(bits: list[int]) -> list[int]:
        return [bit ^ (chance.random() < 1 / 4000) for bit in bits]

    def spoiled(got: bytes) -> bytes:
        return bytes(byte ^ (1 << chance.randrange(8) if chance.random() < 1 / 600 else 0) for byte in got)

    board.damage, board.spoil = noise, spoiled
    line = port(board)
    check(DESIGN, line, 60)


def test_requests_for_which_there_is_no_room_are_lost_whole() -> None:
    """A host that does not wait: the board answers the ones that it had room for, and then nothing but what is new."""
    unit = InBeats(UnrolledUnit(DESIGN))
    board = SpiBoard(unit, clock_hz=8e6, sck_hz=20e6)
    sample = bytes(request_size(unit.interface) - 3)
    many = b"".join(frame(INFER, bytes([k]) + sample) for k in range(100))
    assert len(many) > 3 * depth(unit.interface)
    line = port(board, unit)
    line._take(board.transfer(bytes([WRITE]) + many))
    said = b"".join(iter(lambda: line.read(4096), b""))
    size = reply_size(unit.interface)
    numbers = [said[k + 1] for k in range(0, len(said), size)]
    assert numbers == [*range(len(numbers))]
    assert 2 < len(numbers) < 100
    check(unit, port(board, unit, 40), 3)


def test_a_board_that_stays_silent_is_an_error() -> None:
    with pytest.raises(CompileError, match="the board does not answer properly"):
        Board(SpiPort(lambda data: bytes(len(data)), DESIGN.interface), DESIGN.interface)
    with pytest.raises(CompileError, match="the line does not fall silent"):
        Board(SpiPort(lambda data: b"\xff" * len(data), DESIGN.interface), DESIGN.interface)


def test_it_is_the_protocol_of_the_uart() -> None:
    """The same answers, byte for byte, to the same requests."""
    said = []
    for line in (port(SpiBoard(DESIGN)), boards.SimulatedPort(DESIGN)):
        line.write(frame(PING) + frame(INFER, b"\x05" + bytes(request_size(DESIGN.interface) - 3)))
        said.append(line.read(64) + line.read(64))
    assert said[0] == said[1]
