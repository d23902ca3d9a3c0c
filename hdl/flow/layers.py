"""Cells of Yosys' netlist by layer of the network."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from threshc.hdl.design import Design
from threshc.hdl.flow.netlist.gates import Gates
from threshc.hdl.luts.lower import lower

REST = "handshake and the rest"
_LUTS = re.compile(r"SB_LUT4|LUT[1-6]")
_CARRIES = {"SB_CARRY": 0, "CCU2C": 2, "CARRY4": 0}  # LUTs inside of a carry cell
_NODE = re.compile(r"n(\d+)")


@dataclass(frozen=True, slots=True)
class LayerCells:
    """What Yosys made of one layer or operation. luts: as in `threshc.hdl.flow.synthesis.Cells`."""

    name: str
    luts: int
    ffs: int
    carries: int


def cells_by_layer(design: Design, gates: Gates) -> tuple[LayerCells, ...]:
    """The cells of a netlist of the network alone, by layer, made of pre-mapped text; () of any other text.

    There nets are named after nodes, which belong to the layer that they were made for; one that several layers read
    belongs to the first. Cells behind nets that Yosys named itself belong to the first cell that reads them, else to
    the rest. Nothing is counted twice.
    """
    if not any(_NODE.fullmatch(name) for name in gates.names):
        return ()
    scope = _scopes(design)
    owner: dict[int, str] = {}
    for name, bits in gates.names.items():
        if (match := _NODE.fullmatch(name)) and (found := scope.get(int(match[1]))):
            owner[bits[0]] = found
    cell_of = {flop.cell: owner.get(flop.q, REST) for flop in gates.flops}
    for gate in reversed(gates.gates):
        mine = owner.get(gate.net, REST)
        cell_of.setdefault(gate.cell, mine)
        for operand in gate.operands:
            owner.setdefault(operand, mine)
    counts = {name: [0, 0, 0] for name in (*dict.fromkeys(scope.values()), REST)}
    for k, cell in enumerate(gates.cells):
        count = counts[cell_of.get(k, REST)]
        if _LUTS.fullmatch(cell.kind):
            count[0] += 1
        elif cell.kind in _CARRIES:
            count[0] += _CARRIES[cell.kind]
            count[2] += 1
        elif "FF" in cell.kind or cell.kind.startswith("FD"):
            count[1] += 1
    return tuple(LayerCells(name, *count) for name, count in counts.items() if any(count))


def _scopes(design: Design) -> dict[int, str]:
    """The layer or operation of every node of the pre-mapped text."""
    circuit = lower(design.netlist, design.inputs, design.outputs, everything=True)
    found: dict[int, str] = {}
    for cell in design.netlist.cells:
        if cell.kind == "input" or not cell.scope:
            continue
        for node in np.unique(circuit.bits[cell.first : cell.first + cell.width] >> 1).tolist():
            found.setdefault(node, cell.scope)
    return found
