"""Integers as planes, and the steps that turn them into bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.sim.packed.planes.layout import ARGMAX, THRESH
from threshc.sim.packed.planes.tables import ONE_PLANE, ZERO_PLANE, Planes, Tables


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Integers sum_p 2**p * plane_p + offset; planes (.., n, L).

    The offset is 0 where the type has no negative values, else -2**(L-1): two's complement with the top bit inverted.
    """

    planes: Planes
    offset: int


def offset_of(t: Ints) -> int:
    """Returns the offset that numbers of a type are stored with."""
    return 0 if t.lo >= 0 else -(1 << (len(plane_weights(t.lo, t.hi)) - 1))


def twos_complement(tables: Tables, numbers: Numbers) -> Planes:
    """Returns the bits of `Bitplanes`, (.., n * L)."""
    planes: Planes = numbers.planes.copy()
    if numbers.offset:
        planes[..., -1] = tables.complement(planes[..., -1])
    n, levels = planes.shape[-2:]
    return planes.reshape(*planes.shape[:-2], n * levels)


def constants(
    positions: int, threshold: NDArray[np.int64], lo: NDArray[np.int64], hi: NDArray[np.int64]
) -> tuple[Planes, NDArray[np.bool_]]:
    """Returns planes (positions, M) of the comparisons of integers in lo..hi that are constant, and which ones are
    not."""
    fixed = np.where(threshold <= lo, ONE_PLANE, ZERO_PLANE)
    planes: Planes = np.repeat(fixed[None], positions, axis=0)
    return planes, (threshold > lo) & (threshold <= hi)


def compare(tables: Tables, numbers: Planes, offset: int, threshold: int) -> Planes:
    """Returns planes (P,) of numbers + offset >= threshold, numbers (P, L); not for comparisons that are constant."""
    positions, levels = numbers.shape
    out = tables.allocate(positions)
    constant = (1 << levels) - (threshold - offset)
    mask0 = tables.digits(constant, levels)
    tables.step(THRESH, rows=positions, levels=levels, table=tables.table(numbers), mask0=mask0, out=out)
    return out + np.arange(positions)


def argmax(tables: Tables, numbers: Planes) -> Planes:
    """Returns planes (1, D) of the index of the largest of numbers (n, L), the lowest one among equals."""
    rows, levels = numbers.shape
    digits = max((rows - 1).bit_length(), 1)
    out, best = tables.allocate(digits), tables.allocate(levels)
    table = tables.table(numbers)
    tables.step(ARGMAX, rows=rows, levels=levels, digits=digits, table=table, patch=best, out=out)
    return (out + np.arange(digits))[None]
