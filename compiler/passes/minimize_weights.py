"""Smaller integers for a threshold neuron, each replacement proved equal on all 2**n inputs.

A neuron is a Boolean function; many weight vectors compute it. Candidate weights w' are the row rounded to fewer
levels. The proof is a dynamic program over the integer sums: going through the inputs, it keeps for every reachable sum
s of the old weights the least and the greatest sum s' of the new ones. At the end, w' serves a threshold t iff every s'
with s < t lies below every s' with s >= t; the new threshold is the least of the latter. n * range steps, for any n.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Op, Sum, Value
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.passes.common import Rows, clamped, compact, compares, read_by_compares_only, with_ops

_FAR = np.int64(2**62)


@dataclass(frozen=True)
class MinimizeWeights:
    """Only for Sums that Compares alone read. work: steps of the dynamic program spent on a row, at most."""

    work: int = 20_000_000

    def apply(self, network: Network) -> Network:
        """Returns the network with the smallest weights that were found and proved."""
        changed: dict[Value, Op] = {}
        readers = list(compares(network))
        thresholds = {v: op.threshold.copy() for v, op, _ in readers}
        for v in sorted(read_by_compares_only(network)):
            op = network.ops[v]
            assert isinstance(op, Sum)
            weights, bias = op.weights.astype(np.int64), op.bias.copy()
            for r in range(len(weights)):
                uses = [(u, np.flatnonzero(c.row == r), c, s) for u, c, s in readers if c.s == v]
                wanted = np.concatenate([clamped(c, *row_bounds(s))[at] - bias[r] for _, at, c, s in uses])
                found = smallest_weights(weights[r], np.unique(wanted), self.work)
                if found is None:
                    continue
                weights[r], new = found
                for u, at, c, s in uses:
                    old = clamped(c, *row_bounds(s))[at] - bias[r]
                    thresholds[u][at] = new[np.searchsorted(np.unique(wanted), old)]
                bias[r] = 0
            if (weights != op.weights).any():
                changed[v] = replace(op, weights=compact(weights), bias=bias)
        for u, compare, _ in readers:
            if compare.s in changed:
                changed[u] = replace(compare, threshold=thresholds[u])
        return with_ops(network, changed)


def smallest_weights(weights: Rows, thresholds: Rows, work: int = 20_000_000) -> tuple[Rows, Rows] | None:
    """Weights (n,) with a smaller largest size that compute every `sum >= threshold` alike, and their thresholds.

    thresholds: (T,) ascending. Candidates go from the largest size 1 upwards. None where none is found, or where
    proving would take more than `work` steps.
    """
    top = int(np.abs(weights).max(initial=0))
    used = np.flatnonzero(weights)
    span = int(np.abs(weights).sum()) + 1
    if top <= 1 or len(used) * span > work:
        return None
    budget = work // (len(used) * span)
    for size in range(1, min(top, budget + 1)):
        candidate = np.where(weights < 0, -1, 1) * ((2 * size * np.abs(weights) + top) // (2 * top))
        new = proved_thresholds(weights, candidate, thresholds)
        if new is not None:
            return candidate, new
    return None


def proved_thresholds(weights: Rows, candidate: Rows, thresholds: Rows) -> Rows | None:
    """Thresholds (T,) with which `candidate` computes what `weights` do with `thresholds` on all inputs, or None."""
    low = int(np.minimum(weights, 0).sum())
    size = int(np.abs(weights).sum()) + 1
    least, greatest = np.full(size, _FAR), np.full(size, -_FAR)
    least[-low], greatest[-low] = 0, 0
    for w, c in zip(weights.tolist(), candidate.tolist(), strict=True):
        least = np.minimum(least, _moved(least, w, _FAR) + c)
        greatest = np.maximum(greatest, _moved(greatest, w, -_FAR) + c)
    reachable = least < _FAR // 2
    sums = np.arange(size) + low
    new = np.empty(len(thresholds), np.int64)
    for k, t in enumerate(thresholds.tolist()):
        on, off = reachable & (sums >= t), reachable & (sums < t)
        above = int(least[on].min()) if on.any() else int(np.maximum(candidate, 0).sum()) + 1
        if off.any() and int(greatest[off].max()) >= above:
            return None
        new[k] = above
    return new


def _moved(table: Rows, w: int, far: np.int64) -> Rows:
    """The table shifted by w sums, `far` where nothing comes from."""
    if w == 0:
        return table
    out = np.full_like(table, far)
    if w > 0:
        out[w:] = table[:-w]
    else:
        out[:w] = table[-w:]
    return out
