"""Weights of at most N bits: an approximation, made only on request, whose effect the caller measures and reports."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Op, Sum, Value
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.passes.common import clamped, compact, compares, read_by_compares_only, with_ops


@dataclass(frozen=True)
class QuantizeWeights:
    """Every row of a Sum scaled and rounded to signed integers of `bits` bits, where it needs more.

    Rows that only Compares read have scales of their own, and thresholds at the same place between two sums: s >= t is
    s > t - 1/2. The rows of scores share one scale, so that they stay comparable. Not equal to the network it is given.
    """

    bits: int

    def apply(self, network: Network) -> Network:
        """Returns the approximate network."""
        top = 2 ** (self.bits - 1) - 1
        changed: dict[Value, Op] = {}
        free = read_by_compares_only(network)
        scales = {}
        for v, op in enumerate(network.ops):
            if not isinstance(op, Sum):
                continue
            largest = np.abs(op.weights.astype(np.int64)).max(axis=1)
            if v not in free:
                largest = np.full_like(largest, largest.max(initial=0))
            if (largest <= top).all():
                continue
            scale = np.where(largest <= top, 1.0, top / np.maximum(largest, 1))
            weights = np.rint(op.weights * scale[:, None]).astype(np.int64)
            kept = np.zeros_like(op.bias) if v in free else np.rint(op.bias * scale).astype(np.int64)
            changed[v] = replace(op, weights=compact(weights), bias=np.where(scale == 1, op.bias, kept))
            scales[v] = scale
        for u, compare, source in compares(network):
            if compare.s in scales:
                scale, bias = scales[compare.s][compare.row], source.bias[compare.row]
                threshold = clamped(compare, *row_bounds(source))
                kept = np.ceil((threshold - 0.5 - bias) * scale).astype(np.int64)
                if compare.s not in free:
                    kept = kept + np.rint(bias * scale).astype(np.int64)
                changed[u] = replace(compare, threshold=np.where(scale == 1, threshold, kept))
        return with_ops(network, changed)
