"""Serial lines that misbehave, around the simulated board or instead of one."""

from __future__ import annotations

from collections.abc import Callable

import boards

Spoil = Callable[[list[bytes]], list[bytes]]


class SpoiledAnswers:
    """A simulated board whose answers to one write are changed; answers are cut into replies of `size` bytes."""

    def __init__(self, board: boards.SimulatedPort, size: int, nth: int, how: Spoil) -> None:
        self.board, self.size, self.left, self.how = board, size, nth, how
        self.waiting = b""

    def write(self, data: bytes) -> None:
        self.left -= 1
        self.board.write(data)

    def read(self, size: int = 1) -> bytes:
        if not self.waiting:
            got = self.board.read(4096)
            if self.left == 0 and got:
                replies = [got[k : k + self.size] for k in range(0, len(got), self.size)]
                got, self.left = b"".join(self.how(replies)), -1
            self.waiting = got
        part, self.waiting = self.waiting[:size], self.waiting[size:]
        return part


class Babble:
    """No board at all: whatever is asked, the line says bytes without end."""

    def __init__(self, text: bytes) -> None:
        self.text, self.at = text, 0

    def write(self, data: bytes) -> None:
        pass

    def read(self, size: int = 1) -> bytes:
        part = bytes(self.text[(self.at + k) % len(self.text)] for k in range(size))
        self.at += size
        return part
