"""Counters of up to six bits, in 6-input LUTs, and the full adders that rows have in common."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import ClassVar

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import table
from threshc.hdl.unrolled.claims import Step, Term
from threshc.hdl.unrolled.sharing.adder_order import Triple
from threshc.hdl.unrolled.sharing.shared_parts import SharedPart

_LATE = 1 << 62
_MANY = 40  # bits of a column from which a counter of six is right in any case
_COUNT = {n: [table(lambda *b, p=p: sum(b) >> p, n) for p in range(n.bit_length())] for n in range(2, 7)}


class CounterColumns:
    """Adds up a part in columns of weight 2**c, c < width, by counters of up to six bits; see `ColumnCompressor`."""

    lowest_worth: ClassVar[float] = 1.0  # a row alone has a bit less for one LUT
    worth: ClassVar[float] = 1.0

    def __init__(self, net: LutNet, part: SharedPart, width: int) -> None:
        assert not part.pending
        self.net = net
        self.steps = part.steps
        self._signs, self._rows = part.signs, part.rows
        self._ticket = count()
        self._columns: list[list[tuple[int, int, int]]] = [[] for _ in range(width)]
        for c, lit in part.plain:
            self._push(c, lit, _LATE if c == 0 and lit < 2 else net.depth(lit))

    def add_triples(self, triples: Sequence[Triple]) -> None:
        """Puts full adders over triples of nodes of a column, where all three are there."""
        at = [{item[2] >> 1: item for item in column if item[2] > 1} for column in self._columns]
        used: set[int] = set()
        for c, nodes in triples:
            if c + 1 >= len(self._columns) or len({*nodes}) < 3 or not all(node in at[c] for node in nodes):
                continue
            items = [at[c].pop(node) for node in nodes]
            used.update(ticket for _, ticket, _ in items)
            total = self._add(c, [lit for _, _, lit in items])[0]
            at[c][total >> 1] = next(item for item in self._columns[c] if item[2] == total and item[1] not in used)
        for c, column in enumerate(self._columns):
            self._columns[c] = [item for item in column if item[1] not in used]
            heapq.heapify(self._columns[c])

    def reduce(self) -> SharedPart:
        """Returns the part after what is cheaper to add up once than in every row: it has few entries in every
        column."""
        width = len(self._columns)
        for c, column in enumerate(self._columns):
            while (size := self._worth(len(column), width - c)) > 0:
                self._add(c, [heapq.heappop(column)[2] for _ in range(size)])
        plain = [(c, lit) for c, column in enumerate(self._columns) for _, _, lit in sorted(column)]
        return SharedPart(self._signs, plain, steps=self.steps)

    def _worth(self, bits: int, above: int) -> int:
        """The size of the next counter, 0 for none: a row alone has a bit less for one LUT."""
        if bits >= 5 and above >= 3:
            return min(bits, 6)
        return 3 if bits >= 3 and above >= 2 and self._rows > 2 else 0

    def run(self) -> list[int]:
        """Returns one literal per column, lowest first: the sum modulo 2**width."""
        top = len(self._columns) - 1
        for c, column in enumerate(self._columns):
            bits = [item for item in column if item[2]]
            heapq.heapify(bits)
            self._columns[c] = bits
            while len(bits) > 1:
                size = min(len(bits), 6) if c == top else _plan(len(bits))[1]
                self._add(c, [heapq.heappop(bits)[2] for _ in range(size)], zeros=False)
        return [column[0][2] if column else 0 for column in self._columns]

    def whole(self) -> SharedPart:
        """Returns the part with at most one entry per column, by steps that may be inverted."""
        left = SharedPart(self._signs, steps=self.steps)
        for c, column in enumerate(self._columns):
            while len(column) > 1:
                size = min(len(column), 6) if c + 1 == len(self._columns) else _plan(len(column))[1]
                self._add(c, [heapq.heappop(column)[2] for _ in range(size)])
            left.plain += [(c, lit) for _, _, lit in column]
        return left

    def _push(self, c: int, lit: int, depth: int) -> None:
        heapq.heappush(self._columns[c], (depth, next(self._ticket), lit))

    def _add(self, c: int, lits: list[int], zeros: bool = True) -> list[int]:
        """Puts the sum's bits into their columns. zeros: the step is padded with literals 0, see `SharedPart`."""
        terms: list[Term] = [(lit,) for lit in lits]
        if zeros:
            terms += [(0,)] * ((1 << len(lits).bit_length()) - 1 - len(lits))
        step = Step(c, tuple(terms))
        self.steps.append(step)
        made = []
        for p, truth in enumerate(_COUNT[len(lits)][: len(self._columns) - c]):
            made.append(self.net.lut(lits, truth))
            if made[-1] or zeros:
                step.outputs.append((c + p, (made[-1],)))
                self._push(c + p, made[-1], self.net.depth(made[-1]))
        return made


@lru_cache(256)
def _plan(bits: int) -> tuple[float, int]:
    """(cost, size of the first counter) that leaves one bit of a column: LUTs, and as much again per bit passed on."""
    if bits < 2:
        return 0, 0
    if bits > _MANY:
        return 0, 6
    return min((len(_COUNT[n]) + n.bit_length() - 1 + _plan(bits - n + 1)[0], n) for n in range(2, min(bits, 6) + 1))
