"""The host's side against the board's side, the latter simulated down to the bits on the line."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace

import boards
import lines
import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.hdl.interface import StreamUnit
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.shell.host import Board
from threshc.hdl.shell.line import Port
from threshc.hdl.shell.protocol import (
    BAD_CHECK,
    ERROR,
    INFER,
    OVERRUN,
    PING,
    PONG,
    TIMEOUT,
    UNKNOWN_COMMAND,
    frame,
    identity,
    reply_size,
)
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.sim.rtl import to_result

pytestmark = pytest.mark.slow


def small() -> Network:
    return networks.random_dense(np.random.default_rng(5), (11, 4, 3), "ternary", "int4")


def check(design: Design | StreamUnit, port: Port, count: int) -> None:
    network = design.interface.network
    x = networks.random_samples(np.random.default_rng(6), network, count)
    words = Board(port, design.interface).infer(pack(network, encode(network, x)))
    got = to_result(design.interface, words)
    want = reference.run(network, x)
    for output, value in zip(got.network.outputs, got.values, strict=True):
        expected = next(v for o, v in zip(network.outputs, want.values, strict=True) if o.value == output.value)
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("make", [networks.xor, small])
@pytest.mark.parametrize("pipeline", ["none", "layer"])
def test_answers_equal_the_reference(make: object, pipeline: str) -> None:
    assert callable(make)
    design = build_design(make(), CircuitOptions(pipeline=pipeline))
    check(design, boards.SimulatedPort(design), 21)


def test_replies_longer_than_requests() -> None:
    design = build_design(small(), CircuitOptions(scores=True))
    wide = build_design(networks.random_dense(np.random.default_rng(5), (3, 40), "pm1", outputs="bits"))
    assert wide.interface.output.bits > wide.interface.input.bits
    check(design, boards.SimulatedPort(design), 5)
    check(wide, boards.SimulatedPort(wide), 5)


def test_no_samples() -> None:
    design = build_design(networks.xor())
    words = Board(boards.SimulatedPort(design), design.interface).infer(np.zeros((0, 1), np.uint8))
    assert words.shape == (0, 1)


def test_progress_counts_samples() -> None:
    design = build_design(networks.xor())
    told: list[str] = []
    Board(boards.SimulatedPort(design), design.interface).infer(np.zeros((3, 1), np.uint8), progress=told.append)
    assert told == [f"{n} of 3 samples answered" for n in (1, 2, 3)]


class Damage:
    """Spoils the bytes of one write: the n-th, by a function."""

    def __init__(self, nth: int, how: object) -> None:
        self.left, self.how = nth, how

    def __call__(self, data: bytes) -> bytes:
        self.left -= 1
        assert callable(self.how)
        return bytes(self.how(data)) if self.left == 0 else data


@pytest.mark.parametrize(
    "how",
    [
        lambda data: bytes([data[0] ^ 0x80]) + data[1:],  # not a command any more
        lambda data: data[:3] + bytes([data[3] ^ 1]) + data[4:],  # a wrong sample
        lambda data: data[:2] + data[3:],  # a byte is lost
        lambda data: b"",  # all of them
        lambda data: data[:1] + data,  # one too many
    ],
    ids=["command", "payload", "lost", "silent", "doubled"],
)
def test_a_damaged_request_is_sent_again(how: object) -> None:
    design = build_design(small())
    damage = Damage(2, how)  # the first write is the ping
    check(design, boards.SimulatedPort(design, damage), 20)
    assert damage.left < 0, "nothing was damaged"


@pytest.mark.parametrize(
    "how",
    [
        lambda replies: replies[:3] + replies[2:],
        lambda replies: replies[:2] + replies[3:],
        lambda replies: [replies[1], replies[0], *replies[2:]],
        lambda replies: [*replies, replies[-1]],
        lambda replies: [*replies, b"x"],
        lambda replies: [*replies[:-1], replies[-1][:-1]],
        lambda replies: [replies[0][:-1] + bytes([replies[0][-1] ^ 1]), *replies[1:]],
        lambda replies: [],
    ],
    ids=["doubled", "lost", "swapped", "doubled last", "surplus", "short", "damaged", "silent"],
)
def test_damaged_answers_are_asked_for_again(how: lines.Spoil) -> None:
    """Two batches, the second of which is spoiled once: the answers are right, none is another sample's."""
    design = build_design(networks.random_dense(np.random.default_rng(5), (11, 3), "pm1"))
    size = reply_size(design.interface)
    port = lines.SpoiledAnswers(boards.SimulatedPort(design), size, 3, how)  # ping, 16 samples, 4
    check(design, port, 20)
    assert port.left < 0, "nothing was spoiled"


def test_what_was_wrong_with_the_answers_is_said() -> None:
    design = build_design(networks.xor())

    class Doubling(lines.SpoiledAnswers):
        def write(self, data: bytes) -> None:
            super().write(data)
            self.left = 0 if data[:1] == INFER else self.left

    size = reply_size(design.interface)
    port = Doubling(boards.SimulatedPort(design), size, 99, lambda replies: [*replies, b"\xab\xcd"])
    board = Board(port, design.interface)
    with pytest.raises(CompileError, match="2 bytes came that belong to no answer, 0xabcd first"):
        board.infer(np.zeros((3, 1), np.uint8))
    port.how = lambda replies: replies[:1] * 3
    with pytest.raises(CompileError, match="an answer to request 8 came, that to request 9 was due"):
        board.infer(np.zeros((3, 1), np.uint8))


