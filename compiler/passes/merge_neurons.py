"""Neurons that are equal, or each other's complement, on every input are weighed as one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ZERO, Compare, Gather, Op, Reduce, Sum, Value, Window
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.passes.common import (
    Rows,
    clamped,
    compact,
    element_bounds,
    first_equal,
    fits,
    flat_channels,
    read_by_bitplanes,
    with_ops,
)


@dataclass(frozen=True, slots=True)
class _Twins:
    """Per last-axis element of a value: the first element that is equal or complementary, and which of the two."""

    first: Rows
    flip: Rows

    @classmethod
    def of(cls, keys: Rows, flip: Rows) -> _Twins:
        """Elements with one key (rows of a matrix) are equal after flipping those with flip 1."""
        first = first_equal(keys)
        return cls(first, flip ^ flip[first])

    @classmethod
    def none(cls, count: int) -> _Twins:
        return cls(np.arange(count), np.zeros(count, np.int64))


@dataclass(frozen=True)
class MergeNeurons:
    """Neurons are compared by weights without sign and common divisor: W.x >= t is not(-W.x >= 1-t). Sums take over
    complements by w*(1-b) = w - w*b; every other reader only equal bits. Unread bits are left for DropUnused."""

    def apply(self, network: Network) -> Network:
        """Returns the network in which every reader of such neurons reads the first of them."""
        changed: dict[Value, Op] = {}
        twins: list[_Twins] = []
        fixed = read_by_bitplanes(network)
        for v, op in enumerate(network.ops):
            new = op
            if isinstance(op, Sum) and v not in fixed:
                new = _merge_sum(op, twins[op.x])
            elif isinstance(op, Gather):
                new = _merge_gather(network, op, twins)
            if new is not op:
                changed[v] = new
            twins.append(_twins(network, v, new, twins, changed))
        return with_ops(network, changed)


def _merge_sum(op: Sum, twins: _Twins) -> Sum:
    merged = np.flatnonzero((twins.first != np.arange(len(twins.first))) & op.weights.any(axis=0))
    if not len(merged):
        return op
    weights = op.weights.astype(np.int64)
    moved = weights[:, merged]
    bias = op.bias + moved @ twins.flip[merged]
    weights[:, merged] = 0
    np.add.at(weights.T, twins.first[merged], (moved * (1 - 2 * twins.flip[merged])).T)
    return replace(op, weights=compact(weights), bias=bias) if fits(weights, bias) else op


def _positions(network: Network, op: Gather, twins: list[_Twins]) -> tuple[Rows, Rows]:
    """For each bit of the operands laid end to end: where its first twin is, and whether that is the complement."""
    step = flat_channels(network, op.x, [twins[x].first - np.arange(len(twins[x].first)) for x in op.x])
    return np.arange(len(step)) + step, flat_channels(network, op.x, [twins[x].flip for x in op.x])


def _merge_gather(network: Network, op: Gather, twins: list[_Twins]) -> Gather:
    position, flip = _positions(network, op, twins)
    at = np.maximum(op.index, 0)
    new = np.where((op.index >= 0) & (flip[at] == 0), position[at], op.index)
    return op if np.array_equal(new, op.index) else replace(op, index=new)


def _twins(network: Network, v: Value, op: Op, twins: list[_Twins], changed: dict[Value, Op]) -> _Twins:
    width = network.types[v].shape[-1]
    match op:
        case Compare():
            return _compare_twins(network, op, changed.get(op.s, network.ops[op.s]))
        case Gather():
            position, flip = _positions(network, op, twins)
            at = np.maximum(op.index, 0)
            constant = np.where(op.index == ZERO, -1, -2)  # one bit apart, as a bit and its complement are
            codes = np.where(op.index >= 0, 2 * position[at] + flip[at], constant).reshape(-1, width).T
            return _Twins.of(codes ^ (codes[:, :1] & 1), codes[:, 0] & 1)
        case Window():
            return _window_twins(op, twins[op.x])
        case Reduce():
            keys = (2 * twins[op.x].first + twins[op.x].flip).reshape(op.taps, -1).T
            return _Twins.of(keys, np.zeros(width, np.int64))
        case _:
            return _Twins.none(width)


def _compare_twins(network: Network, op: Compare, source: Op) -> _Twins:
    if not isinstance(source, Sum):
        threshold = clamped(op, *element_bounds(network, op.s, source))
        return _Twins.of(np.stack([op.row, threshold], axis=1), np.zeros(len(op.row), np.int64))
    threshold = clamped(op, *row_bounds(source)) - source.bias[op.row]
    weights = source.weights.astype(np.int64)
    sign = np.sign(weights[np.arange(len(weights)), (weights != 0).argmax(axis=1)])
    scale = np.maximum(np.gcd.reduce(weights, axis=1), 1)
    same = first_equal(weights * np.where(sign < 0, -1, 1)[:, None] // scale[:, None])
    divided = -(-threshold // scale[op.row])
    flip = (sign[op.row] < 0).astype(np.int64)
    return _Twins.of(np.stack([same[op.row], np.where(flip, 1 - divided, divided)], axis=1), flip)


def _window_twins(op: Window, inside: _Twins) -> _Twins:
    taps, width = op.kernel[0] * op.kernel[1], len(inside.first)
    usable = (inside.flip == 0) | (not any(op.pads))  # padded taps read `fill`, not its complement
    first = np.where(usable, inside.first, np.arange(width))
    pads = np.arange(taps * op.is_pad) + taps * width
    base = np.arange(taps)[:, None] * width
    flip = np.concatenate([np.tile(np.where(usable, inside.flip, 0), taps), np.zeros(len(pads), np.int64)])
    return _Twins(np.concatenate([(base + first).ravel(), pads]), flip)
