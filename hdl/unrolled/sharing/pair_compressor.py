"""Pair-encoded compressors in 4-input LUTs.

The encoding and the block are the modified double full adder (MDFA) of Demenkov, Kojevnikov, Kulikov, Yaroslavtsev,
"New upper bounds on the Boolean circuit complexity of symmetric functions", Inf. Process. Lett. 110(7), 2010, which
adds up n bits with 4.5 n gates of two inputs; here it is taken to look-up tables of four inputs.

A column holds plain bits and pairs (a, q = a ^ b). A block takes a plain bit z and three pairs to their sum bit and
three carries: s = z ^ q1 ^ q2 ^ q3, and each carry is a function of four bits (carry = q ? carry-in : a). Carries leave
as pairs again, so seven bits cost four LUTs and leave one bit and three carries: 4 LUTs for every 3 bits removed.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import MAJ, full, table
from threshc.hdl.unrolled.claims import Step
from threshc.hdl.unrolled.sharing.adder_order import Triple
from threshc.hdl.unrolled.sharing.shared_parts import Carry, SharedPart

_FIRST = table(lambda z, q, a: z if q else a, 3)
_SECOND = table(lambda z, q1, q2, a: (z ^ q1) if q2 else a, 4)
_THIRD = table(lambda q1, q2, q3, a: (q1 ^ q2) if q3 else a, 4)
_LAST = table(lambda s, q, a: (s ^ 1) if q else a, 3)  # from the sum bit: the carry in is s ^ q, and q is 1
_CHAIN = 8  # blocks that follow each other through the sum bit before a further chain is opened
_LATE = 1 << 62


class PairColumns:
    """Adds up a part in columns of weight 2**c, c < width, by blocks of a bit and three pairs; see
    `ColumnCompressor`."""

    lowest_worth: ClassVar[float] = 1.9  # a row alone has a bit less for 2 LUTs in the lowest column,
    worth: ClassVar[float] = 1.5  # for 4/3 above

    def __init__(self, net: LutNet, part: SharedPart, width: int) -> None:
        self.net = net
        self.steps = part.steps
        self._signs = part.signs
        self._width = width
        self._ticket = count()
        self._plain: list[list[tuple[int, int, int]]] = [[] for _ in range(width + 1)]
        self._pairs: list[list[tuple[int, int, int, int]]] = [[] for _ in range(width + 1)]
        self._carries: list[list[Carry]] = [[] for _ in range(width + 1)]
        for c, carry in part.pending:
            self._carries[c].append(carry)
        for c, lit in part.plain:
            # A constant in the lowest column comes last: it would shift the triples that rows have in common.
            self._push(c, lit, _LATE if c == 0 and lit < 2 else net.depth(lit))

    def add_triples(self, triples: Sequence[Triple]) -> None:
        """Puts full adders over triples of nodes of a column, where all three are there. Their carries are pending."""
        at = [{item[2] >> 1: item for item in column if item[2] > 1} for column in self._plain]
        used: set[int] = set()
        for c, nodes in triples:
            if c + 1 >= self._width or len({*nodes}) < 3 or not all(node in at[c] for node in nodes):
                continue
            items = [at[c].pop(node) for node in nodes]
            used.update(ticket for _, ticket, _ in items)
            lits = [lit for _, _, lit in items]
            step = self._step(c, [(lit,) for lit in lits])
            total = self.net.xor(*lits)
            self._sum(c, total, step)
            at[c][total >> 1] = next(item for item in self._plain[c] if item[2] == total and item[1] not in used)
            self._carry(c, lits, MAJ, step)
        for c, column in enumerate(self._plain):
            self._plain[c] = [item for item in column if item[1] not in used]
            heapq.heapify(self._plain[c])

    def reduce(self) -> SharedPart:
        """Returns the part with at most two entries in every column but the highest, by full adders alone."""
        left = SharedPart(self._signs, steps=self.steps)
        for c in range(self._width):
            plain, carries = self._plain[c], self._carries[c]
            total = len(plain) + len(carries)
            if total > 2 and c + 1 < self._width:
                held = self._hold_back(c) if total % 2 == 0 else None
                self._make_pairs(c)
                self._column(c)
                carries.clear()
                if isinstance(held, Carry):
                    carries.append(held)
                elif held is not None:
                    plain.append(held)
            left.plain += [(c, lit) for _, _, lit in sorted(plain)]
            left.pending += [(c, carry) for carry in carries]
        return left

    def _hold_back(self, c: int) -> Carry | tuple[int, int, int]:
        """Takes out the entry of an even number that no block takes, and returns it."""
        plain, carries = self._plain[c], self._carries[c]
        if carries and (len(carries) % 2 or not plain):
            return carries.pop(max(range(len(carries)), key=lambda k: carries[k].depth))
        last = max(plain)
        plain.remove(last)
        heapq.heapify(plain)
        return last

    def whole(self) -> SharedPart:
        """Returns the part with at most one entry per column, by steps that may be inverted."""
        left = SharedPart(self._signs, steps=self.steps)
        for c in range(self._width):
            self._make_pairs(c)
            if self._plain[c] or self._pairs[c]:
                left.plain.append((c, self._parity(c) if c + 1 == self._width else self._column(c)))
        return left

    def run(self) -> list[int]:
        """Returns one literal per column, lowest first: the sum modulo 2**width."""
        for c, column in enumerate(self._plain):
            self._plain[c] = [item for item in column if item[2]]
            heapq.heapify(self._plain[c])
        top = self._width - 1
        out = []
        for c in range(top + 1):
            self._make_pairs(c)
            out.append(self._parity(c) if c == top else self._column(c))
        return out

    def _push(self, c: int, lit: int, depth: int) -> None:
        heapq.heappush(self._plain[c], (depth, next(self._ticket), lit))

    def _column(self, c: int) -> int:
        plain, pairs = self._plain[c], self._pairs[c]
        chains = max(1, -(-len(pairs) // (3 * _CHAIN)))
        while len(plain) < chains and len(pairs) >= 4 and chains > 1:
            self._block(c, 0, 4)
        while len(plain) + 2 * len(pairs) > 1:
            spare = len(plain) >= 3 and len(plain) > max(1, -(-len(pairs) // 3))
            if pairs and plain and not spare:
                self._block(c, heapq.heappop(plain)[2], 3)
            elif pairs and not plain:
                self._block(c, 0, 4)
            else:
                self._full_adder(c)
        return plain[0][2] if plain else 0

    def _parity(self, c: int) -> int:
        """The top column: carries out of it are dropped."""
        plain, pairs = self._plain[c], self._pairs[c]
        lits = [lit for _, _, lit in plain] + [q for _, _, _, q in pairs]
        terms = tuple((lit,) for _, _, lit in plain) + tuple(t for _, _, a, q in pairs for t in ((a,), (a, q)))
        while len(lits) > 1:
            size = min(4, len(lits))
            lits = [*lits[size:], self.net.xor(*lits[:size])]
        if len(terms) > 1:
            terms += ((0,),) * (1 - len(terms) % 2)  # of an odd number, inverted terms have the inverted parity
            self.steps.append(Step(c, terms, [(c, (lits[0],))]))
        return lits[0] if lits else 0

    def _full_adder(self, c: int) -> None:
        lits = [heapq.heappop(self._plain[c])[2] for _ in range(min(3, len(self._plain[c])))]
        lits += [0] * (3 - len(lits))
        step = self._step(c, [(lit,) for lit in lits])
        self._sum(c, self.net.xor(*lits), step)
        self._carry(c, lits, MAJ, step)

    def _block(self, c: int, z: int, size: int) -> None:
        popped = [heapq.heappop(self._pairs[c]) for _ in range(min(size, len(self._pairs[c])))]
        a, q = [p[2] for p in popped], [p[3] for p in popped]
        # A constant 0 counts too: rows that subtract the part have a 1 there.
        step = self._step(c, [(z,), *(t for p in popped for t in ((p[2],), (p[2], p[3])))])
        s = self.net.xor(z, *q) if len(q) < 4 else self.net.xor(*q)
        self._sum(c, s, step)
        self._carry(c, (z, q[0], a[0]), _FIRST, step)
        if len(q) > 2:
            self._carry(c, (z, q[0], q[1], a[1]), _SECOND, step)
        if len(q) > 3:
            self._carry(c, (q[0], q[1], q[2], a[2]), _THIRD, step)
        if len(q) > 1:
            self._carry(c, (s, q[-1], a[-1]), _LAST, step)

    def _step(self, c: int, terms: Sequence[tuple[int, ...]]) -> Step:
        self.steps.append(Step(c, tuple(terms)))
        return self.steps[-1]

    def _sum(self, c: int, lit: int, step: Step) -> None:
        step.outputs.append((c, (lit,)))
        self._push(c, lit, self.net.depth(lit))

    def _carry(self, c: int, operands: Sequence[int], truth: int, step: Step) -> None:
        support = len({x >> 1 for x in operands if x > 1})
        depth = max(self.net.depth(x) for x in operands) + 1
        self._carries[c + 1].append(Carry(depth, support, tuple(operands), truth, step))

    def _make_pairs(self, c: int) -> None:
        """Carries into column c in order of arrival: one of three bits or fewer fits into the q of another's pair."""
        carries = sorted(self._carries[c], key=lambda x: x.depth)
        wide = [x for x in carries if x.support > 3]
        small = [x for x in carries if x.support <= 3]
        matched = []
        while wide and small:
            matched.append((wide.pop(0), small.pop(0)))
        while len(small) > 1:
            matched.append((small.pop(0), small.pop(0)))
        for one, other in matched:
            self._pair(c, one, other)
        for x in wide + small:
            self._alone(c, x)

    def _alone(self, c: int, carry: Carry) -> int:
        lit = self.net.lut(carry.operands, carry.truth)
        self._push(c, lit, self.net.depth(lit))
        carry.step.outputs.append((c, (lit,)))
        return lit

    def _pair(self, c: int, one: Carry, other: Carry) -> None:
        a = self.net.lut(one.operands, one.truth)
        if a < 2:
            self._alone(c, one)
            self._alone(c, other)
            return
        inputs = len(other.operands)
        flipped = other.truth | (full(inputs) ^ other.truth) << (1 << inputs)
        q = self.net.lut((*other.operands, a), flipped)
        one.step.outputs.append((c, (a,)))
        other.step.outputs.append((c, (a, q)))
        heapq.heappush(self._pairs[c], (max(self.net.depth(a), self.net.depth(q)), next(self._ticket), a, q))
