"""Words of literals in the text forms of netlists and circuits: `[%3:8 ~%12 0 1:4]`.

`%3` is bit or node 3 and `~%3` its inverse; `%3:8` are eight that follow each other, `0:8` the constant 0 eight times.
"""

from __future__ import annotations

from collections.abc import Sequence

from threshc.compiler.ir.lexer import Cursor

LONGEST = 1 << 24
"""Most literals of a word that is read."""


def literal(lit: int) -> str:
    """Returns one literal (2 * bit + inverted; 0 and 1 are the constants)."""
    return str(lit) if lit < 2 else f"{'~' if lit & 1 else ''}%{lit >> 1}"


def word(lits: Sequence[int]) -> str:
    """Returns a word, first literal first, runs put together."""
    parts: list[str] = []
    start = 0
    while start < len(lits):
        step = 2 if lits[start] > 1 else 0
        end = start + 1
        while end < len(lits) and lits[end] == lits[end - 1] + step:
            end += 1
        parts.append(literal(lits[start]) + (f":{end - start}" if end - start > 1 else ""))
        start = end
    return f"[{' '.join(parts)}]"


def read_literal(cursor: Cursor) -> int:
    """Reads what `literal` writes. Raises CompileError with line and column."""
    if cursor.token.kind == "number":
        return cursor.integer(0, 1)
    inverted = cursor.accept("~")
    return 2 * cursor.value("a literal like %3, ~%3, 0 or 1") + inverted


def read_word(cursor: Cursor) -> list[int]:
    """Reads what `word` writes. Raises CompileError with line and column."""
    cursor.need("[")
    lits: list[int] = []
    while not cursor.accept("]"):
        first = read_literal(cursor)
        count = cursor.integer(1, LONGEST - len(lits)) if cursor.accept(":") else 1
        lits += [first] * count if first < 2 else range(first, first + 2 * count, 2)
    return lits


def table_text(truth: int, inputs: int) -> str:
    """Returns a truth table as its 2**inputs bits, that of all ones first, as in an INIT."""
    return format(truth, f"0{1 << inputs}b")


def read_table(cursor: Cursor) -> tuple[int, int]:
    """Reads what `table_text` writes: (truth, inputs). Raises CompileError with line and column."""
    text = cursor.token.text
    inputs = len(text).bit_length() - 1
    if cursor.token.kind != "number" or set(text) - {"0", "1"} or len(text) != 1 << inputs or inputs > 6:
        raise cursor.expected("a truth table of 1, 2, 4, .. or 64 bits")
    cursor.advance()
    return int(text, 2), inputs
