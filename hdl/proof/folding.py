"""Tables over numbered bits, equal ones made once: the normal form in which two circuits are compared."""

from __future__ import annotations

from collections.abc import Sequence

from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.functions import folded


class Folded:
    """Nodes 1..inputs are free; constants, inversions and bits that do not matter are folded into the tables.

    A literal is 2 * node + inverted. Every table is 0 where all its operands are 0, so that a function and its inverse
    are one node. operands, tables: by node, `()` and 0 for the free ones.
    """

    def __init__(self, inputs: int) -> None:
        self.operands: list[tuple[int, ...]] = [()] * (inputs + 1)
        self.tables = [0] * (inputs + 1)
        self._known: dict[tuple[tuple[int, ...], int], int] = {}

    def lut(self, operands: Sequence[int], truth: int) -> int:
        """Returns the literal of a table over literals."""
        nodes, truth = folded(operands, truth)
        inverted = truth & 1
        if inverted:
            truth ^= (1 << (1 << len(nodes))) - 1
        if not nodes:
            return inverted
        if len(nodes) == 1:
            return 2 * nodes[0] + inverted
        node = self._known.setdefault((nodes, truth), len(self.tables))
        if node == len(self.tables):
            self.operands.append(nodes)
            self.tables.append(truth)
        return 2 * node + inverted


def normal(circuit: Circuit) -> tuple[Circuit, dict[int, int]]:
    """Returns the circuit with constants folded and equal tables of equal bits made once, registers looked through,
    and the literal in it of every node."""
    luts = Folded(circuit.inputs)
    at = {k: 2 * k for k in range(circuit.inputs + 1)}
    for node, (operands, table) in circuit.tables.items():
        at[node] = luts.lut([at[x] for x in operands], table)
    stage: dict[int, int] = {}
    for node, lit in at.items():
        stage.setdefault(lit >> 1, circuit.stage.get(node, 0))
    made = Circuit(circuit.inputs, [], [])
    made.tables = {n: (luts.operands[n], luts.tables[n]) for n in range(circuit.inputs + 1, len(luts.operands))}
    made.stage = stage
    return made, {node: at[alias] for node, alias in circuit.alias.items()}
