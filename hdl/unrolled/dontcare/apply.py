"""A circuit with replacements in place: nodes keep their numbers, what became equal to others is read from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from threshc.hdl.logic.circuit import Adder, Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import MappedCells
from threshc.hdl.logic.tables import folded, full, plain
from threshc.hdl.unrolled.dontcare.cut import Replacement


def replaced(circuit: Circuit, replacements: Iterable[Replacement]) -> Circuit:
    """Returns the circuit in which every replacement is made, constants, inverters and equal tables folded."""
    return with_replacements(circuit, replacements)[0]


def with_replacements(circuit: Circuit, replacements: Iterable[Replacement]) -> tuple[Circuit, set[int]]:
    """See `replaced`; also the nodes that carry the inverse of what they were."""
    made = _Folded(circuit, {r.node: r for r in replacements})
    adders = [Adder(a.bits, made.literals(a.a), made.literals(a.b), made.literal(a.carry)) for a in circuit.adders]
    outputs = list(made.literals(circuit.outputs))
    after = replace(circuit, luts=made.luts, registers=made.registers, adders=adders, outputs=outputs)
    return after, {n for n in range(len(made.luts.operands)) if made.literal(2 * n) == 2 * n + 1}


def upright(cells: MappedCells, inverted: set[int]) -> MappedCells:
    """Returns the same cells as if no node carried its inverse."""
    return {n: (operands, _upright(n, operands, truth, inverted)) for n, (operands, truth) in cells.items()}


def _upright(node: int, operands: tuple[int, ...], truth: int, inverted: set[int]) -> int:
    return plain([2 * x + (x in inverted) for x in operands], truth) ^ (full(len(operands)) if node in inverted else 0)


class _Folded:
    def __init__(self, circuit: Circuit, new: dict[int, Replacement]) -> None:
        before = circuit.luts
        self.luts = LutNet(before.depths[1 : before.inputs + 1])
        self.luts.operands, self.luts.tables = list(before.operands), list(before.tables)
        self.luts.depths = list(before.depths)
        self.registers: dict[int, int] = {}
        self._at = [2 * n for n in range(len(before.operands))]
        self._seen: dict[tuple[tuple[int, ...], int], int] = {}
        sampled: dict[int, int] = {}
        for node in range(before.inputs + 1, len(before.operands)):
            if node in circuit.registers:
                self._register(node, self._at[circuit.registers[node]], sampled)
            elif node in new:
                self._table(node, new[node].operands, new[node].table)
            elif before.operands[node]:
                self._table(node, before.operands[node], before.tables[node])

    def literal(self, lit: int) -> int:
        """A literal of the circuit before as one of this."""
        return self._at[lit >> 1] ^ (lit & 1)

    def literals(self, lits: Iterable[int]) -> tuple[int, ...]:
        """See `literal`."""
        return tuple(map(self.literal, lits))

    def _register(self, node: int, lit: int, sampled: dict[int, int]) -> None:
        if lit > 1:
            first = sampled.setdefault(lit >> 1, node)
            if first == node:
                self.registers[node] = lit >> 1
            lit = 2 * first + (lit & 1)
        self._at[node] = lit

    def _table(self, node: int, operands: tuple[int, ...], truth: int) -> None:
        nodes, truth = folded([self._at[x] for x in operands], truth)
        self.luts.operands[node], self.luts.tables[node] = (), 0
        if len(nodes) < 2:
            self._at[node] = 2 * nodes[0] + (truth & 1) if nodes else truth
            return
        inverted = truth & 1
        key = nodes, truth ^ (full(len(nodes)) if inverted else 0)
        first = self._seen.setdefault(key, node)
        if first == node:
            self.luts.operands[node], self.luts.tables[node] = key
            self.luts.depths[node] = 1 + max(self.luts.depths[x] for x in nodes)
        self._at[node] = 2 * first + inverted
