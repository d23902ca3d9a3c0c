"""6:3 counters, three 6-input LUTs each, above a first level of full adders that neurons share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.heap import Heap
from threshc.hdl.unrolled.netlist import Netlist, Total
from threshc.hdl.unrolled.neurons.base import Architecture, Estimate
from threshc.hdl.unrolled.neurons.compressor import reduce_heap, ripple
from threshc.hdl.unrolled.neurons.costs import full_adders, levels


class Compressor63(Architecture):
    """Rounds of 6:3 counters, then of full adders, then a ripple. Meant for 6-input LUTs.

    Latency 0 cycles, throughput one sample per cycle.
    """

    name: ClassVar[str] = "compressor63"

    def predict(self, weights: NDArray[np.signedinteger]) -> Estimate:
        """A 6:3 counter takes three bits off the heap for three LUT6; on LUT4 it is a worse heap of full adders."""
        own, shared = full_adders(weights)
        depth = levels(weights, 2.0)
        return Estimate(round(1.75 * own + shared), round(0.9 * own + shared), 2 * depth, depth)

    def sum_words(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
        """See `Architecture.sum_words`."""
        columns = reduce_heap(net, list(heap.columns), widths, 6)
        words = ripple(net, reduce_heap(net, columns, widths, 3), widths, addend)
        net.totals.append(Total(heap.columns, widths, tuple(addend), words))
        return words
