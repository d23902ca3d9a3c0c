"""An array in a file, block by block through a mapping that gives its pages back."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray


def mapped_blocks(
    file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[np.generic], step: int
) -> Iterator[NDArray[np.generic]]:
    """Views (step, *shape[1:]) of an array of a shape that begins where the file stands, in its byte order.

    The pages of a block are given back when the next one is asked for: mapped pages count as memory of the process. A
    view stays valid, its pages are read again then. Raises EOFError for a file that is too short; one that becomes
    shorter while it is read ends the process (SIGBUS), as with every mapping.
    """
    start, sample = file.tell(), math.prod(shape[1:])
    row = sample * dtype.itemsize
    if os.fstat(file.fileno()).st_size < start + shape[0] * row:
        raise EOFError("it is truncated")
    view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    behind = 0
    for first in range(0, shape[0], step):
        count = min(step, shape[0] - first)
        data = np.frombuffer(view, dtype, count * sample, start + first * row)
        yield data.reshape(count, *shape[1:])
        del data
        done = (start + (first + count) * row) // mmap.PAGESIZE * mmap.PAGESIZE
        if done > behind and hasattr(mmap, "MADV_DONTNEED"):
            view.madvise(mmap.MADV_DONTNEED, behind, done - behind)
        behind = done
