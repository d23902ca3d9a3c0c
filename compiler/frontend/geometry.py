"""Sliding windows as ONNX states them (kernel_shape, strides, pads, auto_pad, ...), as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from threshc.compiler.frontend.graph import Node

Pair = tuple[int, int]

LARGEST = 1 << 24
"""Places of a map, and taps of a window, up to which they are taken; memory shall be in proportion to the file."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A window over an H x W map; one-dimensional windows have width 1. pads: top, left, bottom, right."""

    kernel: Pair
    stride: Pair
    pads: tuple[int, int, int, int]
    dilation: Pair
    out: Pair

    @property
    def taps(self) -> int:
        """The number of elements of a channel that the window sees."""
        return self.kernel[0] * self.kernel[1]


def geometry(node: Node, size: Sequence[int], kernel: Sequence[int]) -> Geometry:
    """Returns the window of a Conv or Pool node over a map of the given size. Raises ValueError for what cannot be
    meant."""
    rank = len(size)
    if rank not in (1, 2) or len(kernel) != rank:
        raise ValueError(f"windows over {rank} dimensions are not supported; 1 and 2 are")
    k = list(kernel)
    s = [int(v) for v in node.attrs.get("strides") or [1] * rank]
    d = [int(v) for v in node.attrs.get("dilations") or [1] * rank]
    pads = [int(v) for v in node.attrs.get("pads") or [0] * (2 * rank)]
    if not len(s) == len(d) == rank or len(pads) != 2 * rank or min(*k, *s, *d) < 1 or min(pads) < 0:
        raise ValueError(f"strides {s}, dilations {d} or pads {pads} are not a window over {rank} dimensions")
    begin, end, out = pads[:rank], pads[rank:], []
    auto = str(node.attrs.get("auto_pad", "NOTSET"))
    for axis in range(rank):
        extent = d[axis] * (k[axis] - 1) + 1
        if auto.startswith("SAME"):
            count = -(-size[axis] // s[axis])
            total = max((count - 1) * s[axis] + extent - size[axis], 0)
            small = total // 2
            begin[axis], end[axis] = (small, total - small) if auto == "SAME_UPPER" else (total - small, small)
        elif auto == "VALID":
            begin[axis] = end[axis] = 0
        room = size[axis] + begin[axis] + end[axis] - extent
        count = room // s[axis] + 1
        if node.attrs.get("ceil_mode", 0) and room % s[axis] and count * s[axis] < size[axis] + begin[axis]:
            if node.attrs.get("count_include_pad", 0):  # the divisor counts the padding, and not what lies beyond it
                raise ValueError(
                    "with ceil_mode the last window reaches beyond the padding, where count_include_pad counts "
                    "nothing; use ceil_mode=0 and pads instead"
                )
            count += 1  # a last window that starts inside; what it lacks is padding
            end[axis] += s[axis] - room % s[axis]
        out.append(count)
    if min(out) < 1:
        raise ValueError(f"a window of {k} does not fit into {list(size)}")
    padded = [n + a + b for n, a, b in zip(size, begin, end, strict=True)]
    if max(math.prod(k), math.prod(out), math.prod(padded)) > LARGEST:
        raise ValueError(f"a window of {k} over a padded map of {padded} is too large")
    pad2 = (begin[0], 0, end[0], 0) if rank == 1 else (begin[0], begin[1], end[0], end[1])
    return Geometry(_two(k), _two(s), pad2, _two(d), _two(out))


def _two(values: Sequence[int]) -> Pair:
    return (values[0], values[1] if len(values) > 1 else 1)
