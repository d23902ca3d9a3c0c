"""Memory on cache lines, as 512-bit loads and stores want it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)

LINE = 64


def on_line(array: NDArray[_T], more: int = 0) -> NDArray[_T]:
    """A flat copy that begins on a 64-byte boundary, followed by `more` zeros."""
    size, item = array.size + more, array.itemsize
    raw = np.zeros(size * item + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    made: NDArray[_T] = raw[start : start + size * item].view(array.dtype)
    made[: array.size] = array.ravel()
    return made
