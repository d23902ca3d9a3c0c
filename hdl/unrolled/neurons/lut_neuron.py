"""Architectures that place look-up tables themselves: one heap compressor per row, tables shared between the rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.unrolled.cell import Kind, Lits
from threshc.hdl.unrolled.claims import Claim, Step, Term
from threshc.hdl.unrolled.heap import Heap, bundles, weigh
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.neurons.base import Architecture, Estimate
from threshc.hdl.unrolled.neurons.search import Problem, search
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor, Row
from threshc.hdl.unrolled.sharing.to_netlist import to_netlist

_SAMPLE = 4096  # synapses that an estimate builds; larger layers are estimated from their first rows


class LutArchitecture(Architecture):
    """The base of `PairCompressor` and `CounterCompressor`. Latency 0 cycles, throughput one sample per cycle."""

    compressor: ClassVar[type[ColumnCompressor]]
    inputs: ClassVar[int]
    """The inputs of the look-up tables that are counted."""

    def sum_words(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
        """See `Architecture.sum_words`."""
        out = np.zeros((len(widths), int(widths.max(initial=1))), np.int64)
        picks = bundles(heap)
        parts = [heap.rows(pick) for pick in picks]
        inputs = [np.unique(np.concatenate([c[c > 0] >> 1 for c in part.columns] or [out[:0, 0]])) for part in parts]
        problems = []
        for part, used, pick in zip(parts, inputs, picks, strict=True):
            columns = tuple(_columns(part, used, r, width) for r, width in enumerate(widths[pick].tolist()))
            arrivals = tuple(net.arrival(2 * used).tolist())
            constants = tuple(addend[r] for r in pick.tolist())
            problems.append(Problem(self.compressor, self.inputs, columns, constants, arrivals, net.effort, net.limit))
        for found, used, pick in zip(search(net, problems), inputs, picks, strict=True):
            where = to_netlist(net, found.net, 2 * used, [lit for row in found.rows for lit in row.word])
            claims = [_claim(where, row) for row in found.rows]
            net.claims += claims
            for r, claim in zip(pick.tolist(), claims, strict=True):
                out[r, : len(claim.word)] = claim.word
        return out

    def predict(self, weights: NDArray[np.signedinteger]) -> Estimate:
        """Builds cells, with thresholds in the middle of each row's range, and counts them; see
        `Architecture.predict`."""
        rows = max(1, min(len(weights), _SAMPLE // max(1, int(np.count_nonzero(weights)) // max(1, len(weights)))))
        sample = np.ascontiguousarray(weights[:rows])
        lut4, lut6, depth = _built(self, sample.tobytes(), sample.shape, sample.dtype.str)
        scale = len(weights) / rows
        return Estimate(round(lut4 * scale), round(lut6 * scale), depth, depth)


@lru_cache(64)
def _built(architecture: LutArchitecture, data: bytes, shape: tuple[int, int], dtype: str) -> tuple[int, int, int]:
    weights = np.frombuffer(data, dtype).reshape(shape)
    net = Netlist(effort=0)
    x = net.inputs(shape[1])
    heap = weigh(x[None], weights, np.zeros(len(weights), np.int64))
    size = np.abs(weights.astype(np.int64)).sum(axis=1)
    middle = np.minimum(weights, 0).sum(axis=1, dtype=np.int64) + (size + 1) // 2
    y = architecture.threshold_bits(net, heap, middle.tolist())
    live = net.live(y)
    four = six = 0
    for cell in net.cells:
        count = int(live[cell.first : cell.first + cell.width].sum())
        if cell.kind is Kind.LUT:
            six += count
            four += count * {5: 2, 6: 4}.get(len(cell.operands), 1)
    return four, six, max(int(net.level(y).max(initial=1)), 1)


def _columns(heap: Heap, used: NDArray[np.int64], row: int, width: int) -> tuple[tuple[int, ...], ...]:
    """A row's literals, numbered for a `LutNet` whose inputs are `used`."""
    columns: list[tuple[int, ...]] = [()] * width
    for c, column in enumerate(heap.columns[:width]):
        lits = column[row][column[row] > 0]
        columns[c] = tuple(np.sort(2 * (np.searchsorted(used, lits >> 1) + 1) + (lits & 1)).tolist())
    return tuple(columns)


def _claim(where: Lits, row: Row) -> Claim:
    at = where.tolist()

    def term(local: Term) -> Term:
        return tuple(int(at[lit >> 1]) ^ (lit & 1) for lit in local)

    columns = [list(column) for column in row.columns]
    ones, steps = list(row.ones), []
    for step in row.steps:
        inputs = [t for t in step.inputs if t != (0,)]
        outputs = [(c, t) for c, t in step.outputs if t != (0,)]
        if inputs == [(1,)] and len(outputs) == 2 and outputs[0][0] == outputs[1][0]:
            # A bit and its opposite in place of a constant: the heap begins with them, where no step could make them.
            ones.remove(step.column)
            columns[step.column] += [lit for _, (lit,) in outputs]
        else:
            steps.append(Step(step.column, tuple(map(term, inputs)), [(c, term(t)) for c, t in outputs]))
    full = [(*term(tuple(column)), *(1 for one in ones if one == c)) for c, column in enumerate(columns)]
    return Claim(tuple(full), tuple(steps), term(tuple(row.word)))
