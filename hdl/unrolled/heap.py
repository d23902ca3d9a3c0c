"""Weighted sums of bits as heaps: columns of literals of weight 1, 2, 4, .., one row per neuron, plus an integer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.netlist import ONE, Netlist


@dataclass(frozen=True, slots=True, eq=False)
class Heap:
    """Row r stands for `constant[r] + sum over columns c and entries of 2**c * columns[c][r]`, entries never negative.

    columns[c]: (R, h) literals, packed to the left, literal 0 beyond the row's end. most[r]: largest sum of entries.
    place[r]: the position of a spatial layer that the row belongs to.
    """

    columns: tuple[Lits, ...]
    constant: tuple[int, ...]
    most: tuple[int, ...]
    place: tuple[int, ...]

    def rows(self, pick: NDArray[np.int64]) -> Heap:
        """Returns some of the rows, in the order of `pick`."""
        return Heap(
            tuple(c[pick] for c in self.columns),
            tuple(self.constant[r] for r in pick.tolist()),
            tuple(self.most[r] for r in pick.tolist()),
            tuple(self.place[r] for r in pick.tolist()),
        )


def pack(column: Lits, key: Lits | None = None) -> Lits:
    """Returns each row with its non-zero literals first, in the order of `key` (else as they stand), cut to the longest
    row."""
    order = np.argsort(np.where(column == 0, np.int64(2**62), 0 if key is None else key), axis=1, kind="stable")
    longest = int((column != 0).sum(axis=1).max(initial=0))
    return np.take_along_axis(column, order[:, :longest], axis=1)


def weigh(bits: Lits, weights: NDArray[np.signedinteger], bias: NDArray[np.int64]) -> Heap:
    """Returns the heap of `bias + weights * bits`: a negative weight takes the inverted bit, w*x = |w|*(1-x) - |w|.

    bits: (P, C) literals; weights: (R, C); bias: (R,). Row p*R + r is position p, neuron r; constant bits are folded.
    """
    positions, rows = len(bits), len(weights)
    size = np.abs(weights.astype(np.int64))
    lits = (bits[:, None, :] ^ (weights < 0)[None]).reshape(positions * rows, -1)
    sizes = np.tile(size, (positions, 1))
    constant = np.tile(bias + np.minimum(weights, 0).sum(axis=1, dtype=np.int64), positions)
    constant = constant + np.where(lits == ONE, sizes, 0).sum(axis=1)
    sizes = np.where(lits > ONE, sizes, 0)
    columns = [pack(np.where(sizes >> c & 1, lits, 0)) for c in range(int(sizes.max(initial=0)).bit_length())]
    place = tuple(np.repeat(np.arange(positions), rows).tolist())
    return Heap(tuple(columns), tuple(constant.tolist()), tuple(sizes.sum(axis=1).tolist()), place)


_MOST = 256


def bundles(heap: Heap) -> list[NDArray[np.int64]]:
    """Returns the rows in runs of at most 256 that are at one position and over much the same bits."""
    found: list[list[int]] = []
    union: set[int] = set()
    for r, place in enumerate(heap.place):
        bits = {b for c in heap.columns for b in (c[r][c[r] > 0] >> 1).tolist()}
        full = not found or len(found[-1]) >= _MOST or heap.place[found[-1][0]] != place
        if full or 4 * len(bits & union) < len(bits):
            found.append([])
            union = set()
        found[-1].append(r)
        union |= bits
    return [np.array(rows, np.int64) for rows in found]


def shallow_first(net: Netlist, column: Lits) -> Lits:
    """Returns a column with the literals that arrive first at the left."""
    return pack(column, net.depth(column))
