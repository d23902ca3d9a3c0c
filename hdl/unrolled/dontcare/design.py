"""Don't-cares of a whole design: which tables are replaced, and the circuit and the netlist with them."""

from __future__ import annotations

from threshc.compiler.progress import Progress
from threshc.hdl.families.registry import table_inputs
from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.mapping import merged, trimmed
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.apply import replaced
from threshc.hdl.unrolled.dontcare.cut import Replacement
from threshc.hdl.unrolled.dontcare.emit import rewired
from threshc.hdl.unrolled.dontcare.search import find, lut_count
from threshc.hdl.unrolled.dontcare.words import words
from threshc.hdl.unrolled.lower import lowered
from threshc.hdl.unrolled.netlist import Netlist


def replacements(
    design: Design, family: str | None, progress: Progress
) -> tuple[tuple[Replacement, ...], tuple[int, int]]:
    """Returns (what don't-cares change, look-up tables without and with it). Nothing is changed where the circuit would
    take more tables, or more inputs of as many."""
    size, circuit = table_inputs(family), lowered(design)
    found = tuple(find(circuit, words(design, circuit), size, progress))
    without, with_them = _cost(circuit, size), _cost(replaced(circuit, found), size)
    if with_them < without:
        return found, (without[0], with_them[0])
    return (), (without[0], without[0])


def circuit_of(design: Design) -> Circuit:
    """Returns the design bit by bit as it is emitted; nodes have the numbers that they have in certificates
    (`lowered`)."""
    circuit = lowered(design)
    return replaced(circuit, design.replaced) if design.replaced else circuit


def netlist_of(design: Design) -> tuple[Netlist, Lits]:
    """The netlist as it is emitted, and its outputs."""
    if not design.replaced:
        return design.netlist, design.outputs
    return rewired(design.netlist, lowered(design), design.replaced, design.outputs)


def _cost(circuit: Circuit, size: int) -> tuple[int, int]:
    cells = merged(trimmed(circuit), size)
    return lut_count(cells, size), sum(len(operands) for operands, _ in cells.values())
