"""Don't-cares of a whole design: which tables are replaced, and the circuit and the netlist with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.hdl.luts.dontcare import Progress, Replacement, find, lut_count
from threshc.hdl.luts.dontcare_apply import replaced
from threshc.hdl.luts.dontcare_emit import rewired
from threshc.hdl.luts.dontcare_words import words
from threshc.hdl.luts.lower import Circuit, lower
from threshc.hdl.luts.merge import merged, trimmed
from threshc.hdl.netlist import Lits, Netlist

if TYPE_CHECKING:
    from threshc.hdl.design import Design


def table_size(family: str | None) -> int:
    """Inputs of a family's look-up tables; four without one."""
    return 6 if family == "xilinx" else 4


def replacements(design: Design, family: str | None, progress: Progress | None) -> tuple[Replacement, ...]:
    """What don't-cares change; nothing where the circuit would take more tables, or more inputs of as many."""
    size, circuit = table_size(family), _lowered(design)
    found = tuple(find(circuit, words(design, circuit), size, progress))
    return found if _cost(replaced(circuit, found), size) < _cost(circuit, size) else ()


def tables(design: Design, family: str | None) -> tuple[int, int]:
    """Look-up tables of the family that the design takes without and with don't-cares, wider ones split."""
    size = table_size(family)
    return _cost(_lowered(design), size)[0], _cost(circuit_of(design), size)[0]


def circuit_of(design: Design) -> Circuit:
    """See `Design.circuit`."""
    circuit = _lowered(design)
    return replaced(circuit, design.replaced) if design.replaced else circuit


def netlist_of(design: Design) -> tuple[Netlist, Lits]:
    """The netlist as it is emitted, and its outputs."""
    if not design.replaced:
        return design.netlist, design.outputs
    return rewired(design.netlist, _lowered(design), design.replaced, design.outputs)


def _lowered(design: Design) -> Circuit:
    return lower(design.netlist, design.inputs, design.outputs, everything=True)


def _cost(circuit: Circuit, size: int) -> tuple[int, int]:
    cells = merged(trimmed(circuit), size)
    return lut_count(cells, size), sum(len(operands) for operands, _ in cells.values())
