"""A design's netlist bit by bit: everything folded and hash-consed once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from threshc.compiler.exhaustive import assert_never
from threshc.hdl.kept import kept
from threshc.hdl.logic.circuit import Adder, Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import MAJ, MUX, XOR
from threshc.hdl.unrolled.cell import Cell, Kind, Lits
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.netlist import Netlist


def lowered(design: Design) -> Circuit:
    """Returns the circuit of a design's netlist, with everything that no output needs, so that nodes have the numbers
    that they have in certificates. It is made once per netlist."""
    circuit = _whole(design.netlist)
    return replace(circuit, outputs=_lits(circuit, design.outputs))


@kept
def _whole(net: Netlist) -> Circuit:
    (inputs,) = (cell for cell in net.cells if cell.kind is Kind.INPUT)
    return lower(net, 2 * np.arange(inputs.first, inputs.first + inputs.width), np.zeros(0, np.int64), everything=True)


def lower(net: Netlist, inputs: Lits, outputs: Lits, everything: bool = False) -> Circuit:
    """Returns the circuit that computes `outputs` (`everything`: and all other bits); input j of it is literal
    inputs[j]."""
    live = np.ones(net.count, np.bool_) if everything else net.live(outputs)
    luts = LutNet([0] * len(inputs))
    bits = np.zeros(net.count, np.int64)
    bits[inputs >> 1] = 2 * np.arange(1, len(inputs) + 1)
    circuit = Circuit(luts, bits=bits)
    sampled: dict[int, int] = {}
    for cell in net.cells:
        kept = np.flatnonzero(live[cell.first : cell.first + cell.width])
        match cell.kind:
            case Kind.INPUT:
                pass  # bits already has them
            case Kind.ADD:
                if len(kept):
                    _add(circuit, cell)
            case Kind.REG:
                for lane, lit in zip(kept.tolist(), _lits(circuit, cell.operands[0][kept]), strict=True):
                    bits[cell.first + lane] = _register(circuit, sampled, lit)
            case Kind.XOR | Kind.MAJ | Kind.MUX | Kind.LUT:
                truth = _truth(cell.kind, cell.table)
                columns = zip(*(_lits(circuit, o[kept]) for o in cell.operands), strict=True)
                for lane, operands in zip(kept.tolist(), columns, strict=True):
                    bits[cell.first + lane] = luts.lut(operands, truth)
            case _:
                assert_never(cell.kind)
    circuit.outputs.extend(_lits(circuit, outputs))
    return circuit


def _truth(kind: Literal[Kind.XOR, Kind.MAJ, Kind.MUX, Kind.LUT], table: int) -> int:
    match kind:
        case Kind.XOR:
            return XOR[3]
        case Kind.MAJ:
            return MAJ
        case Kind.MUX:
            return MUX
        case Kind.LUT:
            return table


def _lits(circuit: Circuit, lits: Lits) -> list[int]:
    found: list[int] = (circuit.bits[lits >> 1] ^ (lits & 1)).tolist()
    return found


def _register(circuit: Circuit, sampled: dict[int, int], lit: int) -> int:
    if lit < 2:
        return lit
    node = lit >> 1
    if node not in sampled:
        sampled[node] = circuit.luts.source(0) >> 1
        circuit.registers[sampled[node]] = node
    return 2 * sampled[node] + (lit & 1)


def _add(circuit: Circuit, cell: Cell) -> None:
    a, b, carry = (tuple(_lits(circuit, o)) for o in cell.operands)
    depth = 1 + max(map(circuit.luts.depth, (*a, *b, *carry)))
    made = [circuit.luts.source(depth)]
    for _ in range(cell.width - 1):
        carry_in = circuit.luts.source(depth) >> 1
        made.append(circuit.luts.source(depth))
        circuit.carries[made[-1] >> 1] = carry_in
    circuit.bits[cell.first : cell.first + cell.width] = made
    circuit.adders.append(Adder(tuple(lit >> 1 for lit in made), a, b, carry[0]))
