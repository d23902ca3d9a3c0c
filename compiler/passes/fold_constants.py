"""Bits that are always 0 or 1 leave the arithmetic: their weights move into the bias of the Sums that read them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ONE, ZERO, Compare, Gather, Op, Reduce, Sum, Value, Window
from threshc.compiler.passes.common import Rows, compact, element_bounds, flat_channels, read_by_bitplanes, with_ops

_UNKNOWN = -1


@dataclass(frozen=True)
class FoldConstants:
    """A neuron is constant when its threshold lies beyond the bounds of its sum; constants are followed through Gather,
    Window and Reduce. The constant bits themselves are left for DropUnused."""

    def apply(self, network: Network) -> Network:
        """Returns the network in which no Sum weighs a constant bit and every Gather names constants as such."""
        changed: dict[Value, Op] = {}
        known: list[Rows] = []  # per value and last-axis element: 0, 1 or _UNKNOWN
        fixed = read_by_bitplanes(network)
        for v, op in enumerate(network.ops):
            new = op
            if isinstance(op, Sum) and v not in fixed:
                new = _fold_sum(op, known[op.x])
            elif isinstance(op, Gather):
                new = _fold_gather(network, op, known)
            if new is not op:
                changed[v] = new
            known.append(_constants(network, v, new, known, changed))
        return with_ops(network, changed)


def _fold_sum(op: Sum, known: Rows) -> Sum:
    folded = (known != _UNKNOWN) & op.weights.any(axis=0)
    if not folded.any():
        return op
    weights = op.weights.astype(np.int64)
    bias = op.bias + weights[:, known == 1].sum(axis=1)
    weights[:, folded] = 0
    return replace(op, weights=compact(weights), bias=bias)


def _fold_gather(network: Network, op: Gather, known: list[Rows]) -> Gather:
    bits = flat_channels(network, op.x, [known[x] for x in op.x])[np.maximum(op.index, 0)]
    new = np.where((op.index >= 0) & (bits != _UNKNOWN), np.where(bits == 1, ONE, ZERO), op.index)
    return op if np.array_equal(new, op.index) else replace(op, index=new)


def _constants(network: Network, v: Value, op: Op, known: list[Rows], changed: dict[Value, Op]) -> Rows:
    t = network.types[v]
    nothing = np.full(t.shape[-1], _UNKNOWN)
    match op:
        case Compare():
            lo, hi = element_bounds(network, op.s, changed.get(op.s, network.ops[op.s]))
            return np.where(op.threshold <= lo[op.row], 1, np.where(op.threshold > hi[op.row], 0, _UNKNOWN))
        case Gather():
            flat = op.index.reshape(-1, t.shape[-1])
            one, zero = (flat == ONE).all(axis=0), (flat == ZERO).all(axis=0)
            return np.where(one, 1, np.where(zero, 0, _UNKNOWN))
        case Window():
            taps = op.kernel[0] * op.kernel[1]
            inside = known[op.x]
            if any(op.pads):
                inside = np.where(inside == op.fill, inside, _UNKNOWN)
            return np.concatenate([np.tile(inside, taps), np.full(taps * op.is_pad, _UNKNOWN if any(op.pads) else 0)])
        case Reduce():
            per_tap = known[op.x].reshape(op.taps, -1)
            winner = int(op.kind == "or")
            decided = np.where((per_tap == winner).any(axis=0), winner, _UNKNOWN)
            return np.where((per_tap == 1 - winner).all(axis=0), 1 - winner, decided)
        case _:
            return nothing
