"""A netlist with replacements in place, for the portable Verilog: vectors stay what they are but for replaced bits."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import replace

import numpy as np

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.tables import full
from threshc.hdl.unrolled.cell import Cell, Kind, Lits
from threshc.hdl.unrolled.dontcare.cut import Replacement
from threshc.hdl.unrolled.netlist import Netlist


def rewired(net: Netlist, circuit: Circuit, replacements: Iterable[Replacement], lits: Lits) -> tuple[Netlist, Lits]:
    """The netlist, and literals of it. `circuit` is the netlist's, lowered whole.

    A replaced node is made behind the cell that made it before, whose bit then nothing reads.
    """
    made = _Rewired(net, circuit, {r.node: r for r in replacements})
    new = copy(net)
    new.cells, new.count = made.cells, made.count
    return new, made.at[lits >> 1] ^ (lits & 1)


class _Rewired:
    def __init__(self, net: Netlist, circuit: Circuit, new: dict[int, Replacement]) -> None:
        self.cells: list[Cell] = []
        self.count = net.count
        self.at = 2 * np.arange(net.count)
        nodes = circuit.bits >> 1
        self._first = {int(node): bit for bit, node in reversed(list(enumerate(nodes.tolist())))}
        self._circuit = circuit
        homes = {self._first[node]: r for node, r in new.items()}
        same: dict[int, list[int]] = {node: [] for node in new}
        for bit, node in enumerate(nodes.tolist()):
            if node in same:
                same[node].append(bit)
        for cell in net.cells:
            operands = tuple(self.at[o >> 1] ^ (o & 1) for o in cell.operands)
            self.cells.append(replace(cell, operands=operands))
            for bit in range(cell.first, cell.first + cell.width):
                if bit in homes:
                    self._replace(homes[bit], same[homes[bit].node], cell.scope)

    def _replace(self, new: Replacement, bits: list[int], scope: str) -> None:
        lits = [self._literal(x) for x in new.operands]
        if new.table in (0, full(len(lits))):
            lit = int(new.table > 0)
        elif len(lits) == 1:
            lit = lits[0] ^ (new.table & 1)
        else:
            lit = 2 * self.count
            operands = tuple(np.array([x], np.int64) for x in lits)
            self.cells.append(Cell(Kind.LUT, operands, self.count, 1, scope, new.table))
            self.count += 1
        for bit in bits:
            self.at[bit] = lit ^ (int(self._circuit.bits[bit]) & 1)

    def _literal(self, node: int) -> int:
        """A node as a literal of the new cells."""
        bit = self._first[node]
        return int(self.at[bit]) ^ (int(self._circuit.bits[bit]) & 1)
