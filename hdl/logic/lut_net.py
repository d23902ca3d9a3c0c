"""Look-up tables over numbered bits, hash-consed: equal functions of equal bits are one cell, whichever neuron asks."""

from __future__ import annotations

from collections.abc import Sequence

from threshc.hdl.logic.tables import XOR, folded, full


class LutNet:
    """Combinational cells in topological order. Node 0 is the constant 0, nodes 1..n the inputs, then the cells.

    A literal is 2 * node + inverted. Constants, repeated operands, inversions and inputs that do not matter are folded:
    tables are 0 where all inputs are 0, operands are distinct positive nodes in ascending order.
    arrivals: levels at which the inputs arrive, used for ordering only.
    """

    def __init__(self, arrivals: Sequence[int]) -> None:
        self.inputs = len(arrivals)
        self.depths = [0, *arrivals]
        self.operands: list[tuple[int, ...]] = [()] * (1 + len(arrivals))
        self.tables = [0] * (1 + len(arrivals))
        self._seen: dict[tuple[tuple[int, ...], int], int] = {}

    def source(self, depth: int) -> int:
        """Returns the literal of a further input that arrives at a level: a register, or a bit of an adder."""
        self.operands.append(())
        self.tables.append(0)
        self.depths.append(depth)
        return 2 * (len(self.operands) - 1)

    def put(self, node: int, operands: tuple[int, ...], truth: int) -> None:
        """Makes a further input, which nothing reads yet, a cell as it stands: what folds away stays."""
        self.operands[node], self.tables[node] = operands, truth
        self.depths[node] = 1 + max((self.depths[x] for x in operands if x < len(self.depths)), default=0)
        self._seen.setdefault((operands, truth), node)

    def depth(self, lit: int) -> int:
        """Levels before a literal is there."""
        return self.depths[lit >> 1]

    def lut(self, operands: Sequence[int], truth: int) -> int:
        """Returns the literal of a table over literals, bit j of the table's index being operand j."""
        nodes, truth = folded(operands, truth)
        if not nodes:
            return truth
        inverted = truth & 1
        if inverted:
            truth ^= full(len(nodes))
        if len(nodes) == 1:
            return 2 * nodes[0] + inverted
        key = (nodes, truth)
        node = self._seen.get(key)
        if node is None:
            node = self._seen[key] = len(self.operands)
            self.operands.append(key[0])
            self.tables.append(truth)
            self.depths.append(1 + max(self.depths[x] for x in nodes))
        return 2 * node + inverted

    def xor(self, *lits: int) -> int:
        """Returns the parity of at most six."""
        return self.lut(lits, XOR[len(lits)])

    def live(self, lits: Sequence[int]) -> list[int]:
        """Returns the cells that literals depend on, ascending."""
        used = bytearray(len(self.operands))
        for lit in lits:
            used[lit >> 1] = 1
        for node in range(len(self.operands) - 1, self.inputs, -1):
            if used[node]:
                for x in self.operands[node]:
                    used[x] = 1
        return [node for node in range(self.inputs + 1, len(self.operands)) if used[node] and self.operands[node]]
