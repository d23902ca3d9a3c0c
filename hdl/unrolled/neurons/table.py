"""Truth tables for neurons of few inputs: one look-up table each, or two or three of four inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import MOST_INPUTS
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.heap import Heap
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.neurons.base import Architecture, Estimate, too_wide
from threshc.hdl.unrolled.neurons.compressor import Compressor
from threshc.hdl.unrolled.sharing.decompose import decompose
from threshc.hdl.unrolled.sharing.to_netlist import to_netlist, translate


class Table(Architecture):
    """Neurons of at most six inputs with weights of any size; raises CompileError for wider ones.

    Latency 0 cycles, throughput one sample per cycle. Explicit sums fall back to full adders.
    """

    name: ClassVar[str] = "table"

    def check(self, weights: NDArray[np.signedinteger]) -> None:
        """Raises CompileError for more than six non-zero weights in a row."""
        inputs = int((weights != 0).sum(axis=1).max(initial=0))
        if inputs > MOST_INPUTS:
            raise too_wide(self.name, inputs, MOST_INPUTS)

    def predict(self, weights: NDArray[np.signedinteger]) -> Estimate:
        """Returns one LUT6; one, two or three LUT4 for up to four, five or six inputs (`sharing/decompose.py`)."""
        inputs = (weights != 0).sum(axis=1)
        lut4 = np.select([inputs <= 1, inputs <= 4, inputs == 5], [0, 1, 2], 3).sum()
        return Estimate(int(lut4), int((inputs > 1).sum()), 1 if inputs.max(initial=0) <= 4 else 2, 1)

    def sum_words(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
        """See `Architecture.sum_words`."""
        return Compressor().sum_words(net, heap, widths, addend)

    def carry_bits(self, net: Netlist, heap: Heap, need: Sequence[int], tops: NDArray[np.int64]) -> Lits:
        """See `Architecture.carry_bits`; the constant is not added but compared in the table."""
        used = np.unique(np.concatenate([c[c > 0] >> 1 for c in heap.columns]))
        luts = LutNet(net.arrival(2 * used).tolist())
        make = decompose if net.table_inputs < MOST_INPUTS else LutNet.lut
        wanted = [_decide(luts, make, used, _inputs(heap, r), t) for r, t in enumerate(need)]
        where = to_netlist(net, luts, 2 * used, wanted)
        return np.array(translate(where, wanted), np.int64)


def _inputs(heap: Heap, row: int) -> dict[int, int]:
    """The weight of every literal of a row."""
    weight: dict[int, int] = {}
    for c, column in enumerate(heap.columns):
        for lit in column[row][column[row] != 0].tolist():
            weight[lit] = weight.get(lit, 0) + (1 << c)
    return weight


def _decide(
    luts: LutNet, make: Callable[[LutNet, list[int], int], int], used: Lits, weight: dict[int, int], need: int
) -> int:
    weights = list(weight.values())
    truth = sum((sum(w for j, w in enumerate(weights) if i >> j & 1) >= need) << i for i in range(1 << len(weights)))
    lits = [2 * (int(np.searchsorted(used, lit >> 1)) + 1) + (lit & 1) for lit in weight]
    return make(luts, lits, truth)
