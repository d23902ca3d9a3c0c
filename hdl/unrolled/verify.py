"""What holds of every netlist: one pass over its cells that collects every broken rule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from threshc.compiler.diagnostics import CompileError, Diagnostic
from threshc.hdl.logic.tables import MOST_INPUTS, full
from threshc.hdl.unrolled.cell import Cell, Kind, Lits
from threshc.hdl.unrolled.netlist import Netlist


def verify_netlist(net: Netlist, outputs: Lits) -> None:
    """Raises CompileError naming every rule that a netlist breaks: of numbers, widths, tables, stages and outputs.

    As many registers lie between the inputs and every operand of a cell, constants apart; the stages that the netlist
    knows (`Netlist.stage`) are those that its registers make. outputs: the literals that are output, (n,).
    """
    problems: list[Diagnostic] = []
    stages = np.zeros(max(net.count, 1), np.int64)
    count = 1
    for k, cell in enumerate(net.cells):
        where = f"%{cell.first} = {cell.kind.value}" + (f" from {cell.scope!r}" if cell.scope else "")
        rules = [*_shape_rules(k, cell, count), *_operand_rules(cell)]
        count = cell.first + cell.width
        if not rules and count <= len(stages):
            rules += _stage_rules(cell, stages)
        problems += [Diagnostic(rule, where) for rule in rules]
    if count != net.count:
        problems.append(Diagnostic(f"the cells make {count} bits with the constant, the netlist counts {net.count}"))
    if len(outputs) and int(outputs.max()) >> 1 >= count:
        problems.append(Diagnostic(f"%{int(outputs.max()) >> 1} does not exist", "output"))
    if not problems:
        bits = 2 * np.arange(1, net.count)
        wrong = np.flatnonzero(net.stage(bits) != stages[1:])
        problems += [Diagnostic("the netlist knows another stage", f"%{bit + 1}") for bit in wrong[:1].tolist()]
    if problems:
        raise CompileError(problems)


def operands_of(kind: Kind) -> int | None:
    """Returns how many words a kind reads; None for a table, which says so itself."""
    match kind:
        case Kind.INPUT:
            return 0
        case Kind.REG:
            return 1
        case Kind.XOR | Kind.MAJ | Kind.MUX | Kind.ADD:
            return 3
        case Kind.LUT:
            return None


def _shape_rules(k: int, cell: Cell, count: int) -> Iterator[str]:
    wanted = operands_of(cell.kind)
    widths = [len(operand) for operand in cell.operands]
    if cell.first != count:
        yield f"%{count} is next"
    if (cell.kind is Kind.INPUT) != (k == 0):
        yield "the input is the first cell, and the only one of its kind"
    if wanted is not None and len(widths) != wanted:
        yield f"{len(widths)} operands, where {wanted} are read"
    elif cell.kind is Kind.ADD:
        if widths[0] != widths[1] or widths[0] > cell.width or widths[2] != 1:
            yield f"words of {widths[0]} and {widths[1]} bits and a carry of {widths[2]} for a sum of {cell.width}"
    elif any(width != cell.width for width in widths):
        yield f"operands of {', '.join(map(str, widths))} bits for {cell.width} cells"
    if cell.kind is not Kind.LUT:
        if cell.table:
            yield "a table of what is not a look-up table"
    elif not 1 <= len(widths) <= MOST_INPUTS:
        yield f"a table over {len(widths)} operands; 1 to {MOST_INPUTS} are read"
    elif not 0 <= cell.table <= full(len(widths)):
        yield f"a table beyond its {1 << len(widths)} entries"


def _operand_rules(cell: Cell) -> Iterator[str]:
    for operand in cell.operands:
        late = operand[(operand >> 1 >= cell.first) | (operand < 0)]
        if len(late):
            yield f"operand %{int(late[0]) >> 1} is not defined before its use"
            return


def _stage_rules(cell: Cell, stages: Lits) -> Iterator[str]:
    """Also fills in the stages of the cell's bits."""
    if not cell.operands:
        return
    lits = np.concatenate(cell.operands)[:, None] if cell.kind is Kind.ADD else np.stack(cell.operands)
    found = stages[lits >> 1]
    latest = found.max(axis=0)
    early = (lits > 1) & (found != latest)
    if early.any():
        row, column = (int(i[0]) for i in np.nonzero(early))
        bit, there = int(lits[row, column]) >> 1, int(found[row, column])
        yield f"operand %{bit} is behind {there} registers, another one behind {latest[column]}"
    stages[cell.first : cell.first + cell.width] = latest + (cell.kind is Kind.REG)
