"""Truth tables for neurons of few inputs: a decision diagram of multiplexers that synthesis packs into LUTs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.heap import Heap
from threshc.hdl.netlist import ONE, ZERO, Lits, Netlist
from threshc.hdl.neurons.base import Architecture, Estimate, too_wide
from threshc.hdl.neurons.compressor import Compressor

MOST_INPUTS = 6


@dataclass(frozen=True, eq=False)
class Table(Architecture):
    """Neurons of at most six inputs with weights of any size; raises CompileError for wider ones.

    Latency 0 cycles, throughput one sample per cycle. Explicit sums fall back to full adders.
    """

    name: ClassVar[str] = "table"

    @classmethod
    def check(cls, weights: NDArray[np.signedinteger]) -> None:
        """At most six non-zero weights per row."""
        inputs = int((weights != 0).sum(axis=1).max(initial=0))
        if inputs > MOST_INPUTS:
            raise too_wide(cls.name, inputs, MOST_INPUTS)

    @classmethod
    def predict(cls, weights: NDArray[np.signedinteger]) -> Estimate:
        """One LUT6; one, two or four LUT4 for up to four, five or six inputs."""
        inputs = (weights != 0).sum(axis=1)
        lut4 = np.select([inputs <= 1, inputs <= 4, inputs == 5], [0, 1, 3], 5).sum()
        return Estimate(int(lut4), int((inputs > 1).sum()), 1 if inputs.max(initial=0) <= 4 else 2, 1)

    @classmethod
    def total(cls, net: Netlist, heap: Heap, widths: NDArray[np.int64], plus: Sequence[int]) -> Lits:
        """See `Architecture.total`."""
        return Compressor.total(net, heap, widths, plus)

    @classmethod
    def carries(cls, net: Netlist, heap: Heap, need: Sequence[int], tops: NDArray[np.int64]) -> Lits:
        """See `Architecture.carries`; the constant is not added but compared along every path."""
        return np.array([_decide(net, _inputs(heap, r), t) for r, t in enumerate(need)], np.int64)


def _inputs(heap: Heap, row: int) -> tuple[tuple[int, int], ...]:
    """(weight, literal) of a row, the largest weight first."""
    weight: dict[int, int] = {}
    for c, column in enumerate(heap.columns):
        for lit in column[row][column[row] != 0].tolist():
            weight[lit] = weight.get(lit, 0) + (1 << c)
    return tuple(sorted(((w, lit) for lit, w in weight.items()), reverse=True))


def _decide(net: Netlist, inputs: tuple[tuple[int, int], ...], need: int) -> int:
    most = [sum(w for w, _ in inputs[k:]) for k in range(len(inputs) + 1)]

    @cache
    def node(k: int, t: int) -> int:
        if t <= 0:
            return ONE
        if t > most[k]:
            return ZERO
        weight, lit = inputs[k]
        select, one, zero = (np.array([v], np.int64) for v in (lit, node(k + 1, t - weight), node(k + 1, t)))
        return int(net.mux(select, one, zero)[0])

    return node(0, need)
