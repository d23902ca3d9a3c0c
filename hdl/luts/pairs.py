"""Pair-encoded compressors in 4-input LUTs, after the MDFA of multi-operand adders on FPGAs.

A column holds plain bits and pairs (a, q = a ^ b). A block takes a plain bit z and three pairs to their sum bit and
three carries: s = z ^ q1 ^ q2 ^ q3, and each carry is a function of four bits (carry = q ? carry-in : a). Carries leave
as pairs again, so seven bits cost four LUTs and leave one bit and three carries: 4 LUTs for every 3 bits removed.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from threshc.hdl.luts.net import LutNet
from threshc.hdl.luts.order import Triple
from threshc.hdl.luts.steps import Step
from threshc.hdl.luts.tables import MAJ, full, table

_FIRST = table(lambda z, q, a: z if q else a, 3)
_SECOND = table(lambda z, q1, q2, a: (z ^ q1) if q2 else a, 4)
_THIRD = table(lambda q1, q2, q3, a: (q1 ^ q2) if q3 else a, 4)
_LAST = table(lambda s, q, a: (s ^ 1) if q else a, 3)  # from the sum bit: the carry in is s ^ q, and q is 1
_CHAIN = 8  # blocks that follow each other through the sum bit before a further chain is opened
_LATE = 1 << 62


@dataclass(frozen=True, slots=True)
class _Carry:
    """A carry that is not a cell yet: it becomes one alone, or inside the q of a pair."""

    depth: int
    support: int
    operands: tuple[int, ...]
    truth: int
    step: Step


class Pairs:
    """Adds up one row: columns of literals (weight 2**c) to one literal per column, modulo 2**len(columns)."""

    def __init__(self, net: LutNet, columns: Sequence[Sequence[int]], plan: Sequence[Triple] = ()) -> None:
        self.net = net
        self.steps: list[Step] = []
        self._ticket = count()
        self._plain: list[list[tuple[int, int, int]]] = [[] for _ in range(len(columns) + 1)]
        self._pairs: list[list[tuple[int, int, int, int]]] = [[] for _ in range(len(columns) + 1)]
        self._carries: list[list[_Carry]] = [[] for _ in range(len(columns) + 1)]
        planned = self._follow(columns, plan) if len(columns) > 1 else columns
        for c, column in enumerate(planned):
            for lit in column:
                if lit:
                    # A constant in the lowest column comes last: it would shift the triples that rows have in common.
                    self._push(c, lit, _LATE if c == 0 and lit == 1 else net.depth(lit))

    def _follow(self, columns: Sequence[Sequence[int]], plan: Sequence[Triple]) -> list[Sequence[int]]:
        """The columns after the full adders of the plan; their carries are pending."""
        bits = [lit for lit in columns[0] if lit > 1] if columns else []
        used: set[int] = set()
        for triple in plan:
            lits = [bits[k] for k in triple]
            used.update(triple)
            step = self._step(0, [(lit,) for lit in lits])
            bits.append(self.net.xor(*lits))
            step.outputs.append((0, (bits[-1],)))
            self._carry(0, lits, MAJ, step)
        left = [lit for k, lit in enumerate(bits) if k not in used]
        return [[*left, *(lit for lit in columns[0] if lit == 1)], *columns[1:]]

    def run(self) -> list[int]:
        """One literal per column, lowest first."""
        top = len(self._plain) - 2
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
            self.steps.append(Step(c, terms, [(c, (lits[0],))] if lits[0] else []))
        return lits[0] if lits else 0

    def _full_adder(self, c: int) -> None:
        lits = [heapq.heappop(self._plain[c])[2] for _ in range(min(3, len(self._plain[c])))]
        step = self._step(c, [(lit,) for lit in lits])
        lits += [0] * (3 - len(lits))
        self._sum(c, self.net.xor(*lits), step)
        self._carry(c, lits, MAJ, step)

    def _block(self, c: int, z: int, size: int) -> None:
        popped = [heapq.heappop(self._pairs[c]) for _ in range(min(size, len(self._pairs[c])))]
        a, q = [p[2] for p in popped], [p[3] for p in popped]
        step = self._step(c, [*([(z,)] if z else []), *(t for p in popped for t in ((p[2],), (p[2], p[3])))])
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
        self._carries[c + 1].append(_Carry(depth, support, tuple(operands), truth, step))

    def _make_pairs(self, c: int) -> None:
        """Carries into column c in order of arrival: one of three bits or fewer fits into the q of another's pair."""
        carries = sorted(self._carries[c], key=lambda x: x.depth)
        wide = [x for x in carries if x.support > 3]
        narrow = [x for x in carries if x.support <= 3]
        matched = []
        while wide and narrow:
            matched.append((wide.pop(0), narrow.pop(0)))
        while len(narrow) > 1:
            matched.append((narrow.pop(0), narrow.pop(0)))
        for one, other in matched:
            self._pair(c, one, other)
        for x in wide + narrow:
            self._alone(c, x)

    def _alone(self, c: int, carry: _Carry) -> int:
        lit = self.net.lut(carry.operands, carry.truth)
        if lit:
            self._push(c, lit, self.net.depth(lit))
            carry.step.outputs.append((c, (lit,)))
        return lit

    def _pair(self, c: int, one: _Carry, other: _Carry) -> None:
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
