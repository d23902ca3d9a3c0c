"""The serial line to a board: bytes both ways in the time that they take, whole replies, and another try."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.shell.crc import crc8
from threshc.hdl.shell.protocol import BODY_SIZE, ERROR, ERROR_TEXT, LOADING, SILENCE

_ATTEMPTS = 3
_PATIENCE = 2.0
"""Seconds beyond what its bytes take after which an exchange has failed."""
_SIMULATED = 600.0
"""The same for a port that is an object, such as a simulated board."""
_STALE = 4096
"""Bytes that are thrown away to find silence: more than a board can have left to say."""
_LOADING = 20
"""How often a board is asked again while it reads its flash, at least 0.3 s apart."""


class Port(Protocol):
    """A serial port, as far as `Line` needs it; `in_waiting` and `write_timeout` are used where it has them."""

    def read(self, size: int = 1, /) -> bytes:
        """Returns at most `size` bytes, fewer when none come for a while."""

    def write(self, data: bytes, /) -> Any:
        """Sends bytes."""


class Damaged(Exception):
    """A reply that is missing, broken or an error: worth another try. code: the board's of an error, else 0."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Refused(Exception):
    """The board said an error, twice in a row, that asking again does not change. code: of the error."""

    def __init__(self, code: int) -> None:
        super().__init__(ERROR_TEXT[code])
        self.code = code


class Line:
    """A line to a board. `port` is a name such as /dev/ttyUSB1 or COM4, or any object with read and write.

    name: of the port, for errors; byte: seconds that a byte takes; failures: what went wrong with exchanges that were
    then repeated, and how often. Raises CompileError when the port cannot be opened.
    """

    def __init__(self, port: str | Port, baud: int) -> None:
        named = isinstance(port, str)
        self.name = port if isinstance(port, str) else "serial port"
        self.byte = 10 / baud
        self.failures: Counter[str] = Counter()
        self._port = _open(port, baud) if isinstance(port, str) else port
        self._silence = SILENCE if named else 0.0
        self._patience = _PATIENCE if named else _SIMULATED
        self._deadline = 0.0

    def allow(self, count: int) -> None:
        """Sets the deadline of an exchange of `count` bytes; a board that is twice as slow is none of ours."""
        self._deadline = time.monotonic() + self._patience + 2 * count * self.byte

    def send(self, data: bytes) -> None:
        """Sends bytes, before the deadline."""
        if hasattr(self._port, "write_timeout"):
            self._port.write_timeout = max(self._deadline - time.monotonic(), 0.0)
        self._port.write(data)

    @property
    def has_reply(self) -> bool:
        """Whether bytes have come, as far as the port tells without waiting for some."""
        return bool(getattr(self._port, "in_waiting", 0))

    def surplus(self) -> bytes:
        """Returns what comes until the line is silent."""
        return self._port.read(_STALE)

    def reply(self, head: bytes, size: int) -> bytes:
        """Returns the body, of `size` bytes, of the reply that is due. Raises Damaged where it is not that."""
        got = self._receive(1)
        if not got:
            raise Damaged("no answer")
        if got not in (head, ERROR):
            raise Damaged(f"unexpected byte 0x{got.hex()}")
        rest = (BODY_SIZE[ERROR] if got == ERROR else size) + 1
        body = self._receive(rest)
        if len(body) < rest:
            raise Damaged(f"only {len(body) + 1} of {rest + 1} bytes of a reply arrived")
        if crc8(got + body[:-1]) != body[-1]:
            raise Damaged("a reply was damaged on the way")
        if got == ERROR:
            raise Damaged(ERROR_TEXT.get(body[0], f"error {body[0]}"), body[0])
        return body[:-1]

    def retry(
        self, ask: Callable[[], list[bytes]], refusals: tuple[int, ...] = (), bitstream: str = "is the bitstream loaded"
    ) -> list[bytes]:
        """Returns what `ask` does, which is called again where it raises Damaged: twice, and more often while the board
        reads its flash. refusals: errors of the board that are raised as Refused when they come twice in a row;
        bitstream: what is to be asked about it where nothing helped.

        Raises CompileError, with all reasons, where nothing helped, and where the port fails.
        """
        reasons: list[str] = []
        waits, code = 0, 0
        with self.unplugged():
            while len(reasons) < _ATTEMPTS:
                try:
                    return ask()
                except Damaged as problem:
                    self.resync()
                    if problem.code == LOADING and waits < _LOADING:
                        waits += 1
                        continue
                    if problem.code in refusals and problem.code == code:
                        self.failures -= Counter([str(problem)])
                        raise Refused(code) from None
                    code = problem.code
                    reasons.append(str(problem))
                    self.failures[str(problem)] += 1
        raise fail(
            "the board does not answer properly",
            where=self.name,
            why="; ".join(dict.fromkeys(reasons)),
            hint=f"is this the board's UART, {bitstream}, and are "
            f"{option('port')} and {option('baud')} those it was built for?",
        )

    def resync(self) -> None:
        """Makes the board forget half a request, by silence, and throws away whatever it still sends."""
        time.sleep(1.5 * self._silence)
        self.allow(_STALE)
        stale = 0
        while part := self._port.read(64):
            stale += len(part)
            if stale > _STALE or time.monotonic() > self._deadline:
                raise fail(
                    "the line does not fall silent",
                    where=self.name,
                    why=f"{stale} bytes came that nobody asked for, 0x{part[:8].hex()} among the last",
                    hint="is this the board's UART, and does nothing else use it?",
                )

    def close(self) -> None:
        """Closes the port."""
        close = getattr(self._port, "close", None)
        if close is not None:
            close()

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """Turns errors of the port into CompileErrors."""
        try:
            yield
        except OSError as problem:
            raise fail(f"the serial port failed: {problem}", where=self.name) from None

    def _receive(self, size: int) -> bytes:
        """So many bytes, fewer where none come for a while or the exchange takes too long."""
        got = b""
        while len(got) < size and (part := self._port.read(size - len(got))):
            got += part
            if time.monotonic() > self._deadline:
                raise Damaged("the answers took longer than their bytes do")
        return got


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
