"""Samples as machine words: bit s of lane w belongs to sample 64*w + s."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def to_lanes(words: NDArray[np.uint8], width: int, lanes: int) -> Words:
    """Turns words (N, bytes) of N <= 64 * lanes samples into (width, lanes); lanes without a sample repeat the last
    one."""
    index = np.minimum(np.arange(64 * lanes), len(words) - 1)
    bits = np.unpackbits(words[index], axis=1, bitorder="little")[:, :width]
    packed = np.packbits(bits.T.reshape(width, lanes, 64), axis=2, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").reshape(width, lanes).astype(np.uint64)


def from_lanes(lanes: Words, count: int) -> NDArray[np.uint8]:
    """Turns (width, lanes) back into the words (count, bytes) of the first samples."""
    bits = np.unpackbits(lanes.astype("<u8").view(np.uint8).reshape(len(lanes), -1), axis=1, bitorder="little")
    return np.packbits(bits[:, :count].T, axis=1, bitorder="little")
