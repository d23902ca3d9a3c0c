"""Memory on cache lines, as 512-bit loads and stores want it, and how a thread keeps it from batch to batch."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)
_K = TypeVar("_K")

LINE = 64


def on_line(array: NDArray[_T], more: int = 0) -> NDArray[_T]:
    """Returns a flat copy that begins on a 64-byte boundary, followed by `more` zeros."""
    size, item = array.size + more, array.itemsize
    raw = np.zeros(size * item + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    made: NDArray[_T] = raw[start : start + size * item].view(array.dtype)
    made[: array.size] = array.ravel()
    return made


class Kept(Generic[_K]):
    """A store that a thread keeps from one batch to the next: each batch takes it out, and puts it back when it has
    ended well.

    So an exception, wherever it strikes, leaves nothing half-made behind: what was taken out is dropped. And a batch
    that a signal handler computes in the midst of another one finds nothing, and works in memory of its own.
    """

    def __init__(self) -> None:
        self._here = threading.local()

    def take(self) -> _K | None:
        """Returns what this thread has put back; None if there is nothing."""
        found: _K | None = self._here.__dict__.pop("kept", None)
        return found

    def put(self, kept: _K) -> None:
        """Keeps it for this thread's next batch."""
        self._here.kept = kept
