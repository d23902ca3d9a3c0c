"""The host's side of the byte protocol (docs/protocol.md): asks a board for answers over a serial port."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.hdl.board.crc import crc8
from threshc.hdl.board.protocol import (
    ANSWER,
    BAUD,
    BODY_SIZE,
    ERROR,
    ERROR_TEXT,
    INFER,
    PING,
    PONG,
    SILENCE,
    VERSION,
    Identity,
    frame,
    identity,
    reply_size,
    request_size,
)
from threshc.hdl.design import Design
from threshc.hdl.payload import byte_count, pack

_ATTEMPTS = 3
_WINDOW = 16


class Port(Protocol):
    """What is needed of a serial port. `read` returns fewer bytes when none come for a while."""

    def read(self, size: int = 1, /) -> bytes: ...
    def write(self, data: bytes, /) -> Any: ...


class _Damaged(Exception):
    """A reply that is missing, broken or an error: worth another try."""


class Board:
    """A board that runs a design. `port` is a name such as /dev/ttyUSB1 or COM4, or any object with read and write.

    Raises CompileError when the port cannot be opened, nothing answers, or the board runs another network.
    """

    def __init__(self, port: str | Port, design: Design, *, baud: int = BAUD) -> None:
        self._design = design
        self._name = port if isinstance(port, str) else "serial port"
        self._port = _open(port, baud) if isinstance(port, str) else port
        self._silence = SILENCE if isinstance(port, str) else 0.0
        self._resync()
        self._expect(self.ping())

    def ping(self) -> Identity:
        """What the board says about itself. Raises CompileError when nothing answers."""
        reply = self._retry(partial(self._ask, [frame(PING)], PONG, BODY_SIZE[PONG]))
        return Identity.unpack(reply[0])

    def infer(
        self, encoded: NDArray[np.integer], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.uint8]:
        """Encoded samples (N, n) (`threshc.sim.inputs.encode`) to output words (N, bytes) uint8, which
        `threshc.hdl.payload.unpack` and `threshc.sim.rtl.to_result` turn into numbers.

        Damaged replies are asked for again; `progress` is told how many samples are answered. Raises CompileError after
        three failures in a row.
        """
        size = byte_count(self._design.output_width)
        requests = [frame(INFER, word.tobytes()) for word in pack(self._design.network, encoded)]
        answers: list[bytes] = []
        # Replies must not take longer than requests, or they would pile up on the board, which has no room for them.
        window = _WINDOW if reply_size(self._design) <= 0.9 * request_size(self._design) else 1
        for start in range(0, len(requests), window):
            batch = requests[start : start + window]
            answers += self._retry(partial(self._ask, batch, ANSWER, size))
            if progress is not None:
                progress(len(answers))
        return np.frombuffer(b"".join(answers), np.uint8).reshape(len(requests), size)

    def close(self) -> None:
        """Closes the port."""
        close = getattr(self._port, "close", None)
        if close is not None:
            close()

    def _ask(self, requests: list[bytes], head: bytes, size: int) -> list[bytes]:
        self._port.write(b"".join(requests))
        return [self._reply(head, size) for _ in requests]

    def _reply(self, head: bytes, size: int) -> bytes:
        got = self._port.read(1)
        if not got:
            raise _Damaged("no answer")
        if got not in (head, ERROR):
            raise _Damaged(f"unexpected byte 0x{got.hex()}")
        rest = (BODY_SIZE[ERROR] if got == ERROR else size) + 1
        body = self._port.read(rest)
        if len(body) < rest:
            raise _Damaged(f"only {len(body) + 1} of {rest + 1} bytes of a reply arrived")
        if crc8(got + body[:-1]) != body[-1]:
            raise _Damaged("a reply was damaged on the way")
        if got == ERROR:
            raise _Damaged(ERROR_TEXT.get(body[0], f"error {body[0]}"))
        return body[:-1]

    def _retry(self, ask: Callable[[], list[bytes]]) -> list[bytes]:
        reasons: list[str] = []
        for _ in range(_ATTEMPTS):
            try:
                return ask()
            except _Damaged as problem:
                reasons.append(str(problem))
                self._resync()
            except OSError as problem:  # unplugged
                raise fail(f"the serial port failed: {problem}", where=self._name) from None
        raise fail(
            "the board does not answer properly",
            where=self._name,
            why="; ".join(dict.fromkeys(reasons)),
            hint="is this the board's UART, is the bitstream loaded, and are --port and --baud those it was built for?",
        )

    def _resync(self) -> None:
        """Silence makes the board forget half a request; then whatever it still sends is thrown away."""
        time.sleep(1.5 * self._silence)
        while self._port.read(64):
            pass

    def _expect(self, found: Identity) -> None:
        wanted = identity(self._design)
        if found == wanted:
            return
        if found.version != VERSION:
            why = f"it speaks protocol version {found.version}, this threshc speaks {VERSION}"
        elif (found.input_width, found.output_width) != (wanted.input_width, wanted.output_width):
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
        raise fail("pyserial is not installed", where="--port", hint='pip install "threshc[fpga]"') from None
    try:
        port: Port = serial.Serial(name, baud, timeout=0.5)
    except (OSError, ValueError) as problem:  # pyserial's own error is an OSError
        raise fail(
            f"cannot open the serial port: {problem}", where=name, hint="--port names the board's UART"
        ) from None
    return port
