"""Float tensors as integers times one unit, exactly: what makes a row of +-s, or of small multiples of s, integral."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_DIVISORS = 16  # the smallest weight of a row may be up to this many units
_LARGEST = 2**31


def integer_grid(values: Floats) -> tuple[Integers, float] | None:
    """Returns integers n and unit u with values == float32(n * u) everywhere, u as large as can be; None if there is
    none.

    values: float32 numbers in a float64 array of any shape. First a common scale as exporters leave it (+-s, small
    multiples of s, each rounded to float32); then dyadic: u a power of two, which is exact for any float32 numbers of
    similar size.
    """
    nonzero = np.abs(values[values != 0])
    if nonzero.size == 0:
        return np.zeros(values.shape, np.int64), 1.0
    smallest = float(nonzero.min())
    for divisor in range(1, _DIVISORS + 1):
        found = on_unit(values, float(np.float32(smallest / divisor)))
        if found is not None:
            return found, float(np.float32(smallest / divisor))
    return _dyadic(values, nonzero)


def dyadic_grid(values: Floats) -> tuple[Integers, float] | None:
    """Returns integers n and a power of two u with values == n * u, nothing rounded; None where n has more than 62
    bits.

    values: numbers of any floating-point type, or integers, in a float64 array of any shape.
    """
    nonzero = np.abs(values[values != 0])
    if nonzero.size == 0:
        return np.zeros(values.shape, np.int64), 1.0
    _, exponent = np.frexp(nonzero)
    finest, widest = int(exponent.min()) - 53, int(exponent.max()) - 61  # on the widest the largest is below 2**62
    unit = float(np.ldexp(1.0, max(finest, widest, -1022)))
    with np.errstate(all="ignore"):
        n = values / unit
        if not np.isfinite(n).all() or (np.abs(n) >= 2.0**62).any() or (n != np.rint(n)).any():
            return None
    integers = n.astype(np.int64)
    low = int(np.bitwise_or.reduce(np.abs(integers), axis=None))
    shift = (low & -low).bit_length() - 1
    return integers >> shift, unit * 2.0**shift


def on_unit(values: Floats, unit: float) -> Integers | None:
    """Returns the integers n with float32(n * unit) == values, or None."""
    if unit == 0:
        return None
    with np.errstate(all="ignore"):  # values can be infinite, units tiny
        n = np.rint(values / unit)
        exact = (np.abs(n) < _LARGEST) & ((n * unit).astype(np.float32) == values.astype(np.float32))
    if not exact.all():
        return None
    return n.astype(np.int64)


def _dyadic(values: Floats, nonzero: Floats) -> tuple[Integers, float] | None:
    _, exponent = np.frexp(nonzero)
    unit = float(np.ldexp(1.0, int(exponent.min()) - 24))  # a float32 has 24 significant bits
    with np.errstate(all="ignore"):
        n = values / unit
    if not np.isfinite(n).all() or np.abs(n).max() >= 2**52:
        return None
    integers = n.astype(np.int64)
    low = np.bitwise_or.reduce(np.abs(integers), axis=None)
    shift = int(low & -low).bit_length() - 1
    return integers >> shift, unit * float(1 << shift)
