"""The size of a pooling in the stream, fitted to synthesis (docs/research/folded.md)."""

from __future__ import annotations

from threshc.hdl.families.base import Family
from threshc.hdl.folded.axis import Axis
from threshc.hdl.folded.blocks import buffer_size
from threshc.hdl.folded.pooling import Pooling


def pool_size(pool: Pooling, width: int, made: Family) -> tuple[int, int, int]:
    """Returns the look-up tables, flip-flops and block RAMs of a pooling with beats of so many bits."""
    found = [0, 0, 0]
    for axis in pool.axes(-(-pool.shape[2] // width)):
        if not axis.is_plain:
            line = buffer_size(axis.depth, width * axis.slots, made) if axis.depth > 1 else (0, 0, 0)
            for k, more in enumerate(line):
                found[k] += more
            found[0] += _luts(width, axis)
            found[1] += _flip_flops(width, axis)
    return found[0], found[1], found[2]


def _counters(axis: Axis) -> int:
    """Bits of the counters: beat, element, and those until windows begin and end."""
    return sum((count - 1).bit_length() for count in (axis.depth, axis.total, axis.stride, axis.reach + 1))


def _luts(width: int, axis: Axis) -> int:
    """One for each bit of each window that is open, and the counters."""
    return width * axis.slots + round(2.2 * _counters(axis)) + 6


def _flip_flops(width: int, axis: Axis) -> int:
    """The result, results so far where they are not in a memory, and the counters."""
    return width + (width * axis.slots if axis.depth == 1 else 0) + _counters(axis) + 2
