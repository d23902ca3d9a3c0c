"""Counts behind the estimates: full adders in a heap, and how many of them neurons share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def heap_bits(weights: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """Ones in the binary digits of |w|, summed per row: (R,)."""
    size = np.abs(weights.astype(np.int64))
    counts = np.zeros(len(weights), np.int64)
    for c in range(int(size.max(initial=0)).bit_length()):
        counts += (size >> c & 1).sum(axis=1)
    return counts


def full_adders(weights: NDArray[np.signedinteger]) -> tuple[float, float]:
    """Returns (full adders that each row has alone, LUTs of first-level adders shared by all rows).

    A row of n bits takes about n full adders with its threshold. In dense +-1 rows the first third is over the same
    triples of inputs in every row: one parity and at most four majorities per triple, however many rows there are.
    """
    bits = heap_bits(weights)
    dense = bits[np.abs(weights).min(axis=1, initial=1) == 1]
    shared = 5.0 * (float(dense.max(initial=0)) // 3)
    alone = float(bits.sum())
    first = float((dense // 3).sum())
    if 2 * first <= shared:
        return alone, 0.0
    return alone - first, shared


def levels(weights: NDArray[np.signedinteger], ratio: float) -> int:
    """Returns levels that shrink the largest heap to two rows at `ratio` per level, and a ripple over the rest."""
    largest = float(heap_bits(weights).max(initial=1))
    return round(math.log(max(largest, 2.0) / 2) / math.log(ratio) + math.log2(largest + 1) / 2) + 1
