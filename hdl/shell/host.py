"""The host's side of the byte protocol (docs/reference/protocol.md): asks a board for answers over a serial port."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.options import integer
from threshc.compiler.progress import Progress, silent
from threshc.hdl.interface import Interface
from threshc.hdl.shell.image import make_image
from threshc.hdl.shell.line import Damaged, Line, Port, Refused
from threshc.hdl.shell.protocol import (
    ANSWER,
    BAUD,
    BODY_SIZE,
    COUNT,
    COUNTED,
    ERROR_TEXT,
    INFER,
    LOAD,
    NO_WEIGHTS,
    PING,
    PONG,
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

_WINDOW = 16
_NUMBERS = 256
_CHUNK = 1024
"""Bytes of an image that are sent at a time: between them progress is told, and an error of the board seen."""


def checked_baud(baud: int) -> int:
    """Returns a baud rate. Raises CompileError for what is not a positive integer."""
    if integer(baud, 1) is None:
        raise fail(f"{baud!r} baud are not possible", where=option("baud"), hint="as the bitstream was built for")
    return baud


class Board:
    """A board that runs a circuit. `port` is a name such as /dev/ttyUSB1 or COM4, or any object with read and write.

    Raises CompileError when the port cannot be opened, nothing answers, or the board runs another network.
    """

    def __init__(self, port: str | Port, interface: Interface, *, baud: int = BAUD) -> None:
        checked_baud(baud)
        self._interface = interface
        self._line = Line(port, baud)
        self._number = 0
        with self._line.unplugged():
            self._line.resync()
        self._expect(self.ping())

    @property
    def failures(self) -> Counter[str]:
        """The reasons for which exchanges were repeated, and how often."""
        return self._line.failures

    def ping(self) -> Identity:
        """Returns what the board says about itself. Raises CompileError when nothing answers."""
        return Identity.unpack(self._line.retry(partial(self._told, frame(PING), PONG))[0])

    def infer(self, words: NDArray[np.uint8], *, progress: Progress = silent) -> NDArray[np.uint8]:
        """Turns input words (N, bytes) (`threshc.hdl.payload.pack`) into output words (N, bytes) uint8, which
        `threshc.hdl.payload.unpack` and `threshc.sim.rtl.to_result` turn into numbers.

        Every request has a number, which its answer repeats: answers that are missing, doubled or of another request
        are failures, as are damaged ones, bytes behind the last one, and a line that does not answer in time. What
        failed is asked for again; `progress` is told how many samples are answered. Raises CompileError after three
        failures in a row, and where the board waits for its weights (`load`).
        """
        size = body_size(self._interface.output)
        requests = [request_body(self._interface, word) for word in words]
        answers: list[bytes] = []
        # Replies must not take longer than requests, or they would pile up on the board, which has no room for them.
        window = _WINDOW if reply_size(self._interface) <= 0.9 * request_size(self._interface) else 1
        for start in range(0, len(requests), window):
            batch = requests[start : start + window]
            last = start + window >= len(requests)
            try:
                answers += self._line.retry(partial(self._ask, batch, size, last), (NO_WEIGHTS,))
            except Refused:
                raise self._empty() from None
            progress(f"{len(answers):,} of {len(requests):,} samples answered")
        return answer_words(self._interface, np.frombuffer(b"".join(answers), np.uint8).reshape(len(requests), size))

    def counts(self) -> Counts | None:
        """Returns what the board has counted since its reset; None where its bitstream does not count yet."""
        try:
            return Counts.unpack(self._line.retry(partial(self._told, frame(COUNT), COUNTED), (UNKNOWN_COMMAND,))[0])
        except Refused:
            return None

    def load(self, *, progress: Progress = silent) -> int:
        """Fills the memories of a circuit that waits for its weights (`Interface.load`); returns the bytes of the image
        that was sent (`threshc.hdl.shell.image`). The board checks it, and what it held before is lost.

        `progress` is told how much is sent and the seconds that are left. An image that was damaged on the way is sent
        anew, from its beginning, twice at most. Raises CompileError where the circuit holds its weights by itself, the
        board was built with other weights or takes none, and after three failures in a row.
        """
        if self._interface.load is None:
            raise fail(
                "the circuit takes no weights from its host",
                where=self._line.name,
                why="none of its memories is filled at start: all its weights are in the bitstream",
                hint="load its bitstream, and run samples",
            )
        image = make_image(self._interface)
        send = partial(self._send_image, frame(LOAD, image), progress)
        try:
            self._line.retry(send, (NO_WEIGHTS, UNKNOWN_COMMAND), "is the bitstream that of these very weights")
        except Refused as refused:
            raise self._no_image(refused.code) from None
        return len(image)

    def close(self) -> None:
        """Closes the port."""
        self._line.close()

    def _told(self, request: bytes, head: bytes) -> list[bytes]:
        """The body of the one reply, of a known size, to a request."""
        self._line.allow(len(request) + BODY_SIZE[head] + 2)
        self._line.send(request)
        return [self._line.reply(head, BODY_SIZE[head])]

    def _ask(self, words: list[bytes], size: int, last: bool) -> list[bytes]:
        """The answers to some samples; behind the last ones the line must be silent."""
        numbers = [bytes([(self._number + k) % _NUMBERS]) for k in range(len(words))]
        self._number += len(words)  # also where this fails: an answer that comes late is another request's then
        requests = b"".join(frame(INFER, n + word) for n, word in zip(numbers, words, strict=True))
        self._line.allow(len(requests) + len(words) * (size + 3))
        self._line.send(requests)
        found = [self._answer(n, size) for n in numbers]
        surplus = self._line.surplus() if last else b""
        if surplus:
            raise Damaged(f"{len(surplus)} bytes came that belong to no answer, 0x{surplus[:8].hex()} first")
        return found

    def _answer(self, number: bytes, size: int) -> bytes:
        body = self._line.reply(ANSWER, size + 1)
        if body[:1] != number:
            raise Damaged(f"an answer to request {body[0]} came, that to request {number[0]} was due")
        return body[1:]

    def _send_image(self, request: bytes, progress: Progress) -> list[bytes]:
        """The pong that answers an image. An error that comes before its end ends the sending."""
        line = self._line
        line.allow(len(request) + BODY_SIZE[PONG] + 2)
        for start in range(0, len(request), _CHUNK):
            left = len(request) - start
            progress(f"{start:,} of {len(request):,} bytes of weights sent, {left * line.byte:.0f} s left")
            line.send(request[start : start + _CHUNK])
            if line.has_reply:
                break
        return [line.reply(PONG, BODY_SIZE[PONG])]

    def _empty(self) -> CompileError:
        return fail(
            "the board has no weights yet",
            where=self._line.name,
            why=f"it says: {ERROR_TEXT[NO_WEIGHTS]}",
            hint=f"threshc program OUT {option('port')} DEVICE sends them, OUT being the folder of the bitstream",
        )

    def _no_image(self, code: int) -> CompileError:
        if code == UNKNOWN_COMMAND:
            what, why = "the board takes no weights", "its bitstream has them, or an older threshc made it"
        else:
            what, why = "the board was built with other weights", "the checksum that its bitstream wants is another one"
        return fail(what, where=self._line.name, why=why, hint="put the bitstream of this very folder on the board")

    def _expect(self, found: Identity) -> None:
        wanted = identity(self._interface)
        if found == wanted:
            return
        if found.version != VERSION:
            raise fail(
                f"the board speaks version {found.version} of the protocol, this threshc version {VERSION}",
                where=self._line.name,
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
        raise fail(
            "the board runs another network", where=self._line.name, why=why, hint="load the bitstream of this model"
        )
