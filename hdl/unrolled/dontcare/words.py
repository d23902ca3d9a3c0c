"""The words of a design: bits of one number, which are enumerated together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from threshc.compiler.encoding import Step
from threshc.compiler.ir.types import Ints
from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.view import WIDEST, Word


def words(design: Design, circuit: Circuit) -> Iterator[Word]:
    """Yields the integer features; the comparisons of each real feature, by ascending thresholds; the sums of heaps."""
    kind, encoding = design.network.types[0], design.network.input.encoding
    if isinstance(encoding, Step):
        order = np.lexsort((encoding.threshold, encoding.feature))
        ends = np.flatnonzero(np.diff(encoding.feature[order])) + 1
        for bits in np.split(order + 1, ends):
            yield Word(tuple(bits.tolist()), ordered=True)
    elif isinstance(kind, Ints):
        width = design.interface.input.bits // int(np.prod(kind.shape))
        if 1 < width <= WIDEST:
            for first in range(1, design.interface.input.bits + 1, width):
                yield Word(tuple(range(first, first + width)))
    delays = circuit.registers
    for claim in design.netlist.claims:
        found = set()
        for lit in claim.word:
            node = int(circuit.bits[lit >> 1]) >> 1
            while node in delays:
                node = delays[node]
            found.add(node)
        found.discard(0)
        if 1 < len(found) <= WIDEST and min(found) > circuit.luts.inputs:
            yield Word(tuple(sorted(found)))
