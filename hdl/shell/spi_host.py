"""The host's side of the SPI link: a port for `threshc.hdl.shell.host.Board` made of SPI transactions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from threshc.hdl.interface import Interface
from threshc.hdl.shell.protocol import ANSWER, BODY_SIZE, INFER, reply_size, request_size
from threshc.hdl.shell.spi import WRITE, depth

LISTEN = 0
"""The first byte of a transaction that only listens; what else it sends is nothing."""
Transfer = Callable[[bytes], bytes]
"""A transaction: the bytes that the host sends while CS is low, to those that come meanwhile, as many."""


class SpiPort:
    """A port as `Board` needs it: requests go out in transactions, as many at a time as the board has room
    for; what comes back is replies, without the zeros between them."""

    def __init__(self, transfer: Transfer, interface: Interface, *, patience: int = 200) -> None:
        """transfer: does a transaction; patience: how many transactions without a byte of a reply are silence."""
        self._transfer, self._patience = transfer, patience
        self._request, self._room = request_size(interface), depth(interface)
        self._sizes = {head[0]: size + 2 for head, size in BODY_SIZE.items()} | {ANSWER[0]: reply_size(interface)}
        self._due: deque[int] = deque()  # bytes of requests that are not answered
        self._came = bytearray()
        self._left = 0  # bytes of the reply that is coming

    def write(self, data: bytes) -> None:
        """Sends requests, whole ones. Where the board stays silent, what it has no room for is not sent."""
        requests: list[bytes] = []
        while data:
            size = self._request if data[:1] == INFER else 2
            requests.append(data[:size])
            data = data[size:]
        while requests:
            batch = bytearray([WRITE])
            while requests and sum(self._due) + len(requests[0]) <= self._room:
                batch += requests[0]
                self._due.append(len(requests.pop(0)))
            if len(batch) == 1:
                if not self._listen():
                    self._due.clear()
                    return
                continue
            self._take(self._transfer(bytes(batch)))

    def read(self, size: int = 1) -> bytes:
        """Returns at most `size` bytes of replies; none where the board says nothing."""
        if not self._came and not self._listen():
            self._due.clear()
            self._left = 0
        part = bytes(self._came[:size])
        del self._came[:size]
        return part

    def _listen(self) -> bool:
        """Asks for what the board has to say; returns whether something came."""
        before = len(self._came)
        wanted = self._left or len(self._due) * self._sizes[ANSWER[0]]
        for _ in range(self._patience):
            self._take(self._transfer(bytes([LISTEN]) + bytes(max(wanted, max(self._sizes.values())))))
            if len(self._came) > before:
                return True
        return False

    def _take(self, got: bytes) -> None:
        """Sorts what came in a transaction: its first byte means nothing, zeros between replies are none."""
        for byte in got[1:]:
            if not self._left:
                if not byte:
                    continue
                self._left = self._sizes.get(byte, 1)
                if self._due:
                    self._due.popleft()
            self._came.append(byte)
            self._left -= 1
