"""The text form of a circuit: one node per line. `parse_circuit` reads it back (grammar: docs/reference/circuits.md).

It holds what the circuit computes, with the numbers of its nodes. Which bit of a netlist a node came from (`bits`) is
not in it.
"""

from __future__ import annotations

from threshc.compiler.ir.lexer import Cursor
from threshc.hdl.logic.circuit import Adder, Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import MappedCells
from threshc.hdl.logic.verify import verify_circuit
from threshc.hdl.logic.words import literal, read_literal, read_table, read_word, table_text, word

MOST_NODES = 1 << 24
"""Most nodes of a circuit that is read."""


def print_circuit(circuit: Circuit) -> str:
    """Returns the text form, ASCII, deterministic. Nodes that nothing makes and nothing reads have no line."""
    luts = circuit.luts
    adders = {adder.bits[0]: adder for adder in circuit.adders}
    arrivals = luts.depths[1 : luts.inputs + 1]
    lines = [f"circuit inputs={luts.inputs}" + (f" arrivals={arrivals}" if any(arrivals) else "")]
    for node in range(luts.inputs + 1, len(luts.operands)):
        if node in circuit.registers:
            lines.append(f"%{node} = reg %{circuit.registers[node]}")
        elif node in adders:
            lines.append(_adder(adders[node], circuit.carries))
        elif luts.operands[node]:
            lines.append(lut_line(node, luts.operands[node], luts.tables[node]))
    return "\n".join([*lines, f"output {word(circuit.outputs)}\n"])


def print_cells(cells: MappedCells) -> str:
    """Returns mapped cells alone, as lines of the same form."""
    return "".join(f"{lut_line(node, *cell)}\n" for node, cell in cells.items())


def lut_line(node: int, operands: tuple[int, ...], truth: int) -> str:
    """Returns the line of a look-up table: operand j is bit j of the entry's number."""
    reads = " ".join(f"%{x}" for x in operands)
    return f"%{node} = lut {table_text(truth, len(operands))} {reads}".rstrip()


def _adder(adder: Adder, carries: dict[int, int]) -> str:
    bits = " ".join(f"%{bit}" for bit in adder.bits)
    into = " ".join(f"%{carries[bit]}" for bit in adder.bits if bit in carries)
    line = f"{bits} = add {word(adder.a)} {word(adder.b)} {literal(adder.carry)}"
    return f"{line} carries {into}" if into else line


def parse_circuit(text: str, source: str = "") -> Circuit:
    """Returns the circuit of a text, verified. source: what to call the text in errors.

    Raises CompileError with line and column for what is not a text form, and with every broken rule for a circuit that
    is none (`verify_circuit`).
    """
    cursor = Cursor(text, source)
    cursor.skip_lines()
    cursor.need("circuit")
    cursor.key("inputs")
    circuit = Circuit(LutNet(_arrivals(cursor, cursor.integer(0, MOST_NODES))))
    cursor.end_line()
    cursor.skip_lines()
    while cursor.token.kind == "value":
        _line(cursor, circuit)
        cursor.skip_lines()
    cursor.need("output")
    circuit.outputs.extend(read_word(cursor))
    cursor.end_line()
    cursor.skip_lines()
    cursor.take("end", "the end of the text")
    verify_circuit(circuit)
    return circuit


def _arrivals(cursor: Cursor, inputs: int) -> list[int]:
    if cursor.token.text != "arrivals":
        return [0] * inputs
    cursor.key("arrivals")
    return list(cursor.integers(0, 1 << 32, (inputs,)))


def _line(cursor: Cursor, circuit: Circuit) -> None:
    luts = circuit.luts
    made = [_new(cursor, circuit)]
    while cursor.token.kind == "value":
        made.append(_new(cursor, circuit))
    cursor.need("=")
    if len(made) == 1 and cursor.accept("reg"):
        circuit.registers[made[0]] = cursor.value()
    elif len(made) == 1 and cursor.accept("lut"):
        start = cursor.token
        truth, inputs = read_table(cursor)
        operands = []
        while cursor.token.kind == "value":
            operands.append(cursor.value())
        if len(operands) != inputs:
            raise cursor.error(f"a table of {1 << inputs} entries over {len(operands)} operands", start)
        luts.put(made[0], tuple(operands), truth)
    else:
        cursor.need("add")
        adder = Adder(tuple(made), tuple(read_word(cursor)), tuple(read_word(cursor)), read_literal(cursor))
        _carries(cursor, circuit, adder)
        circuit.adders.append(adder)
    cursor.end_line()


def _new(cursor: Cursor, circuit: Circuit) -> int:
    """A node that a line makes, above all that were made before; numbers between them stay without a maker."""
    token = cursor.token
    node = cursor.value()
    count = len(circuit.luts.operands)
    if not count <= node < MOST_NODES:
        raise cursor.error(f"%{node} stands behind %{count - 1}; nodes are in ascending order", token)
    while len(circuit.luts.operands) <= node:
        circuit.luts.source(0)
    return node


def _carries(cursor: Cursor, circuit: Circuit, adder: Adder) -> None:
    luts = circuit.luts
    if cursor.accept("carries"):
        for bit in adder.bits[1:]:
            circuit.carries[bit] = cursor.value()
    known = [luts.depth(lit) for lit in (*adder.a, *adder.b, adder.carry) if lit >> 1 < len(luts.depths)]
    for node in (*adder.bits, *circuit.carries.values()):
        if adder.bits[0] <= node < len(luts.depths):
            luts.depths[node] = 1 + max(known, default=0)
