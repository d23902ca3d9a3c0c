"""The FIFO link: host and board by way of a model of FTDI's bridge, which holds the board to the data sheet."""

from __future__ import annotations

from collections.abc import Callable

import networks
import numpy as np
import pytest
from beats import InBeats
from ft245_boards import FifoBoard
from test_board_host import check, small

from threshc.hdl.chain import build
from threshc.hdl.interface import StreamUnit
from threshc.hdl.options import CircuitOptions
from threshc.hdl.shell.protocol import ERROR, INFER, PING, TIMEOUT, UNKNOWN_COMMAND, frame, reply_size, request_size
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.unit import UnrolledUnit

pytestmark = pytest.mark.slow

DESIGN = build_design(small())


def right(board: FifoBoard, unit: Design | StreamUnit, count: int) -> None:
    check(unit, board, count)
    assert board.broken == []


@pytest.mark.parametrize("clock", [10e6, 12e6, 25e6, 48e6, 60e6])
def test_answers_equal_the_reference_at_any_clock(clock: float) -> None:
    right(FifoBoard(DESIGN, clock_hz=clock), DESIGN, 8)


def test_a_bridge_that_makes_the_board_wait() -> None:
    board = FifoBoard(DESIGN)
    board.pauses = 0.4
    right(board, DESIGN, 12)


@pytest.mark.parametrize("kind", ["beats", "folded", "wide"])
def test_other_shapes(kind: str) -> None:
    unit: Design | StreamUnit = {
        "beats": lambda: InBeats(UnrolledUnit(build_design(small(), CircuitOptions(scores=True)))),
        "folded": lambda: build(
            networks.random_dense(np.random.default_rng(5), (20, 6, 4, 3), "ternary"),
            CircuitOptions(fold="2x4,2x2,1x2@2"),
        ),
        "wide": lambda: build_design(networks.random_dense(np.random.default_rng(5), (3, 40), "pm1", outputs="bits")),
    }[kind]()
    right(FifoBoard(unit), unit, 5)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "command": lambda data: bytes([data[0] ^ 0x80]) + data[1:],
    "payload": lambda data: data[:3] + bytes([data[3] ^ 1]) + data[4:],
    "lost": lambda data: data[:2] + data[3:],
    "all lost": lambda data: b"",
    "doubled": lambda data: data[:1] + data,
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_damaged_is_asked_for_again(how: str) -> None:
    board = FifoBoard(DESIGN)
    left = 2  # the first write is the ping

    def once(data: bytes) -> bytes:
        nonlocal left
        left -= 1
        return DAMAGE[how](data) if left == 0 else data

    board.damage = once
    right(board, DESIGN, 18)
    assert left < 0, "nothing was damaged"


@pytest.mark.parametrize(("request_bytes", "code"), [(b"?", UNKNOWN_COMMAND), (INFER + b"\x01", TIMEOUT)])
def test_error_replies(request_bytes: bytes, code: int) -> None:
    board = FifoBoard(DESIGN)
    board.write(request_bytes)
    assert board.read(64) == frame(ERROR, bytes([code]))
    board.write(frame(PING))
    assert board.read(64)[:1] == b"p"


def test_nothing_is_lost_where_the_host_does_not_read() -> None:
    """The bridge keeps 64 bytes; then the board waits, and so does what the host sends."""
    board = FifoBoard(DESIGN)
    sample = bytes(request_size(DESIGN.interface) - 3)
    board.write(b"".join(frame(INFER, bytes([k]) + sample) for k in range(40)))
    board.wait(4e-4)
    assert board._to_board
    said = board.read(4096)
    size = reply_size(DESIGN.interface)
    assert [said[k + 1] for k in range(0, len(said), size)] == [*range(40)]
    assert board.broken == []
