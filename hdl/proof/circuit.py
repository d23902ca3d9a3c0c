"""A certificate's circuit, read with suspicion: no cycles, every path equally long, registers seen as wires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from threshc.hdl.proof.bits import Unproved, apply, variables

Cell = tuple[int, Sequence[int], int]
"""Node, operands, table."""


class Circuit:
    """Nodes with registers looked through: `alias[n]` is what a register delays, `tables[n]` operands and table.

    Sound because every path from the inputs to a node passes the same number of registers (`stage`), so that all
    operands of a table belong to the same sample. Raises Unproved where that is not so.
    """

    def __init__(self, inputs: int, luts: Iterable[Cell], registers: Iterable[tuple[int, int]]) -> None:
        self.inputs, self.work = inputs, 0
        self.most_work = 1 << 62
        self.alias = {n: n for n in range(inputs + 1)}
        self.stage = dict.fromkeys(range(1, inputs + 1), 0)
        self.tables: dict[int, tuple[tuple[int, ...], int]] = {}
        cells: list[tuple[int, tuple[int, ...], int | None]] = [(n, tuple(reads), table) for n, reads, table in luts]
        cells += [(q, (d,), None) for q, d in registers]
        for node, operands, table in sorted(cells, key=itemgetter(0)):
            self._add(node, operands, table)

    def _add(self, node: int, operands: tuple[int, ...], table: int | None) -> None:
        if node in self.alias or any(x not in self.alias or x >= node for x in operands):
            raise Unproved(f"node {node} has two drivers, or reads a node that comes after it")
        stages = {self.stage[x] for x in operands if x}
        if len(stages) > 1:
            raise Unproved(f"node {node} mixes bits of different samples (stages {sorted(stages)})")
        stage = next(iter(stages), 0)
        if table is None:
            self.alias[node], self.stage[node] = self.alias[operands[0]], stage + 1
            return
        if len(operands) > 6 or not 0 <= table < 1 << (1 << len(operands)):
            raise Unproved(f"node {node} is not a table of up to six inputs")
        self.alias[node], self.stage[node] = node, stage
        self.tables[node] = tuple(self.alias[x] for x in operands), table

    def spend(self, work: int) -> None:
        """Counts work that depends on what a certificate says, a step being about a microsecond. Raises Unproved where
        it is more than `most_work`."""
        self.work += work
        if self.work > self.most_work:
            raise Unproved("its claims take too long to be proved; no certificate of threshc does")

    def lit(self, lit: int) -> int:
        """Returns a literal of the node behind its registers."""
        if lit < 0 or lit >> 1 not in self.alias:
            raise Unproved(f"there is no node {lit >> 1}")
        return 2 * self.alias[lit >> 1] + (lit & 1)

    def lits(self, lits: Sequence[int]) -> tuple[int, ...]:
        """See `lit`."""
        return tuple(map(self.lit, lits))

    def evaluate(self, lits: Sequence[int], leaves: Sequence[int]) -> list[int]:
        """Returns the functions of literals over `leaves` (nodes), as integers of 2**len(leaves) bits.

        Every value of the leaves is considered, also ones that never occur together. Raises Unproved where a function
        depends on anything but the leaves.
        """
        every, patterns = variables(len(leaves))
        known = {**dict(zip(leaves, patterns, strict=True)), 0: 0}
        for lit in lits:
            self.settle(lit >> 1, known, every)
        return [known[lit >> 1] ^ (every if lit & 1 else 0) for lit in lits]

    def settle(self, root: int, known: dict[int, int], every: int) -> None:
        """Adds the function of a node, and of the nodes that it depends on, to `known`."""
        if root in known:
            return
        stack, cost, before = [root], 1 + (every.bit_length() >> 12), len(known)
        while stack:
            node = stack[-1]
            if node in known:
                stack.pop()
                continue
            if node not in self.tables:
                self.spend((len(known) - before + len(stack)) * cost)
                raise Unproved(f"node {root} depends on node {node}, which is not one of its leaves")
            operands, table = self.tables[node]
            waiting = [x for x in operands if x not in known]
            if waiting:
                stack += waiting
                continue
            known[node] = apply(table, [known[x] for x in operands], every)
            stack.pop()
        self.work += (len(known) - before) * cost
        if self.work > self.most_work:  # here and not by `spend`, for this is the inner loop
            self.spend(0)
