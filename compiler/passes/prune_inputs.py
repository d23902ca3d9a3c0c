"""Weights too small to matter go away: if the large ones move in steps of g, and no threshold of the row lies where the
small ones could tip it, the small ones are dropped."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Op, Sum, Value
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.passes.common import Rows, clamped, compact, compares, read_by_compares_only, with_ops


@dataclass(frozen=True)
class PruneInputs:
    """Exact for all inputs. Say a row is m + s, with m a multiple of g and s in lo_s..hi_s. If no multiple of g that m
    can reach lies in t-hi_s .. t-lo_s-1 for any threshold t of the row, then m + s >= t is m >= t - lo_s."""

    def apply(self, network: Network) -> Network:
        """Returns the network without such weights, in Sums that Compares alone read."""
        free = read_by_compares_only(network)
        found = [(v, op, source) for v, op, source in compares(network) if op.s in free]
        changed: dict[Value, Op] = {}
        for s in sorted({op.s for _, op, _ in found}):
            source = network.ops[s]
            assert isinstance(source, Sum)
            lo, hi = row_bounds(source)
            readers = {v: op for v, op, _ in found if op.s == s}
            thresholds = {v: clamped(op, lo, hi) for v, op in readers.items()}
            every = np.concatenate([thresholds[v] - source.bias[op.row] for v, op in readers.items()])
            row = np.concatenate([op.row for op in readers.values()])
            weights = source.weights.astype(np.int64)
            shift = np.zeros(len(weights), np.int64)
            for r in np.flatnonzero(_uneven(weights)):
                small = _small(weights[r], np.unique(every[row == r]))
                shift[r] = np.minimum(weights[r][small], 0).sum()
                weights[r][small] = 0
            if np.array_equal(weights, source.weights):
                continue
            changed[s] = replace(source, weights=compact(weights))
            for v, op in readers.items():
                changed[v] = replace(op, threshold=thresholds[v] - shift[op.row])
        return with_ops(network, changed)


def _uneven(weights: Rows) -> NDArray[np.bool_]:
    """Rows with weights of different size; the others have nothing small."""
    size = np.abs(weights)
    largest = size.max(axis=1, keepdims=True)
    uneven: NDArray[np.bool_] = ((size != 0) & (size != largest)).any(axis=1)
    return uneven


def _small(w: Rows, thresholds: Rows) -> NDArray[np.bool_]:
    """The weights (C,) that no threshold can notice; nothing when there are none."""
    size = np.abs(w)
    g = 0
    for large in np.unique(size[size > 0])[::-1]:
        g = int(np.gcd(g, large))
        small: NDArray[np.bool_] = w % g != 0
        if not small.any():
            break
        lo_s, hi_s = int(np.minimum(w[small], 0).sum()), int(np.maximum(w[small], 0).sum())
        lo_m, hi_m = int(np.minimum(w[~small], 0).sum()), int(np.maximum(w[~small], 0).sum())
        first = np.maximum(thresholds - hi_s, lo_m)
        last = np.minimum(thresholds - lo_s - 1, hi_m)
        if (last // g * g < first).all():
            return small
    return np.zeros(len(w), np.bool_)
