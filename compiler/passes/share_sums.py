"""Rows of a Sum that differ only in their bias become one row with shifted thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Op, Value
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.passes.common import clamped, compares, first_equal, read_by_compares_only, with_ops


@dataclass(frozen=True)
class ShareSums:
    """Each adder is built once: s + b >= t is s >= t - b. Where only Compares read a Sum, its bias becomes 0."""

    def apply(self, network: Network) -> Network:
        """Returns the network whose Compares read the first of equal rows; rows that nobody reads are left for
        DropUnused."""
        free = read_by_compares_only(network)
        changed: dict[Value, Op] = {}
        for v, op, source in compares(network):
            shared = first_equal(source.weights)
            bias = np.zeros_like(source.bias) if op.s in free else source.bias
            row = shared[op.row]
            threshold = clamped(op, *row_bounds(source)) - source.bias[op.row] + bias[row]
            if np.array_equal(row, op.row) and np.array_equal(bias, source.bias):
                continue
            changed[v] = replace(op, row=row, threshold=threshold)
            if not np.array_equal(bias, source.bias):
                changed[op.s] = replace(source, bias=bias)
        return with_ops(network, changed)
