"""What holds of every circuit: one pass over its nodes that collects every broken rule."""

from __future__ import annotations

from collections.abc import Iterator

from threshc.compiler.diagnostics import CompileError, Diagnostic
from threshc.hdl.logic.circuit import Adder, Circuit
from threshc.hdl.logic.tables import MOST_INPUTS, full, vacuous


def verify_circuit(circuit: Circuit) -> None:
    """Raises CompileError naming every rule that a circuit breaks: of numbers, of tables, of stages between registers.

    stages: as many registers lie between the inputs and every operand of a table or adder, constants apart.
    """
    problems = [Diagnostic(rule, f"%{node}") for node, rule in _broken(circuit)]
    count = len(circuit.luts.operands)
    problems += [Diagnostic(f"%{lit >> 1} does not exist", "output") for lit in circuit.outputs if lit >> 1 >= count]
    if problems:
        raise CompileError(problems)


def _broken(circuit: Circuit) -> Iterator[tuple[int, str]]:
    luts = circuit.luts
    adders = {adder.bits[0]: adder for adder in circuit.adders}
    stages: list[int | None] = [0] * (luts.inputs + 1) + [None] * (len(luts.operands) - luts.inputs - 1)
    for node in range(luts.inputs + 1, len(luts.operands)):
        if node in circuit.registers:
            reads, step = [circuit.registers[node]], 1
        elif node in adders:
            adder = adders[node]
            reads, step = [lit >> 1 for lit in (*adder.a, *adder.b, adder.carry) if lit > 1], 0
            yield from ((node, rule) for rule in _adder_rules(circuit, adder))
        else:
            reads, step = list(luts.operands[node]), 0
            yield from ((node, rule) for rule in _table_rules(luts.operands[node], luts.tables[node]))
        late = [x for x in reads if not 0 < x < node]
        if late:
            yield node, f"operand %{late[0]} is not defined before its use"
            continue
        if none := [x for x in reads if stages[x] is None]:
            yield node, f"operand %{none[0]} has no maker"
            continue
        found = {stages[x]: x for x in reads}
        if len(found) > 1:
            (a, x), (b, y) = list(found.items())[:2]
            yield node, f"operands %{x} and %{y} are behind {a} and {b} registers"
        if reads or node in adders:
            own = max((s for s in found if s is not None), default=0) + step
            for bit in adders[node].bits if node in adders else (node,):
                if bit < len(stages):
                    stages[bit] = own
    for node in sorted({lit >> 1 for lit in circuit.outputs}):
        if node < len(stages) and stages[node] is None:
            yield node, "an output reads it, and it has no maker"


def _table_rules(operands: tuple[int, ...], truth: int) -> Iterator[str]:
    """The normal form of `LutNet`: what folds away is not a cell."""
    if not operands:
        return
    if len(operands) > MOST_INPUTS:
        yield f"a table of {len(operands)} operands; {MOST_INPUTS} is the most"
    elif not 0 <= truth <= full(len(operands)):
        yield f"a table beyond its {1 << len(operands)} entries"
    elif vacuous(truth, len(operands)) is not None:
        yield f"the table does not depend on operand %{operands[vacuous(truth, len(operands)) or 0]}"
    elif truth & 1:
        yield "the table is 1 where all operands are 0; its readers are to read the inverse"
    elif len(operands) < 2:
        yield "the table is its operand"
    if list(operands) != sorted(set(operands)):
        yield "operands are not distinct and in ascending order"


def _adder_rules(circuit: Circuit, adder: Adder) -> Iterator[str]:
    if max(len(adder.a), len(adder.b)) > len(adder.bits):
        yield f"words of {len(adder.a)} and {len(adder.b)} bits are added up in {len(adder.bits)}"
    if list(adder.bits) != sorted(set(adder.bits)):
        yield "bits are not distinct and in ascending order"
    for before, bit in zip(adder.bits, adder.bits[1:], strict=False):
        if bit in circuit.carries and not before < circuit.carries[bit] < bit:
            yield f"the carry into %{bit} is %{circuit.carries[bit]}, which does not lie between %{before} and %{bit}"
