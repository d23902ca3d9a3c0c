"""3:2 compressors: a heap of full adders in LUTs, after Wallace (1964); only its final carry is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.heap import Heap, pack, shallow_first
from threshc.hdl.unrolled.netlist import Netlist, Total
from threshc.hdl.unrolled.neurons.base import Architecture, Estimate
from threshc.hdl.unrolled.neurons.costs import full_adders, levels
from threshc.hdl.unrolled.words import constant


class Compressor(Architecture):
    """Carry-save rounds of full adders over every column at once, then one ripple over the two remaining rows.

    Latency 0 cycles, throughput one sample per cycle. First-level adders are shared between neurons of +-1 weights.
    """

    name: ClassVar[str] = "compressor"

    def predict(self, weights: NDArray[np.signedinteger]) -> Estimate:
        """A full adder is two LUT4, but synthesis packs tighter: 1.3 fits what Yosys made of dense iCE40 layers."""
        own, shared = full_adders(weights)
        depth = levels(weights, 1.5)
        return Estimate(round(1.3 * own + shared), round(1.1 * own + shared), depth, round(depth * 0.8))

    def sum_words(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
        """See `Architecture.sum_words`."""
        words = ripple(net, reduce_heap(net, list(heap.columns), widths, 3), widths, addend)
        net.totals.append(Total(heap.columns, widths, tuple(addend), words))
        return words


def reduce_heap(net: Netlist, columns: list[Lits], widths: NDArray[np.int64], size: int) -> list[Lits]:
    """Rounds of counters of `size` (3 or 6) bits until no row has that many bits left in a column."""
    while max((c.shape[1] for c in columns), default=0) >= size:
        columns = _round(net, columns, widths, size)
    return columns


def ripple(net: Netlist, columns: list[Lits], widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
    """Columns of at most two bits, plus a constant per row, to one bit per column, (R, max width).

    The constant comes last, where it costs a gate or two per column, so that all rows reduce their bits alike.
    """
    rows, width = len(widths), int(widths.max(initial=1))
    out = np.zeros((rows, width), np.int64)
    added = constant(addend, width)
    above = carry = np.zeros(rows, np.int64)
    for c in range(width):
        pair = np.zeros((rows, 2), np.int64)
        if c < len(columns):
            pair[:, : columns[c].shape[1]] = columns[c]
        pair[widths <= c] = 0
        one, above_next = net.full_add(pair[:, 0], pair[:, 1], added[:, c])
        out[:, c], carry = net.full_add(one, above, carry)
        above, carry = (np.where(widths > c + 1, v, 0) for v in (above_next, carry))
    return out


def _round(net: Netlist, columns: list[Lits], widths: NDArray[np.int64], size: int) -> list[Lits]:
    """One counter for every `size` bits of every column and row; the bits left over move on unchanged."""
    parts: list[list[Lits]] = [[] for _ in range(len(columns) + 2)]
    for c, column in enumerate(columns):
        column = shallow_first(net, column)
        groups = (column != 0).sum(axis=1) // size
        rest = np.where(np.arange(column.shape[1]) < (groups * size)[:, None], 0, column)
        parts[c].append(rest)
        for slot in range(int(groups.max(initial=0))):  # one vector per slot: rows side by side, as simulators like it
            row = np.flatnonzero(groups > slot)
            for weight, result in enumerate(_count(net, [column[row, slot * size + k] for k in range(size)])):
                placed = np.zeros((len(widths), 1), np.int64)
                placed[row, 0] = np.where(widths[row] > c + weight, result, 0)
                parts[c + weight].append(placed)
    return [pack(np.concatenate(p, axis=1)) for p in parts if p]


def _count(net: Netlist, bits: list[Lits]) -> tuple[Lits, ...]:
    """The number of ones among 3 or 6 bits, lowest bit first. Each output of six depends on six bits: one LUT6."""
    if len(bits) == 3:
        return net.full_add(*bits)
    zero = np.zeros_like(bits[0])
    low, high = net.full_add(*bits[:3]), net.full_add(*bits[3:])
    ones, extra = net.full_add(low[0], high[0], zero)
    return (ones, *net.full_add(low[1], high[1], extra))
