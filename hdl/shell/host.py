"""The host's side of the byte protocol (docs/reference/protocol.md): asks a board for answers over a serial port."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.options import integer
from threshc.compiler.progress import Progress, silent
from threshc.hdl.interface import Interface
from threshc.hdl.shell.crc import crc8
from threshc.hdl.shell.protocol import (
    ANSWER,
    BAUD,
    BODY_SIZE,
    COUNT,
    COUNTED,
    ERROR,
    ERROR_TEXT,
    INFER,
    PING,
    PONG,
    SILENCE,
    UNKNOWN_COMMAND,
    VERSION,
    Counts,
    Identity,
    answer_words,
    body_size,
    frame,
    identity,
    reply_size,
    request_body,
    request_size,
)

_ATTEMPTS = 3
_WINDOW = 16
_NUMBERS = 256
_PATIENCE = 2.0
"""Seconds beyond what its bytes take after which an exchange has failed."""
_SIMULATED = 600.0
"""The same for a port that is an object, such as a simulated board."""
_STALE = 4096
"""Bytes that are thrown away to find silence: more than a board can have left to say."""


class Port(Protocol):
    """A serial port, as far as `Board` needs it."""

    def read(self, size: int = 1, /) -> bytes:
        """Returns at most `size` bytes, fewer when none come for a while."""

    def write(self, data: bytes, /) -> Any:
        """Sends bytes."""


class _Damaged(Exception):
    """A reply that is missing, broken or an error: worth another try."""


def checked_baud(baud: int) -> int:
    """Returns a baud rate. Raises CompileError for what is not a positive integer."""
    if integer(baud, 1) is None:
        raise fail(f"{baud!r} baud are not possible", where=option("baud"), hint="as the bitstream was built for")
    return baud


class _Unknown(Exception):
    """The board does not know the command: asking again would not help."""


class Board:
    """A board that runs a circuit. `port` is a name such as /dev/ttyUSB1 or COM4, or any object with read and write.

    failures: what went wrong with exchanges that were then repeated, and how often.

    Raises CompileError when the port cannot be opened, nothing answers, or the board runs another network.
    """

    def __init__(self, port: str | Port, interface: Interface, *, baud: int = BAUD) -> None:
        checked_baud(baud)
        self._interface = interface
        self._name = port if isinstance(port, str) else "serial port"
        self._port = _open(port, baud) if isinstance(port, str) else port
        self._silence = SILENCE if isinstance(port, str) else 0.0
        self._patience = _PATIENCE if isinstance(port, str) else _SIMULATED
        self._byte = 10 / baud  # seconds
        self._deadline = 0.0
        self._number = 0
        self.failures: Counter[str] = Counter()
        with self._unplugged():
            self._resync()
        self._expect(self.ping())

    def ping(self) -> Identity:
        """Returns what the board says about itself. Raises CompileError when nothing answers."""
        size = BODY_SIZE[PONG]
        ask = partial(self._exchange, frame(PING), 1, size, lambda: [self._reply(PONG, size)])
        return Identity.unpack(self._retry(ask)[0])

    def infer(self, words: NDArray[np.uint8], *, progress: Progress = silent) -> NDArray[np.uint8]:
        """Turns input words (N, bytes) (`threshc.hdl.payload.pack`) into output words (N, bytes) uint8, which
        `threshc.hdl.payload.unpack` and `threshc.sim.rtl.to_result` turn into numbers.

        Every request has a number, which its answer repeats: answers that are missing, doubled or of another request
        are failures, as are damaged ones, bytes behind the last one, and a line that does not answer in time. What
        failed is asked for again; `progress` is told how many samples are answered. Raises CompileError after three
        failures in a row.
        """
        size = body_size(self._interface.output)
        requests = [request_body(self._interface, word) for word in words]
        answers: list[bytes] = []
        # Replies must not take longer than requests, or they would pile up on the board, which has no room for them.
        window = _WINDOW if reply_size(self._interface) <= 0.9 * request_size(self._interface) else 1
        for start in range(0, len(requests), window):
            batch = requests[start : start + window]
            last = start + window >= len(requests)
            answers += self._retry(partial(self._ask, batch, size, last))
            progress(f"{len(answers):,} of {len(requests):,} samples answered")
        return answer_words(self._interface, np.frombuffer(b"".join(answers), np.uint8).reshape(len(requests), size))

    def counts(self) -> Counts | None:
        """Returns what the board has counted since its reset; None where its bitstream does not count yet."""
        size = BODY_SIZE[COUNTED]
        ask = partial(self._exchange, frame(COUNT), 1, size, lambda: [self._reply(COUNTED, size)])
        try:
            return Counts.unpack(self._retry(ask)[0])
        except _Unknown:
            with self._unplugged():
                self._resync()
            return None

    def close(self) -> None:
        """Closes the port."""
        close = getattr(self._port, "close", None)
        if close is not None:
            close()

    def _ask(self, words: list[bytes], size: int, last: bool) -> list[bytes]:
        """The answers to some samples; behind the last ones the line must be silent."""
        numbers = [bytes([(self._number + k) % _NUMBERS]) for k in range(len(words))]
        self._number += len(words)  # also where this fails: an answer that comes late is another request's then
        requests = b"".join(frame(INFER, n + word) for n, word in zip(numbers, words, strict=True))

        def collect() -> list[bytes]:
            found = [self._answer(n, size) for n in numbers]
            surplus = self._port.read(_STALE) if last else b""
            if surplus:
                raise _Damaged(f"{len(surplus)} bytes came that belong to no answer, 0x{surplus[:8].hex()} first")
            return found

        return self._exchange(requests, len(words), size + 1, collect)

    def _exchange(self, requests: bytes, replies: int, size: int, collect: Callable[[], list[bytes]]) -> list[bytes]:
        """Sends requests and collects their replies, of `size` bytes and a frame each, in the time that they take."""
        self._allow(len(requests) + replies * (size + 2))
        if hasattr(self._port, "write_timeout"):
            self._port.write_timeout = self._deadline - time.monotonic()
        self._port.write(requests)
        return collect()

    def _answer(self, number: bytes, size: int) -> bytes:
        body = self._reply(ANSWER, size + 1)
        if body[:1] != number:
            raise _Damaged(f"an answer to request {body[0]} came, that to request {number[0]} was due")
        return body[1:]

    def _reply(self, head: bytes, size: int) -> bytes:
        got = self._receive(1)
        if not got:
            raise _Damaged("no answer")
        if got not in (head, ERROR):
            raise _Damaged(f"unexpected byte 0x{got.hex()}")
        rest = (BODY_SIZE[ERROR] if got == ERROR else size) + 1
        body = self._receive(rest)
        if len(body) < rest:
            raise _Damaged(f"only {len(body) + 1} of {rest + 1} bytes of a reply arrived")
        if crc8(got + body[:-1]) != body[-1]:
            raise _Damaged("a reply was damaged on the way")
        if got == ERROR and head == COUNTED and body[0] == UNKNOWN_COMMAND:
            raise _Unknown
        if got == ERROR:
            raise _Damaged(ERROR_TEXT.get(body[0], f"error {body[0]}"))
        return body[:-1]

    def _allow(self, count: int) -> None:
        """Sets the deadline of an exchange of `count` bytes; a board that is twice as slow is none of ours."""
        self._deadline = time.monotonic() + self._patience + 2 * count * self._byte

    def _receive(self, size: int) -> bytes:
        """So many bytes, fewer where none come for a while or the exchange takes too long."""
        got = b""
        while len(got) < size and (part := self._port.read(size - len(got))):
            got += part
            if time.monotonic() > self._deadline:
                raise _Damaged("the answers took longer than their bytes do")
        return got

    def _retry(self, ask: Callable[[], list[bytes]]) -> list[bytes]:
        reasons: list[str] = []
        with self._unplugged():
            for _ in range(_ATTEMPTS):
                try:
                    return ask()
                except _Damaged as problem:
                    reasons.append(str(problem))
                    self.failures[str(problem)] += 1
                    self._resync()
        raise fail(
            "the board does not answer properly",
            where=self._name,
            why="; ".join(dict.fromkeys(reasons)),
            hint="is this the board's UART, is the bitstream loaded, and are "
            f"{option('port')} and {option('baud')} those it was built for?",
        )

    @contextmanager
    def _unplugged(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise fail(f"the serial port failed: {problem}", where=self._name) from None

    def _resync(self) -> None:
        """Silence makes the board forget half a request; then whatever it still sends is thrown away."""
        time.sleep(1.5 * self._silence)
        self._allow(_STALE)
        stale = 0
        while part := self._port.read(64):
            stale += len(part)
            if stale > _STALE or time.monotonic() > self._deadline:
                raise fail(
                    "the line does not fall silent",
                    where=self._name,
                    why=f"{stale} bytes came that nobody asked for, 0x{part[:8].hex()} among the last",
                    hint="is this the board's UART, and does nothing else use it?",
                )

    def _expect(self, found: Identity) -> None:
        wanted = identity(self._interface)
        if found == wanted:
            return
        if found.version != VERSION:
            raise fail(
                f"the board speaks version {found.version} of the protocol, this threshc version {VERSION}",
                where=self._name,
                why="the bitstream was built by an older threshc"
                if found.version < VERSION
                else "this threshc is older",
                hint="build the bitstream again, and load it",
            )
        if (found.input_width, found.output_width) != (wanted.input_width, wanted.output_width):
            why = (
                f"it takes {found.input_width} bits and answers {found.output_width}, "
                f"the model {wanted.input_width} and {wanted.output_width}"
            )
        else:
            why = f"its fingerprint is {found.fingerprint.hex()}, the model's {wanted.fingerprint.hex()}"
        raise fail("the board runs another network", where=self._name, why=why, hint="load the bitstream of this model")


def _open(name: str, baud: int) -> Port:
    try:
        import serial
    except ImportError:
        raise fail("pyserial is not installed", where=option("port"), hint='pip install "threshc[fpga]"') from None
    try:
        port: Port = serial.Serial(name, baud, timeout=0.5)
    except (OSError, ValueError) as problem:  # pyserial's own error is an OSError
        raise fail(
            f"cannot open the serial port: {problem}", where=name, hint=f"{option('port')} names the board's UART"
        ) from None
    return port
