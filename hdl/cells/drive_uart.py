"""The netlist of a board: the network in its UART shell, as place and route gets it, driven at the serial pins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.hdl.cells.drive import Bytes, Exercised, compare, lanes_for
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.sample_words import from_lanes, to_lanes
from threshc.hdl.interface import Interface
from threshc.hdl.shell.protocol import ANSWER, INFER, answer_words, frame, reply_size, request_body, request_size

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

    Up to 512 samples side by side, 64 where that would take too long; None where that does too (`WORK`). Raises
    CompileError where a reply is missing, damaged or wrong.
    """
    size, start, bit = reply_size(interface), int(_START * clock_hz) + 1, cycles_per_bit
    sent = 10 * bit * request_size(interface)
    cycles = start + sent + interface.timing.latency + interface.timing.interval + 64 + 10 * bit * (size + 1)
    lanes, samples = lanes_for(samples)
    work = cycles * Machine(gates, 1).selections
    if work * lanes > WORK:
        lanes, samples = 1, samples[:64]
    if work > WORK:
        return None
    machine = Machine(gates, lanes)
    requests = np.array([list(frame(INFER, _NUMBER + request_body(interface, word))) for word in samples], np.uint8)
    pins = [n for bits in gates.inputs.values() for n in bits if n != gates.clock]
    line = np.full((cycles, len(pins), lanes), _ALL)
    line[start : start + sent, 0] = np.repeat(_serial(to_lanes(requests, 8 * requests.shape[1], lanes)), bit, axis=0)
    got = machine.run(machine.nets(pins), line, machine.nets([b for bits in gates.outputs.values() for b in bits]))
    reply = _received(got[:, 0], bit, size, start)
    answers = from_lanes(reply, len(samples))
    framed = np.array([list(frame(ANSWER, _NUMBER + word.tobytes())) for word in answers[:, 2:-1]], np.uint8)
    if not np.array_equal(framed, answers):
        why = "head, number or check byte differ"
        raise fail("the netlist's replies are damaged", where=f"module {gates.module}", why=why)
    compare(interface, gates, answer_words(interface, answers[:, 2:-1]), expected[: len(samples)], 0)
    return Exercised("with its UART shell, at the pins", len(samples), cycles, len(gates.cells))


def _serial(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits (8 * bytes, lanes), lowest first, with start and stop bits: (10 * bytes, lanes)."""
    frames = bits.reshape(-1, 8, bits.shape[1])
    low, high = np.zeros_like(frames[:, :1]), np.full_like(frames[:, :1], _ALL)
    return np.concatenate([low, frames, high], axis=1).reshape(-1, bits.shape[1])


def _received(line: NDArray[np.uint64], bit: int, size: int, start: int) -> NDArray[np.uint64]:
    """The bits (8 * size, lanes) of `size` bytes that follow each other from the first falling edge on."""
    low = np.flatnonzero((line[start:] != _ALL).any(axis=1))
    first = start + int(low[0]) if len(low) else len(line)
    at = first + bit // 2 + bit * np.arange(10 * size)
    if at[-1] >= len(line):
        raise fail("the netlist does not reply", where="UART", why=f"{size} bytes were expected")
    frames = line[at].reshape(size, 10, -1)
    return frames[:, 1:9].reshape(8 * size, -1)
