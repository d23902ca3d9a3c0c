"""What a row's sum begins with beyond the smallest: as bits of its weight words, added up over all chunks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.weights import Bits


def threshold_exponents(chunks: int, span: int, last: int | None = None) -> tuple[int, ...]:
    """Returns exponents, ascending, whose powers of two, each taken 0 to `chunks` times, make every sum from 0 to
    `span`. last: in place of the largest of the fewest that do, which need not be as large (`last_exponents`)."""
    found, total = [], 0
    while chunks * total < span:
        found.append((1 + chunks * total).bit_length() - 1)
        total += 1 << found[-1]
    return tuple(found if last is None else sorted([*found[:-1], last]))


def spread(values: NDArray[np.int64], exponents: tuple[int, ...], chunks: int) -> Bits:
    """Returns bits (.., chunks, exponents) whose weighted sum over all chunks is each of the values (..)."""
    bits = np.zeros((*values.shape, chunks, len(exponents)), np.uint8)
    left = values
    for k in reversed(range(len(exponents))):
        times = np.minimum(chunks, left >> exponents[k])
        left = left - (times << exponents[k])
        bits[..., k] = np.arange(chunks) < times[..., None]
    assert not left.any()
    return bits
