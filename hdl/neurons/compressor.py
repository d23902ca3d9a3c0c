"""3:2 compressors: a heap of full adders in LUTs, after Wallace (1964); only the final carry of the heap is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.heap import Heap, pack, shallow_first
from threshc.hdl.netlist import Lits, Netlist
from threshc.hdl.neurons.base import Architecture, Estimate
from threshc.hdl.neurons.costs import full_adders, levels


@dataclass(frozen=True, eq=False)
class Compressor(Architecture):
    """Carry-save rounds of full adders over every column at once, then one ripple over the two remaining rows.

    Latency 0 cycles, throughput one sample per cycle. First-level adders are shared between neurons of +-1 weights.
    """

    name: ClassVar[str] = "compressor"

    @classmethod
    def predict(cls, weights: NDArray[np.signedinteger]) -> Estimate:
        """About two LUTs per full adder."""
        own, shared = full_adders(weights)
        depth = levels(weights, 1.5)
        return Estimate(round(2.0 * own + shared), round(1.6 * own + shared), depth, round(depth * 0.8))

    @classmethod
    def total(cls, net: Netlist, heap: Heap, widths: NDArray[np.int64]) -> Lits:
        """See `Architecture.total`."""
        return ripple(net, reduce_heap(net, list(heap.columns), widths, 3), widths)


def reduce_heap(net: Netlist, columns: list[Lits], widths: NDArray[np.int64], size: int) -> list[Lits]:
    """Rounds of counters of `size` (3 or 6) bits until no row has that many bits left in a column."""
    while max((c.shape[1] for c in columns), default=0) >= size:
        columns = _round(net, columns, widths, size)
    return columns


def ripple(net: Netlist, columns: list[Lits], widths: NDArray[np.int64]) -> Lits:
    """Columns of at most two bits to one bit each, (R, max width)."""
    rows = len(widths)
    out = np.zeros((rows, int(widths.max(initial=1))), np.int64)
    carry = np.zeros(rows, np.int64)
    for c in range(out.shape[1]):
        pair = np.zeros((rows, 2), np.int64)
        if c < len(columns):
            pair[:, : columns[c].shape[1]] = columns[c]
        pair[widths <= c] = 0
        out[:, c], carry = net.full_add(pair[:, 0], pair[:, 1], carry)
        carry = np.where(widths > c + 1, carry, 0)
    return out


def _round(net: Netlist, columns: list[Lits], widths: NDArray[np.int64], size: int) -> list[Lits]:
    """One counter for every `size` bits of every column and row; the bits left over move on as they are."""
    parts: list[list[Lits]] = [[] for _ in range(len(columns) + 2)]
    for c, column in enumerate(columns):
        column = shallow_first(net, column)
        groups = (column != 0).sum(axis=1) // size
        slot, row = np.nonzero(np.arange(groups.max(initial=0))[:, None] < groups)
        bits = [column[row, slot * size + k] for k in range(size)]
        rest = np.where(np.arange(column.shape[1]) < (groups * size)[:, None], 0, column)
        parts[c].append(rest)
        for weight, result in enumerate(_count(net, bits) if len(row) else ()):
            placed = np.zeros((len(widths), int(groups.max())), np.int64)
            placed[row, slot] = np.where(widths[row] > c + weight, result, 0)
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
