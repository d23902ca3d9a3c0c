"""Full adders in the lowest column, whose triples rows have in common, and 6:3 counters above: for 6-input LUTs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count

from threshc.hdl.luts.net import LutNet
from threshc.hdl.luts.order import Triple
from threshc.hdl.luts.steps import Step
from threshc.hdl.luts.tables import table

_LATE = 1 << 62
_COUNT = {n: [table(lambda *b, p=p: sum(b) >> p, n) for p in range(n.bit_length())] for n in range(2, 7)}


class Counters:
    """Adds up one row: columns of literals (weight 2**c) to one literal per column, modulo 2**len(columns)."""

    def __init__(self, net: LutNet, columns: Sequence[Sequence[int]], plan: Sequence[Triple] = ()) -> None:
        self.net = net
        self.steps: list[Step] = []
        self._ticket = count()
        self._columns: list[list[tuple[int, int, int]]] = [[] for _ in columns]
        planned = self._follow(columns, plan) if len(columns) > 1 else columns
        for c, column in enumerate(planned):
            for lit in column:
                if lit:
                    self._push(c, lit, _LATE if c == 0 and lit == 1 else net.depth(lit))

    def _follow(self, columns: Sequence[Sequence[int]], plan: Sequence[Triple]) -> list[Sequence[int]]:
        """The columns after the full adders of the plan."""
        bits = [lit for lit in columns[0] if lit > 1] if columns else []
        used: set[int] = set()
        for triple in plan:
            lits = [bits[k] for k in triple]
            used.update(triple)
            total, carry = (self.net.lut(lits, truth) for truth in _COUNT[3])
            bits.append(total)
            outputs: list[tuple[int, tuple[int, ...]]] = [(0, (total,)), (1, (carry,))]
            self.steps.append(Step(0, tuple((lit,) for lit in lits), outputs))
            self._push(1, carry, self.net.depth(carry))
        left = [lit for k, lit in enumerate(bits) if k not in used]
        return [[*left, *(lit for lit in columns[0] if lit == 1)], *columns[1:]]

    def run(self) -> list[int]:
        """One literal per column, lowest first."""
        top = len(self._columns) - 1
        for c, column in enumerate(self._columns):
            while len(column) > 1:
                self._counter(c, min(len(column), 6) if c == top else _size(c, len(column)), c == top)
        return [column[0][2] if column else 0 for column in self._columns]

    def _push(self, c: int, lit: int, depth: int) -> None:
        heapq.heappush(self._columns[c], (depth, next(self._ticket), lit))

    def _counter(self, c: int, size: int, top: bool) -> None:
        lits = [heapq.heappop(self._columns[c])[2] for _ in range(size)]
        step = Step(c, tuple((lit,) for lit in lits))
        self.steps.append(step)
        for p, truth in enumerate(_COUNT[size][:1] if top else _COUNT[size]):
            lit = self.net.lut(lits, truth)
            if lit and c + p < len(self._columns):
                step.outputs.append((c + p, (lit,)))
                self._push(c + p, lit, self.net.depth(lit))


def _size(column: int, bits: int) -> int:
    """Bits that the next counter takes. 4 to 3 is no gain over 3 to 2 and a second one."""
    if column and bits >= 5:
        return min(bits, 6)
    return min(bits, 3)
