"""Seven bits counted by two tables of six inputs and a carry chain of two places, for families that have these.

Of x0 .. x5 and the carry in, the first place adds x5, the carry in, and whether x0 .. x5 are an odd number: its sum is
the parity of all seven. What is left of x0 .. x5 then is half of y = x0 + .. + x4, rounded down, whatever x5 is: 0, 1
or 2, which the second place adds to the first one's carry. So its two tables read the same five bits: one table with
two outputs. Two tables take four bits out of a column, where counters of six without a chain take three for three.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import XOR, table
from threshc.hdl.unrolled.claims import Step
from threshc.hdl.unrolled.sharing.counter_compressor import CounterColumns
from threshc.hdl.unrolled.sharing.shared_parts import SharedPart

_FEWEST = 6
"""Bits from which the chain is worth its place."""
_ONE = {n: table(lambda *y: sum(y) >> 1, n) for n in (4, 5)}
_TWO = {n: table(lambda *y: sum(y) >> 2, n) for n in (4, 5)}
_CARRY = (
    table(lambda s, c: s ^ c, 2),
    table(lambda s, c, x, t: t ^ (c if s else x), 4),
    table(lambda s, c, x, t, d: (c if s else x) if t else d, 5),
)


@dataclass(frozen=True, slots=True)
class Seven:
    """Nodes of a counter. selects, data: of both places of the chain, carry: into it; tables of the net make `selects`
    and data[1]. outputs: of the chain, the sum's three bits. counted: the literals that are added; kept: those that
    nets carry as they stand, as no table can invert them."""

    selects: tuple[int, int]
    data: tuple[int, int]
    carry: int
    outputs: tuple[int, int, int]
    counted: tuple[int, ...]
    kept: tuple[int, ...]

    @property
    def tables(self) -> tuple[int, int, int]:
        """The nodes that are tables."""
        return (*self.selects, self.data[1])


class SevenColumns(CounterColumns):
    """Adds up a part in columns by counters of seven and six on a chain, `sevens`, and smaller ones of tables."""

    def __init__(self, net: LutNet, part: SharedPart, width: int) -> None:
        super().__init__(net, part, width)
        self.sevens: list[Seven] = []
        self._wanted: dict[int, int] = {}  # of nodes that chains have, the literal that their net carries

    def run(self) -> list[int]:
        """Returns one literal per column, lowest first: the sum modulo 2**width."""
        top = len(self._columns) - 1
        for c, column in enumerate(self._columns):
            self._columns[c] = bits = [item for item in column if item[2]]
            heapq.heapify(bits)
            while len(bits) > 1:
                lits = [heapq.heappop(bits)[2] for _ in range(min(len(bits), 7))]
                if c + 2 > top or len(lits) < _FEWEST or not self._seven(c, lits):
                    most = 6 if c == top else 5
                    for lit in lits[most:]:
                        self._push(c, lit, self.net.depth(lit))
                    self._add(c, lits[:most], zeros=False)
        return [column[0][2] if column else 0 for column in self._columns]

    def _seven(self, c: int, lits: list[int]) -> bool:
        """Counts six or seven bits where these are separate and two of them can be nets as they stand; says whether."""
        net, wanted = self.net, self._wanted
        nets = [lit for lit in lits if wanted.get(lit >> 1, lit) == lit and not (lit & 1 and lit >> 1 <= net.inputs)]
        if min(lits) < 2 or len({lit >> 1 for lit in lits}) < len(lits) or len(nets) < 2:
            return False
        data, carry = nets[-2:]
        rest = [lit for lit in lits if lit not in (data, carry)]
        parity = net.lut([*rest, data], XOR[len(rest) + 1])
        odd, two = net.lut(rest, _ONE[len(rest)]), net.lut(rest, _TWO[len(rest)])
        chain = (parity, carry, data, odd, two)
        outputs = [net.lut(chain[:size], truth) for size, truth in zip((2, 4, 5), _CARRY, strict=True)]
        kept = (*chain, *outputs)
        if any(wanted.get(lit >> 1, lit) != lit for lit in kept):
            return False
        wanted.update((lit >> 1, lit) for lit in kept)
        s, c_in, d, t, e, *made = (lit >> 1 for lit in kept)
        self.sevens.append(Seven((s, t), (d, e), c_in, (made[0], made[1], made[2]), tuple(lits), kept))
        self.steps.append(Step(c, tuple((lit,) for lit in lits)))
        for p, lit in enumerate(outputs):
            self.steps[-1].outputs.append((c + p, (lit,)))
            self._push(c + p, lit, net.depth(lit))
        return True
