"""PE and SIMD that divide nothing, near those of a plan whose numbers all divide: fewer lanes are enough.

64 neurons of 784 inputs, in 100 cycles: 8x98 (64 cycles) where both divide, 7x80 (10 times 10) where they need not. For
every PE there is a least SIMD that is fast enough; rounded up to what fits beside the beats that come, it makes as many
chunks as its inputs need, so cycles stay the product of groups and chunks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from threshc.hdl.folded.fold import Fold

_NEAR = 2
"""By how many times PE may be smaller or larger."""


def least(total: int, near: int) -> list[int]:
    """Returns every number of neurons at a time that is the least for its number of groups, and not far from `near`."""
    found = {-(-total // groups) for groups in range(1, total + 1)}
    return sorted(n for n in found if near <= _NEAR * n and n <= _NEAR * near)


def uneven(
    fold: Fold, rows: int, columns: int, digits: int, interval: int, widths: Collection[int]
) -> Iterator[tuple[Fold, int]]:
    """Returns foldings of a layer near one of it that take at most `interval` cycles, with the width of the beats, of
    `widths` bits, that each goes with. digits: bits of an input."""
    for pe in least(rows, fold.pe):
        chunks = interval // -(-rows // pe)
        if not chunks:
            continue
        simd = -(-columns // chunks)
        for width in widths:
            for one in _beside(simd, digits, width):
                if one <= columns:
                    yield fold._replace(pe=pe, simd=one), width


def _beside(simd: int, digits: int, width: int) -> Iterator[int]:
    """The least SIMD from `simd` on whose bits are a multiple of a beat's, and the least that divides them."""
    if width % digits == 0:
        each = width // digits
        yield -(-simd // each) * each
        yield from [n for n in range(simd, each) if each % n == 0][:1]
