"""Rows whose weights share a divisor are divided by it: g*s >= t is s >= ceil(t/g)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Op, Sum, Value
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.passes.common import Rows, clamped, compact, compares, read_by_compares_only, with_ops


@dataclass(frozen=True)
class DivideByGcd:
    """Only for Sums that Compares alone read; the bias of a divided row moves into its thresholds."""

    def apply(self, network: Network) -> Network:
        """Returns the network with rows of coprime weights."""
        changed: dict[Value, Op] = {}
        divisors: dict[Value, Rows] = {}
        for v in sorted(read_by_compares_only(network)):
            op = network.ops[v]
            assert isinstance(op, Sum)
            g = np.maximum(np.gcd.reduce(op.weights.astype(np.int64), axis=1), 1)
            if (g == 1).all():
                continue
            divisors[v] = g
            weights = compact(op.weights // g[:, None])
            changed[v] = replace(op, weights=weights, bias=np.where(g == 1, op.bias, 0))
        for v, compare, source in compares(network):
            if compare.s not in divisors:
                continue
            g = divisors[compare.s][compare.row]
            threshold = clamped(compare, *row_bounds(source))
            scaled = -((source.bias[compare.row] - threshold) // g)  # the ceiling of (threshold - bias) / g
            changed[v] = replace(compare, threshold=np.where(g == 1, threshold, scaled))
        return with_ops(network, changed)
