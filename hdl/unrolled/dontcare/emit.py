"""A netlist with replacements in place, for the portable Verilog: vectors stay what they are but for replaced bits."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.tables import full
from threshc.hdl.unrolled.cell import Kind, Lits
from threshc.hdl.unrolled.dontcare.cut import Replacement
from threshc.hdl.unrolled.netlist import Netlist


def rewired(net: Netlist, circuit: Circuit, replacements: Iterable[Replacement], lits: Lits) -> tuple[Netlist, Lits]:
    """Returns the netlist, and literals of it. `circuit` is the netlist's, lowered whole.

    A replaced node is made behind the cell that made it before, whose bit then nothing reads.
    """
    made = _Rewired(net, circuit, {r.node: r for r in replacements})
    return made.net, made.at[lits >> 1] ^ (lits & 1)


class _Rewired:
    """net: what is made; at: its literal of every bit of the netlist before."""

    def __init__(self, net: Netlist, circuit: Circuit, new: dict[int, Replacement]) -> None:
        self.net = Netlist(net.limit)
        self.at = np.zeros(net.count, np.int64)
        nodes = circuit.bits >> 1
        self._first = {int(node): bit for bit, node in reversed(list(enumerate(nodes.tolist())))}
        self._circuit = circuit
        homes = {self._first[node]: r for node, r in new.items()}
        same: dict[int, list[int]] = {node: [] for node in new}
        for bit, node in enumerate(nodes.tolist()):
            if node in same:
                same[node].append(bit)
        others: dict[int, int] = {}  # of replaced nodes, bits that are made later, and what they are
        for cell in net.cells:
            bits = range(cell.first, cell.first + cell.width)
            operands = tuple(self.at[o >> 1] ^ (o & 1) for o in cell.operands)
            self.net.scope = cell.scope
            self.at[cell.first : bits.stop] = self.net.append(cell.kind, operands, cell.width, cell.table)
            for bit in bits:
                if bit in homes:
                    lit = self._replacement(homes[bit])
                    others |= {b: lit ^ (int(circuit.bits[b]) & 1) for b in same[homes[bit].node]}
                if bit in others:
                    self.at[bit] = others[bit]
        self.net.scope = ""

    def _replacement(self, new: Replacement) -> int:
        """The literal of what is made instead of a node."""
        lits = [self._literal(x) for x in new.operands]
        if new.table in (0, full(len(lits))):
            return int(new.table > 0)
        if len(lits) == 1:
            return lits[0] ^ (new.table & 1)
        return int(self.net.append(Kind.LUT, tuple(np.array([x], np.int64) for x in lits), 1, new.table)[0])

    def _literal(self, node: int) -> int:
        """A node as a literal of the new cells."""
        bit = self._first[node]
        return int(self.at[bit]) ^ (int(self._circuit.bits[bit]) & 1)
