"""Bits `integer of leaf element >= threshold`, for every kind of leaf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.symbolic import Features, IntArray, Joined, Leaf, Pooled, Sums, Thermometer
from threshc.compiler.ir.ops import Compare, Gather, Loc, Reduce, Value, Window


def threshold_bits(
    builder: Builder, leaf: Leaf, element: IntArray, threshold: IntArray, sign: IntArray, loc: Loc
) -> tuple[Value, IntArray]:
    """Returns an IR value and the positions (B,), in its flattened bits, of `sign * integer of element[b] >=
    threshold[b]`.

    element, threshold (B,); sign: +1 or -1 per leaf element, the same at all places of a sum.
    """
    match leaf.source:
        case Features(encoded=True):
            return builder.add(Compare(0, element, threshold, loc)), np.arange(len(element))
        case Features():
            real = leaf.real(threshold.reshape(1, -1)).ravel()
            return builder.step_bits(element, real, loc), np.arange(len(element))
        case Sums() as sums:
            row = element // sums.places
            value, column, width = _compare(builder, leaf, row, threshold, sign, loc)
            return value, element % sums.places * width + column
        case Pooled() as pooled:
            places = int(np.prod(leaf.shape[2:]))
            base = pooled.sums.source
            assert isinstance(base, Sums)
            spread = np.repeat(pooled.sign, base.places)
            value, column, width = _compare(builder, pooled.sums, element // places, threshold, spread, loc)
            value = builder.add(
                Window(value, pooled.kernel, pooled.stride, pooled.pads, pooled.dilation, fill=0, loc=loc)
            )
            value = builder.add(Reduce(value, "or", pooled.kernel[0] * pooled.kernel[1], loc))
            return value, element % places * width + column
        case Joined(parts=parts):
            return _of_parts(builder, parts, element, threshold, sign, loc)
        case Thermometer(bits=bits, index=index):
            return bits, index[element, threshold - 1]


def _of_parts(
    builder: Builder, parts: Sequence[Leaf], element: IntArray, threshold: IntArray, sign: IntArray, loc: Loc
) -> tuple[Value, IntArray]:
    """The bits of several leaves that lie end to end, gathered in the order in which they are asked for."""
    starts = np.cumsum([0] + [leaf.lo.size for leaf in parts])
    which = np.searchsorted(starts, element, side="right") - 1
    values: list[Value] = []
    position, size = np.zeros(len(element), np.int64), 0
    for k, leaf in enumerate(parts):
        mine = which == k
        if not mine.any():
            continue
        own = element[mine] - starts[k], threshold[mine], sign[starts[k] : starts[k + 1]]
        value, found = threshold_bits(builder, leaf, *own, loc)
        values.append(value)
        position[mine] = found + size
        size += int(np.prod(builder.shape(value)))
    if len(values) == 1:
        return values[0], position
    return builder.add(Gather(tuple(values), position, loc)), np.arange(len(element))


def _compare(
    builder: Builder, leaf: Leaf, row: IntArray, threshold: IntArray, sign: IntArray, loc: Loc
) -> tuple[Value, IntArray, int]:
    """One Compare with every distinct (row, threshold): its value, the column of each request, the column count."""
    assert isinstance(leaf.source, Sums)
    pairs, column = _distinct(row, threshold)
    value = builder.sums(leaf, sign[:: leaf.source.places], Loc("", leaf.name))
    return builder.add(Compare(value, pairs[:, 0], pairs[:, 1], loc)), column.reshape(-1), len(pairs)


def _distinct(row: IntArray, threshold: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct pairs (M, 2) in order, and which of them each pair is."""
    least, span = int(threshold.min()), int(threshold.max()) - int(threshold.min()) + 1
    if (int(row.max()) + 1) * span >= 2**62:
        pairs, found = np.unique(np.stack([row, threshold], axis=1), axis=0, return_inverse=True)
        return pairs, found
    keys, found = np.unique(row * span + (threshold - least), return_inverse=True)  # many times faster than by rows
    return np.stack([keys // span, keys % span + least], axis=1), found


def gathered(builder: Builder, bits: Value, index: IntArray, shape: Sequence[int] | None, loc: Loc) -> Value:
    """Returns the bits at positions `index` (any shape) of a value of the given shape; the value itself if nothing
    moves."""
    if shape is not None and tuple(shape) == index.shape and np.array_equal(index.ravel(), np.arange(index.size)):
        return bits
    return builder.add(Gather((bits,), index, loc))
