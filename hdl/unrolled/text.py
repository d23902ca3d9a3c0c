"""The text form of a netlist: one cell per line. `parse_netlist` reads it back (grammar: docs/reference/circuits.md).

It holds what the netlist computes. What the builder asserts of it for proofs (`claims`, `totals`, `selections`) is not
in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from threshc.compiler.exhaustive import assert_never
from threshc.compiler.ir.lexer import Cursor, quote
from threshc.hdl.logic.words import LONGEST, read_table, read_word, table_text, word
from threshc.hdl.unrolled.cell import Cell, Kind, Lits
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.verify import verify_netlist

_KINDS = {kind.value: kind for kind in Kind}


def print_netlist(net: Netlist, outputs: Lits) -> str:
    """Returns the text form, ASCII, deterministic. outputs: the literals that are output, (n,)."""
    return "\n".join(
        [
            "netlist" + (f" limit={net.limit}" if net.limit else ""),
            *map(_line, net.cells),
            f"output {word(outputs.tolist())}\n",
        ]
    )


def _line(cell: Cell) -> str:
    made = f"%{cell.first}" + (f":{cell.width}" if cell.width != 1 else "")
    return " ".join([made, "=", cell.kind.value, *_reads(cell), *([f"from {quote(cell.scope)}"] if cell.scope else [])])


def _reads(cell: Cell) -> Iterator[str]:
    match cell.kind:
        case Kind.LUT:
            yield table_text(cell.table, len(cell.operands))
        case Kind.INPUT | Kind.XOR | Kind.MAJ | Kind.MUX | Kind.ADD | Kind.REG:
            pass
        case _:
            assert_never(cell.kind)
    yield from (word(operand.tolist()) for operand in cell.operands)


def parse_netlist(text: str, source: str = "") -> tuple[Netlist, Lits]:
    """Returns the netlist of a text and its outputs, verified. source: what to call the text in errors.

    Raises CompileError with line and column for what is not a text form, and with every broken rule for a netlist that
    is none (`verify_netlist`).
    """
    cursor = Cursor(text, source)
    cursor.skip_lines()
    cursor.need("netlist")
    limit = 0
    if cursor.token.text == "limit":
        cursor.key("limit")
        limit = cursor.integer(1, 1 << 20)
    cursor.end_line()
    cursor.skip_lines()
    net = Netlist(limit)
    while cursor.token.kind == "value":
        _cell(cursor, net)
        cursor.skip_lines()
    cursor.need("output")
    outputs = np.array(read_word(cursor), np.int64)
    cursor.end_line()
    cursor.skip_lines()
    cursor.take("end", "the end of the text")
    verify_netlist(net, outputs)
    return net, outputs


def _cell(cursor: Cursor, net: Netlist) -> None:
    token = cursor.token
    first = cursor.value()
    width = cursor.integer(0, LONGEST) if cursor.accept(":") else 1
    if first != net.count:
        raise cursor.error(f"%{first} stands where %{net.count} is next", token)
    cursor.need("=")
    word_token = cursor.token
    kind = _KINDS.get(cursor.take("word", f"one of {', '.join(_KINDS)}").text)
    if kind is None:
        raise cursor.error(f"there is no cell {word_token.text!r}", word_token)
    table, inputs = read_table(cursor) if kind is Kind.LUT else (0, None)
    operands = []
    while cursor.token.text == "[":
        operands.append(np.array(read_word(cursor), np.int64))
    if inputs is not None and inputs != len(operands):
        raise cursor.error(f"a table of {1 << inputs} entries over {len(operands)} operands", word_token)
    net.scope = cursor.string("a name") if cursor.accept("from") else ""
    cursor.end_line()
    net.append(kind, tuple(operands), width, table)
