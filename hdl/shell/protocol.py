"""The byte protocol between host and board; described in docs/reference/protocol.md."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.ops import Loc
from threshc.hdl.interface import Beats, Interface
from threshc.hdl.payload import byte_count, from_beats, to_beats
from threshc.hdl.shell.crc import crc8

VERSION = 2
"""1: requests and answers had no number. Pings and pongs are the same in every version."""

BAUD = 115200
SILENCE = 0.25
"""Seconds of silence after which a board gives up a half-sent request."""

PING, INFER, COUNT, LOAD = b"P", b"I", b"C", b"W"
"""LOAD: an image of weights (`threshc.hdl.shell.image`), for boards whose memories are filled at start."""
PONG, ANSWER, ERROR, COUNTED = b"p", b"i", b"e", b"c"

UNKNOWN_COMMAND, BAD_CHECK, TIMEOUT, OVERRUN, LOADING, NO_WEIGHTS = range(1, 7)
ERROR_TEXT = {
    UNKNOWN_COMMAND: "the board does not know the command",
    BAD_CHECK: "a byte was damaged on the way to the board",
    TIMEOUT: "the board waited too long for the rest of a request",
    OVERRUN: "the host sent faster than the board answers",
    LOADING: "the board is reading its weights from the flash",
    NO_WEIGHTS: "the board has no weights: their checksum was wrong, or none came",
}

_IDENTITY = struct.Struct("<BII8s")


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer of a board to a ping. Widths in bits; fingerprint: of the network and the layout of its answers."""

    version: int
    input_width: int
    output_width: int
    fingerprint: bytes

    def pack(self) -> bytes:
        """Returns the 17 bytes of a pong, without its head and check byte."""
        return _IDENTITY.pack(self.version, self.input_width, self.output_width, self.fingerprint)

    @staticmethod
    def unpack(body: bytes) -> Identity:
        """Returns the reverse of `pack`."""
        return Identity(*_IDENTITY.unpack(body))


_COUNTS = struct.Struct("<HH")


@dataclass(frozen=True, slots=True)
class Counts:
    """A board's counts since its reset, modulo 65,536. answered: requests that it has answered; dropped: those
    that it began to read and gave up, since they were damaged, cut short, too long, unknown or broken off."""

    answered: int
    dropped: int

    @staticmethod
    def unpack(body: bytes) -> Counts:
        """Returns the counts that a reply of 4 bytes says."""
        return Counts(*_COUNTS.unpack(body))

    def since(self, before: Counts) -> Counts:
        """Returns what was counted between two replies."""
        return Counts((self.answered - before.answered) % 65536, (self.dropped - before.dropped) % 65536)


BODY_SIZE = {PONG: _IDENTITY.size, ERROR: 1, COUNTED: _COUNTS.size}
"""Bytes between head and check byte of every reply; an answer has its number and its payloads more."""


def identity(interface: Interface) -> Identity:
    """Returns what a board with this circuit says about itself."""
    return Identity(VERSION, interface.input.bits, interface.output.bits, fingerprint(interface))


def fingerprint(interface: Interface) -> bytes:
    """Returns 8 bytes that differ between networks, layouts of the answer, or ways to carry a sample in several
    payloads; equal for any neuron architecture, pipelining or name, so that the host need not know how the bitstream
    was made."""
    digest = hashlib.sha256()
    for op in interface.network.ops:
        digest.update(type(op).__name__.encode())
        for name in op.__slots__:
            value = getattr(op, name)
            if isinstance(value, Loc) or name in ("name", "model_shape"):
                continue
            digest.update(
                f"{name}={value.astype('<i8').tobytes().hex() if hasattr(value, 'astype') else value};".encode()
            )
    for f in interface.fields:
        digest.update(repr((f.kind, f.value, f.offset, f.width, f.element_width, f.signed, tuple(f.shape))).encode())
    for beats in (interface.input, interface.output):
        if beats.count > 1:
            digest.update(repr((beats.bits, beats.width)).encode())
    return digest.digest()[:8]


def request_body(interface: Interface, word: NDArray[np.uint8]) -> bytes:
    """Returns a sample's word (bytes,) as a request carries it: its payloads one after another, each in whole bytes."""
    return to_beats(word[None], interface.input).tobytes()


def answer_words(interface: Interface, bodies: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the words (N, bytes) of answers, from what replies (N, bytes) carry of them: payloads in whole bytes
    each."""
    return from_beats(bodies.reshape(-1, byte_count(interface.output.width)), interface.output)


def body_size(beats: Beats) -> int:
    """Bytes that a sample or an answer takes in a message."""
    return beats.count * byte_count(beats.width)


def frame(head: bytes, body: bytes = b"") -> bytes:
    """Returns a message: head, body, and the check byte over both."""
    return head + body + bytes([crc8(head + body)])


def request_size(interface: Interface) -> int:
    """Bytes of an infer request."""
    return body_size(interface.input) + 3


def reply_size(interface: Interface) -> int:
    """Bytes of an answer."""
    return body_size(interface.output) + 3