@pytest.mark.parametrize("text", [b"x", b"p", b"i\x00", b"e\x01"])
def test_a_line_that_never_falls_silent_is_an_error(text: bytes) -> None:
    with pytest.raises(CompileError, match=r"the line does not fall silent(.|\n)*bytes came that nobody asked for"):
        Board(lines.Babble(text), build_design(networks.xor()).interface)


def test_a_real_port_that_babbles_ends_by_a_deadline() -> None:
    """Also where the bytes come slowly: one in a tenth of a second is never silence."""
    pytest.importorskip("serial", reason="needs pyserial")
    pty = pytest.importorskip("pty", reason="needs a pseudo terminal")
    ours, theirs = pty.openpty()
    done = threading.Event()

    def babble() -> None:
        while not done.wait(0.1):
            os.write(ours, b"x")

    thread = threading.Thread(target=babble)
    thread.start()
    try:
        start = time.monotonic()
        with pytest.raises(CompileError, match="the line does not fall silent"):
            Board(os.ttyname(theirs), build_design(networks.xor()).interface)
        assert time.monotonic() - start < 60
    finally:
        done.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


def test_a_board_of_version_1_is_named_as_such() -> None:
    """Its pong is the same as ever; answers without numbers are not waited for."""
    design = build_design(networks.xor())
    old = replace(identity(design.interface), version=1)

    class Old:
        said = b""

        def write(self, data: bytes) -> None:
            assert data == frame(PING)
            self.said = frame(PONG, old.pack())

        def read(self, size: int = 1) -> bytes:
            part, self.said = self.said[:size], self.said[size:]
            return part

    with pytest.raises(CompileError, match="the board speaks version 1 of the protocol, this threshc version 2"):
        Board(Old(), design.interface)


@pytest.mark.parametrize("baud", [0, -9600])
def test_rates_that_make_no_sense(baud: int) -> None:
    with pytest.raises(CompileError, match=f"{baud} baud are not possible"):
        Board("/dev/none", build_design(networks.xor()).interface, baud=baud)


def test_a_board_that_stays_silent_is_an_error() -> None:
    design = build_design(networks.xor())
    port = boards.SimulatedPort(design, lambda data: b"")
    with pytest.raises(
        CompileError, match=r"the board does not answer properly\n  where: serial port\n  why: no answer\n"
    ):
        Board(port, design.interface)


def test_a_board_with_another_network_is_an_error() -> None:
    one = build_design(networks.xor())
    other = build_design(networks.random_dense(np.random.default_rng(1), (2, 1), "pm1", outputs="bits"))
    assert (one.interface.input, one.interface.output) == (other.interface.input, other.interface.output)
    with pytest.raises(CompileError, match=r"the board runs another network(.|\n)*fingerprint"):
        Board(boards.SimulatedPort(one), other.interface)
    with pytest.raises(CompileError, match="takes 2 bits and answers 1, the model 44 and 2"):
        Board(boards.SimulatedPort(one), build_design(small()).interface)


def test_a_port_that_does_not_exist_is_an_error() -> None:
    pytest.importorskip("serial", reason="needs pyserial")
    with pytest.raises(CompileError, match="cannot open the serial port"):
        Board("/dev/does-not-exist", build_design(networks.xor()).interface)


def test_how_the_circuit_is_built_does_not_change_what_it_says_it_is() -> None:
    network = small()
    first = identity(build_design(network).interface)
    assert identity(build_design(network, CircuitOptions(pipeline="none")).interface) == first
    assert identity(build_design(network, CircuitOptions(scores=True)).interface) != first
    assert (
        identity(build_design(networks.random_dense(np.random.default_rng(6), (11, 4, 3), "ternary", "int4")).interface)
        != first
    )


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"?", UNKNOWN_COMMAND),
        (PING + b"\x00", BAD_CHECK),
        (INFER, TIMEOUT),
        (INFER + b"\x01", TIMEOUT),
        (INFER + b"\x01\x01", TIMEOUT),
    ],
)
def test_error_replies(request_bytes: bytes, code: int) -> None:
    design = build_design(networks.xor())
    port = boards.SimulatedPort(design)
    port.write(request_bytes)
    assert port.read(64) == frame(ERROR, bytes([code]))
    port.write(frame(PING))  # the read above was silence enough
    assert port.read(64)[:1] == b"p"


def test_sending_faster_than_the_answers_is_reported() -> None:
    design = build_design(networks.random_dense(np.random.default_rng(5), (3, 64), "pm1", outputs="bits"))
    port = boards.SimulatedPort(design)
    port.write(frame(INFER, b"\x07\x05") * 4)
    said = port.read(200)
    assert said[:2] == b"i\x07"
    assert said[-3:] == frame(ERROR, bytes([OVERRUN]))


def test_a_break_makes_the_board_forget_half_a_request() -> None:
    design = build_design(networks.xor())
    port = boards.SimulatedPort(design, timeout=5000)
    port.write(INFER + b"\x01")
    port.send_levels([0] * 12 + [1] * 2)
    port.write(frame(PING))
    assert port.read(19)[:1] == b"p"
