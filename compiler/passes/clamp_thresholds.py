"""Thresholds beyond what a sum can reach come back to lo..hi+1."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Op, Value
from threshc.compiler.passes.common import clamped, element_bounds, with_ops


@dataclass(frozen=True)
class ClampThresholds:
    """lo means "always 1" and hi+1 "always 0", so every threshold has one spelling and few bits."""

    def apply(self, network: Network) -> Network:
        """Returns the network with every threshold in lo..hi+1 of its row."""
        changed: dict[Value, Op] = {}
        for v, op in enumerate(network.ops):
            if not isinstance(op, Compare):
                continue
            threshold = clamped(op, *element_bounds(network, op.s, network.ops[op.s]))
            if not np.array_equal(threshold, op.threshold):
                changed[v] = replace(op, threshold=threshold)
        return with_ops(network, changed)
