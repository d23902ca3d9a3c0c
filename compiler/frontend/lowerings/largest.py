"""The largest of several sums: the or, value by value, of the comparisons of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.diagnostics import CompileError, Diagnostic
from threshc.compiler.frontend.context import Context
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.levels import NotAStep
from threshc.compiler.frontend.ranked import MOST_BITS, PER_SCORE
from threshc.compiler.frontend.symbolic import Expr, IntArray, Leaf, Sums, Thermometer
from threshc.compiler.ir.ops import ONE, ZERO, Gather, Loc, Reduce


def are_several_sums(x: Expr, channels: int) -> bool:
    """Returns whether the elements of a channel are different sums, before their step; not one at several places of a
    map."""
    source = x.leaf.source
    return isinstance(source, Sums) and source.places == 1 and not x.stepped and np.unique(x.src).size > channels


def largest_of_sums(context: Context, node: Node, x: Expr, perm: Sequence[int], shape: Sequence[int]) -> Leaf:
    """Returns the largest element of each channel as thermometer bits: `it is >= v` for every value v that it can take.

    perm: the axes in the order channels, places; shape: of the result, one element per channel. Raises CompileError
    where the values are too many, or where a function rises and falls on the way.
    """
    try:
        coded = context.code(x, PER_SCORE, MOST_BITS)
    except NotAStep as error:
        raise _too_many(node, str(error)) from error
    channels = int(np.prod(shape))
    places = x.src.size // channels
    order = np.arange(x.src.size).reshape(x.shape).transpose(perm).ravel()
    used = np.arange(coded.table.shape[1]) <= coded.count[:, None]
    table = np.where(used, coded.table, np.take_along_axis(coded.table, coded.count[:, None], axis=1))
    if (table[:, 1:] < table[:, :-1]).any():
        raise _too_many(node, "a function rises and falls, or falls for some and rises for others, on the way")
    index: list[IntArray] = []
    values: list[Array] = []
    for rows in np.split(order, channels):
        least = table[rows, 0].max()  # whatever the others are
        found = np.unique(table[rows][used[rows]])
        values.append(found[found >= least])
        index.append(np.stack([_bit_of(coded.index[e], table[e, : coded.count[e] + 1], values[-1][1:]) for e in rows]))
    if sum(i.size for i in index) > MOST_BITS:
        raise _too_many(node, f"they take more than {MOST_BITS} values together")
    loc = Loc(node.name, node.outputs[0])
    bits = context.builder.add(Gather((coded.bits,), np.concatenate(index, axis=1).ravel(), loc))
    bits = context.builder.add(Reduce(bits, "or", places, loc))
    hi = np.array([len(v) - 1 for v in values])
    first = np.cumsum(hi) - hi
    positions = np.minimum(first[:, None] + np.arange(max(int(hi.max()), 1)), int(hi.sum()) - 1)
    levels = np.stack([np.resize(v, int(hi.max()) + 1) for v in values])

    def real(integers: IntArray) -> Array:
        return np.take_along_axis(levels, integers.reshape(-1, 1), axis=1).reshape(integers.shape)

    source = Thermometer(bits, positions)
    return Leaf(node.outputs[0], tuple(shape), np.zeros(tuple(shape), np.int64), hi.reshape(shape), real, source)


def _bit_of(index: IntArray, levels: Array, values: Array) -> IntArray:
    """The positions of the bits `an element is >= value`, for ascending levels of the element."""
    level = np.searchsorted(levels, values)
    last = len(levels) - 1
    inside = index[np.clip(level - 1, 0, len(index) - 1)]
    return np.where(level == 0, ONE, np.where(level > last, ZERO, inside))


def _too_many(node: Node, why: str) -> CompileError:
    return CompileError(
        [
            Diagnostic(
                "the largest of several sums is not supported",
                node.where,
                why,
                "end the model at the scores or at the class index; the largest score is scores.max()",
            )
        ]
    )
