"""Architectures that place look-up tables themselves: one heap compressor per row, tables shared between the rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.heap import Heap, weigh
from threshc.hdl.luts.claims import Claim, Step
from threshc.hdl.luts.net import LutNet
from threshc.hdl.luts.order import Triple, plan
from threshc.hdl.luts.place import place
from threshc.hdl.netlist import Lits, Netlist
from threshc.hdl.neurons.base import Architecture, Estimate

_SAMPLE = 16384  # synapses that an estimate builds; larger layers are estimated from their first rows


class Compress(Protocol):
    """A heap compressor for one row."""

    steps: list[Step]

    def run(self) -> list[int]:
        """One literal per column, lowest first."""


@dataclass(frozen=True, eq=False)
class LutArchitecture(Architecture):
    """What `Mdfa` and `Fa63` share. Latency 0 cycles, throughput one sample per cycle."""

    @staticmethod
    @abstractmethod
    def compressor(net: LutNet, columns: Sequence[Sequence[int]], plan: Sequence[Triple]) -> Compress:
        """The compressor of a row's columns, which makes the full adders of a plan first (`threshc.hdl.luts.order`)."""

    @classmethod
    def total(cls, net: Netlist, heap: Heap, widths: NDArray[np.int64], plus: Sequence[int]) -> Lits:
        """See `Architecture.total`."""
        used = np.unique(np.concatenate([c[c > 0] >> 1 for c in heap.columns] or [np.zeros(0, np.int64)]))
        luts = LutNet(net.arrival(2 * used).tolist())
        rows = [_columns(heap, used, row, int(width), plus[row]) for row, width in enumerate(widths)]
        adders = _plan(heap, used, net.arrival(2 * used))
        made = [cls.compressor(luts, columns, adders) for columns in rows]
        words = [one.run() for one in made]
        where = place(net, luts, 2 * used, [lit for word in words for lit in word])
        out = np.zeros((len(words), int(widths.max(initial=1))), np.int64)
        for row, (columns, one, word) in enumerate(zip(rows, made, words, strict=True)):
            claim = _claim(where, columns, one.steps, word)
            out[row, : len(word)] = claim.word
            net.claims.append(claim)
        return out

    @classmethod
    def predict(cls, weights: NDArray[np.signedinteger]) -> Estimate:
        """Counted in cells that are built for the purpose, with thresholds in the middle of each row's range."""
        rows = max(1, min(len(weights), _SAMPLE // max(1, int(np.count_nonzero(weights)) // max(1, len(weights)))))
        sample = np.ascontiguousarray(weights[:rows])
        lut4, lut6, depth = _built(cls, sample.tobytes(), sample.shape, sample.dtype.str)
        scale = len(weights) / rows
        return Estimate(round(lut4 * scale), round(lut6 * scale), depth, depth)


@lru_cache(64)
def _built(cls: type[LutArchitecture], data: bytes, shape: tuple[int, int], dtype: str) -> tuple[int, int, int]:
    weights = np.frombuffer(data, dtype).reshape(shape)
    net = Netlist()
    x = net.inputs(shape[1])
    heap = weigh(x[None], weights, np.zeros(len(weights), np.int64))
    size = np.abs(weights.astype(np.int64)).sum(axis=1)
    middle = np.minimum(weights, 0).sum(axis=1, dtype=np.int64) + (size + 1) // 2
    y = cls.fires(net, heap, middle.tolist())
    live = net.live(y)
    four = six = 0
    for cell in net.cells:
        count = int(live[cell.first : cell.first + cell.width].sum())
        if cell.kind == "lut":
            six += count
            four += count * {5: 2, 6: 4}.get(len(cell.operands), 1)
    return four, six, max(int(net.level(y).max(initial=1)), 1)


def _plan(heap: Heap, used: NDArray[np.int64], arrival: NDArray[np.int64]) -> list[Triple]:
    """The full adders over the bits of weight 1 that all rows make, see `plan`; none where some row lacks a bit, or
    bits arrive at different levels. Position k is input k."""
    if not heap.columns or len(used) < 3 or len(np.unique(arrival)) > 1:
        return []
    column = heap.columns[0]
    if column.shape[1] != len(used) or (column == 0).any():
        return []
    lits = np.sort(column, axis=1)
    if (lits >> 1 != used).any():
        return []
    return plan((1 - 2 * (lits & 1)).astype(np.int8))[0]


def _columns(heap: Heap, used: NDArray[np.int64], row: int, width: int, plus: int) -> list[list[int]]:
    """A row's literals, numbered for a `LutNet` whose inputs are `used`, with the bits of a constant behind them."""
    columns: list[list[int]] = [[] for _ in range(width)]
    for c, column in enumerate(heap.columns[:width]):
        lits = column[row][column[row] > 0]
        columns[c] = np.sort(2 * (np.searchsorted(used, lits >> 1) + 1) + (lits & 1)).tolist()
    for c in range(width):
        if plus >> c & 1:
            columns[c].insert(0, 1)
    return columns


def _claim(where: Lits, columns: list[list[int]], steps: list[Step], word: list[int]) -> Claim:
    at = where.tolist()

    def lit(local: int) -> int:
        return int(at[local >> 1]) ^ (local & 1)

    moved = [
        Step(
            s.column,
            tuple(tuple(map(lit, term)) for term in s.inputs),
            [(c, tuple(map(lit, term))) for c, term in s.outputs],
        )
        for s in steps
    ]
    return Claim(tuple(tuple(map(lit, c)) for c in columns), tuple(moved), tuple(map(lit, word)))
