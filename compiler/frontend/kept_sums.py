"""Sums that a layer reads as numbers: their integers in binary, where composing two layers would multiply the weights.

A class score over 64 pooled channels of 7 x 7 bits has 64 x 6 weights over the channels' own counts, and 3,136 over the
bits. Kept, each count is made once, and its bits (`Bitplanes`) enter the next sum with the weights 1, 2, 4, ...
"""

from __future__ import annotations

import numpy as np

from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.sums import sums_leaf
from threshc.compiler.frontend.symbolic import Leaf, Sums
from threshc.compiler.ir.ops import Bitplanes, Gather, Loc, Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints

_SMALL = 1 << 12
"""Weights up to which two layers are composed whatever it costs: one sum is simpler than two."""
_DENSE = 1 << 20
"""Elements of a sparse matrix up to which it is written with its zeros."""


def worth_keeping(sums: Sums, weights: int, places: int) -> bool:
    """Returns whether two sums have fewer than half of the weights of the one that they compose to.

    weights: those of the second layer for each sum of the first, at each of `places` places that it reads.
    """
    composed = weights * places * sums.width
    bits = int(np.abs(sums.weights).sum(axis=1).max()).bit_length()
    kept = places * sums.weights.size + weights * places * len(sums.weights) * bits
    return composed > _SMALL and 2 * kept < composed


def in_binary(builder: Builder, leaf: Leaf) -> Leaf:
    """Returns the same sums, over the bits of their own integers."""
    sums = leaf.source
    assert isinstance(sums, Sums)
    rows, loc = len(sums.weights), Loc("", leaf.name)
    alike = sums.column is not None and bool((sums.weights == sums.weights[0]).all())
    if sums.column is not None and alike and rows * sums.width > _DENSE:
        at = np.arange(sums.places)[:, None, None] * sums.width + sums.column
        each = builder.add(Gather((sums.bits,), at, loc))  # a row of bits for every sum, and one neuron for all
        value = builder.add(Sum(each, sums.weights[:1], np.zeros(1, np.int64), loc))
    else:
        value = builder.sums(leaf, np.ones(rows, np.int64), loc)
    reach = builder.types[value]
    assert isinstance(reach, Ints)
    plane = np.array(plane_weights(reach.lo, reach.hi))
    bits = builder.add(Bitplanes(value, loc))
    shape, width = builder.shape(sums.bits)[:-1], rows * len(plane)
    if builder.shape(bits) != (*shape, width):
        bits = builder.add(Gather((bits,), np.arange(sums.places * width).reshape(*shape, width), loc))
    weights, column = sums.step[:, None] * plane, np.arange(width).reshape(rows, -1)
    dtype = leaf.real(leaf.lo).dtype
    rest = (leaf.shape, leaf.name, dtype, column, width, sums.over, sums.blur)
    return sums_leaf(bits, weights, sums.base, sums.unit, sums.shift, *rest)
