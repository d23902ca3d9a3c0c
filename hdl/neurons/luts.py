"""Architectures that place look-up tables themselves: one heap compressor per row, tables shared between the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.heap import Heap, bundles, weigh
from threshc.hdl.luts.claims import Claim, Step, Term
from threshc.hdl.luts.groups import Tree, paired
from threshc.hdl.luts.merge import mapped_size
from threshc.hdl.luts.net import LutNet
from threshc.hdl.luts.place import place
from threshc.hdl.luts.share import Compressor, Row, Sharing
from threshc.hdl.netlist import Lits, Netlist
from threshc.hdl.neurons.base import Architecture, Estimate

_BOTH = 16_384  # synapses up to which rows are also taken as one group, at effort 1
_TRIES, _QUICK = 8, 4096  # random ways that are tried at effort 1: at most, and times synapses
_SAMPLE = 4096  # synapses that an estimate builds; larger layers are estimated from their first rows


@dataclass(frozen=True, eq=False)
class LutArchitecture(Architecture):
    """What `Mdfa` and `Fa63` share. Latency 0 cycles, throughput one sample per cycle."""

    compressor: ClassVar[type[Compressor]]
    inputs: ClassVar[int]
    """Of the look-up tables that are counted."""

    @classmethod
    def total(cls, net: Netlist, heap: Heap, widths: NDArray[np.int64], plus: Sequence[int]) -> Lits:
        """See `Architecture.total`."""
        out = np.zeros((len(widths), int(widths.max(initial=1))), np.int64)
        for pick in bundles(heap):
            words = cls._bundle(net, heap.rows(pick), widths[pick].tolist(), [plus[r] for r in pick.tolist()])
            for r, word in zip(pick.tolist(), words, strict=True):
                out[r, : len(word)] = word
        return out

    @classmethod
    def _bundle(cls, net: Netlist, heap: Heap, widths: list[int], plus: list[int]) -> list[tuple[int, ...]]:
        used = np.unique(np.concatenate([c[c > 0] >> 1 for c in heap.columns] or [np.zeros(0, np.int64)]))
        columns = [_columns(heap, used, r, width) for r, width in enumerate(widths)]
        arrivals = net.arrival(2 * used).tolist()
        best: tuple[int, LutNet, list[Row]] | None = None
        for tree, shuffle in _ways(columns, len(used), net.effort):
            luts = LutNet(arrivals)
            rows = [Row(c, k) for c, k in zip(columns, plus, strict=True)]
            Sharing(luts, rows, cls.compressor).build(tree, shuffle)
            size = mapped_size(luts, [row.word[-1] for row in rows], cls.inputs)
            if best is None or size < best[0]:
                best = size, luts, rows
        assert best is not None
        _, luts, rows = best
        where = place(net, luts, 2 * used, [lit for row in rows for lit in row.word])
        claims = [_claim(where, row) for row in rows]
        net.claims += claims
        return [claim.word for claim in claims]

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
    net = Netlist(effort=0)
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


def _ways(columns: list[list[list[int]]], inputs: int, effort: int) -> Iterator[tuple[Tree, Random | None]]:
    """The ways to share that are tried, with orders of bits: in groups of rows, over all rows at once, and as many
    random ones as the effort allows for."""
    synapses = sum(len(column) for row in columns for column in row)
    tries = effort * min(_TRIES, _QUICK // max(1, synapses))
    signs = np.zeros((len(columns), max(map(len, columns)), inputs + 1), np.int8)
    for r, row in enumerate(columns):
        for c, column in enumerate(row):
            lits = np.array(column, np.int64)
            signs[r, c, lits >> 1] = 1 - 2 * (lits & 1)
    flat_signs = signs.reshape(len(columns), -1)
    grouped, flat = paired(flat_signs), tuple(range(len(columns)))
    yield grouped, None
    if synapses <= effort * _BOTH and len(columns) > 2:
        yield flat, None
    for k in range(tries):
        shuffle = Random(k)
        yield (paired(flat_signs, shuffle) if k % 2 else grouped), shuffle


def _columns(heap: Heap, used: NDArray[np.int64], row: int, width: int) -> list[list[int]]:
    """A row's literals, numbered for a `LutNet` whose inputs are `used`."""
    columns: list[list[int]] = [[] for _ in range(width)]
    for c, column in enumerate(heap.columns[:width]):
        lits = column[row][column[row] > 0]
        columns[c] = np.sort(2 * (np.searchsorted(used, lits >> 1) + 1) + (lits & 1)).tolist()
    return columns


def _claim(where: Lits, row: Row) -> Claim:
    at = where.tolist()

    def term(local: Term) -> Term:
        return tuple(int(at[lit >> 1]) ^ (lit & 1) for lit in local)

    columns = [(*term(tuple(column)), *(1 for one in row.ones if one == c)) for c, column in enumerate(row.columns)]
    steps = [
        Step(s.column, tuple(term(t) for t in s.inputs if t != (0,)), [(c, term(t)) for c, t in s.outputs if t != (0,)])
        for s in row.steps
    ]
    return Claim(tuple(columns), tuple(steps), term(tuple(row.word)))
