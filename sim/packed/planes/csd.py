"""Integer weights as signed binary digits, and the choice of what a threshold row counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Digits = NDArray[np.int8]


def _take(w: NDArray[np.int64]) -> tuple[Digits, NDArray[np.int64]]:
    """The lowest digit of every integer, and what remains of it above."""
    digit = np.where(w & 1, 2 - (w & 3), 0)
    return digit.astype(np.int8), (w - digit) >> 1


def signed_digits(weights: NDArray[np.signedinteger]) -> Digits:
    """Returns the digits (D, R, C) of integers (R, C) below 2**62: -1, 0, 1 of weight 2**d, D > 0: the non-adjacent
    form.

    No signed representation has fewer nonzero digits (Reitwiesner, Binary Arithmetic, 1960).
    """
    w = weights.astype(np.int64)
    digit, w = _take(w)
    found = [digit]
    while w.any():
        digit, w = _take(w)
        found.append(digit)
    return np.stack(found)


def cost(weights: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """Returns the nonzero signed digits per row of (R, C) weights."""
    w = weights.astype(np.int64)
    total = np.zeros(len(w), np.int64)
    while w.any():
        digit, w = _take(w)
        total += np.count_nonzero(digit, axis=1)
    return total


def magnitudes(weights: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """Returns (C,) what the weights of each column are plus or minus of; 1 in a column of which that is not so."""
    w = np.abs(weights.astype(np.int64))
    top: NDArray[np.int64] = np.where((w == w[:1]).all(axis=0), w[0], 1)
    return top


def against_sum(weights: NDArray[np.signedinteger], shared: NDArray[np.int64], levels: int) -> Digits:
    """Returns the cheapest way to compare each row of (R, C) weights w with a threshold.

    0 counts w itself; f = +1 or -1 counts f * w + v and compares it with S, the sum of all inputs times v = `shared`
    (`magnitudes`). For weights +-v the digits of f * w + v are those of one sign only, so at most half of the inputs
    are counted (2P - S, 2M - S). `levels` is the price of the comparison with S; S itself costs one row, or
    nothing if no row wants it.
    """
    w = weights.astype(np.int64)
    prices = np.stack([cost(w), cost(w + shared) + levels, cost(shared - w) + levels])
    saved = int((prices[0] - prices.min(axis=0)).sum())
    best = prices.argmin(axis=0) if saved > int(cost(shared[None])[0]) else np.zeros(len(w), np.int64)
    choice: Digits = np.array([0, 1, -1], np.int8)[best]
    return choice


def signed_width(lo: int, hi: int) -> int:
    """Returns two's complement digits that hold every integer of lo..hi."""
    return max(hi.bit_length() if hi >= 0 else 0, (-lo - 1).bit_length() if lo < 0 else 0) + 1
