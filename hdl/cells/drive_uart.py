"""The netlist of a board: the network in its UART shell, as place and route gets it, driven at the serial pins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.hdl.cells.drive import Bytes, Exercised, compare, lanes_for
from threshc.hdl.cells.drive_load import has_flash, read_flash
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.sample_words import Words, from_lanes, to_lanes
from threshc.hdl.cells.spi_flash import SpiFlash
from threshc.hdl.interface import Interface
from threshc.hdl.shell.flash import PADS, FlashTiming
from threshc.hdl.shell.image import OFFSET, make_image
from threshc.hdl.shell.protocol import (
    ANSWER,
    BODY_SIZE,
    INFER,
    LOAD,
    PONG,
    answer_words,
    frame,
    identity,
    reply_size,
    request_body,
    request_size,
)

_START = 20e-6
"""Seconds after which Amaranth's iCE40 platforms have ended their reset, with some to spare (they take 15 us)."""
WORK = 20_000_000_000
"""Most selections of a simulation, some tens of seconds."""
_ALL = ~np.uint64(0)
_NUMBER = b"\xa5"
"""The number of the one request that every lane sends."""


def exercise_board(
    gates: Gates, interface: Interface, samples: Bytes, expected: Bytes, *, cycles_per_bit: int, clock_hz: float
) -> Exercised | None:
    """Requests in at the receive pin, answers out at the transmit pin, in the board's own protocol.

    Memories that are filled at start are filled as the board does it: from an SPI flash at its pins, or by the host's
    request where it has none; before that they hold zeros. Up to 512 samples side by side, 64 where that would take too
    long or memories are filled; None where that does too (`WORK`). Raises CompileError where a reply is missing,
    damaged or wrong.
    """
    size, start, bit = reply_size(interface), int(_START * clock_hz) + 1, cycles_per_bit
    sent = 10 * bit * request_size(interface)
    cycles = start + sent + interface.timing.latency + interface.timing.interval + 64 + 10 * bit * (size + 1)
    image, flash = (b"", False) if interface.load is None else (make_image(interface), has_flash(gates))
    first = 0 if not image else start + (_reading(image, clock_hz) if flash else _asking(image, bit))
    lanes, samples = (1, samples[:64]) if image else lanes_for(samples)
    work = (first + cycles) * Machine(gates, 1).selections
    if work * lanes > WORK:
        lanes, samples = 1, samples[:64]
    if work > WORK:
        return None
    board = _Board(gates, Machine(gates, lanes))
    if flash:
        read_flash(board.machine, gates, SpiFlash(bytes(OFFSET) + image), first)
    elif image:
        _ask_for_weights(board, interface, image, bit, start, first)
    requests = np.array([list(frame(INFER, _NUMBER + request_body(interface, word))) for word in samples], np.uint8)
    line = np.full((cycles, lanes), _ALL)
    line[start : start + sent] = np.repeat(_serial(to_lanes(requests, 8 * requests.shape[1], lanes)), bit, axis=0)
    reply = _received(board.run(line), bit, size, start)
    answers = from_lanes(reply, len(samples))
    framed = np.array([list(frame(ANSWER, _NUMBER + word.tobytes())) for word in answers[:, 2:-1]], np.uint8)
    if not np.array_equal(framed, answers):
        why = "head, number or check byte differ"
        raise fail("the netlist's replies are damaged", where=f"module {gates.module}", why=why)
    compare(interface, gates, answer_words(interface, answers[:, 2:-1]), expected[: len(samples)], 0)
    how = ", weights read from its flash" if flash else ", weights sent by the host" if image else ""
    return Exercised(f"with its UART shell, at the pins{how}", len(samples), first + cycles, len(gates.cells))


class _Board:
    """The pins of a board; all but the serial ones are 1."""

    def __init__(self, gates: Gates, machine: Machine) -> None:
        self.machine = machine
        pins = [net for bits in gates.inputs.values() for net in bits if net != gates.clock]
        flash = gates.inputs.get(PADS.format("cipo"), [])
        (self._rx,) = (k for k, net in enumerate(pins) if net not in flash)
        (tx,) = (bits[0] for name, bits in gates.outputs.items() if not name.startswith(PADS.partition("{")[0]))
        self._drive, self._watch = machine.nets(pins), machine.nets([tx])

    def run(self, line: Words) -> Words:
        """The levels (cycles, lanes) of the transmit pin, for those of the receive pin."""
        stimulus = np.full((len(line), len(self._drive), self.machine.lanes), _ALL)
        stimulus[:, self._rx] = line
        return self.machine.run(self._drive, stimulus, self._watch)[:, 0]


def _reading(image: bytes, clock_hz: float) -> int:
    """Cycles in which a flash is read, with some to spare."""
    return FlashTiming.at(clock_hz).cycles(len(image)) + 256


def _asking(image: bytes, bit: int) -> int:
    """Cycles of the request with an image, and of its reply."""
    return 10 * bit * (len(frame(LOAD, image)) + len(frame(PONG)) + BODY_SIZE[PONG] + 1) + 64


def _ask_for_weights(board: _Board, interface: Interface, image: bytes, bit: int, start: int, cycles: int) -> None:
    """Sends an image as the host does. Raises CompileError unless the board says that it took it."""
    lanes, request = board.machine.lanes, np.array([list(frame(LOAD, image))], np.uint8)
    line = np.full((cycles, lanes), _ALL)
    levels = np.repeat(_serial(to_lanes(request, 8 * request.shape[1], lanes)), bit, axis=0)
    line[start : start + len(levels)] = np.where(levels & np.uint64(1), _ALL, np.uint64(0))
    want = frame(PONG, identity(interface).pack())
    got = from_lanes(_received(board.run(line), bit, len(want), start), 1)[0].tobytes()
    if got != want:
        why = f"it answers 0x{got.hex()}, not 0x{want.hex()}"
        raise fail("the netlist does not take its weights", where="UART", why=why)


def _serial(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits (8 * bytes, lanes), lowest first, with start and stop bits: (10 * bytes, lanes)."""
    frames = bits.reshape(-1, 8, bits.shape[1])
    low, high = np.zeros_like(frames[:, :1]), np.full_like(frames[:, :1], _ALL)
    return np.concatenate([low, frames, high], axis=1).reshape(-1, bits.shape[1])


def _received(line: Words, bit: int, size: int, start: int) -> Words:
    """The bits (8 * size, lanes) of the first `size` bytes, each from its own falling edge on: there may be pauses."""
    low, found = (line != _ALL).any(axis=1), list[Words]()
    for _ in range(size):
        edges = np.flatnonzero(low[start:])
        first = start + int(edges[0]) if len(edges) else len(line)
        at = first + bit // 2 + bit * np.arange(10)
        if at[-1] >= len(line):
            raise fail("the netlist does not reply", where="UART", why=f"{len(found)} of {size} bytes came")
        found.append(line[at[1:9]])
        start = int(at[-1])
    return np.concatenate(found)
