"""The cells of a table as numbers, exactly, or refused by column and row with what can be done."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Diagnostic, option
from threshc.sim.data.formats import Block
from threshc.sim.data.text import GAPS, number

_SHOWN = 10
_WHOLE = re.compile(r"[+-]?\d{1,18}|true|false", re.IGNORECASE | re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
Row = tuple[int, list[str]]
"""The line in the file, and its cells."""


@dataclass(frozen=True, slots=True)
class Columns:
    """features: positions in a row, with the words of those that become one feature per word. target: of the labels."""

    names: tuple[str, ...]
    features: tuple[tuple[int, tuple[str, ...]], ...]
    target: int | None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, `column=word` for words."""
        found: list[str] = []
        for k, words in self.features:
            found += [f"{self.names[k]}={w}" for w in words] if words else [self.names[k]]
        return tuple(found)


def numbers_of(rows: list[Row], columns: Columns, where: str, decimal: str, whole: bool | None) -> Block:
    """Returns the features (n, d) of rows: int64 where all are whole numbers, else float64.

    whole: what the rows before were, None at the first; it stays so: whole numbers may stand among others, not others
    after whole ones. Raises CompileError naming the first cells that are not finite numbers.
    """
    found = _at_once(rows, columns, whole) if decimal == "." else None
    if found is None:
        found = _one_by_one(rows, columns, where, decimal, whole)
    return found if whole is not False else found.astype(np.float64)


def _at_once(rows: list[Row], columns: Columns, whole: bool | None) -> Block | None:
    """Plain numbers, quickly; None where anything else is among them."""
    if any(words for _, words in columns.features):
        return None
    at = [k for k, _ in columns.features]
    cells = [[row[k] for k in at] for _, row in rows]
    text = ",".join(map(",".join, cells))
    if not text.isascii() or "_" in text:  # what Python takes for parts of a number
        return None
    made: NDArray[np.str_] = np.array(cells)
    for dtype in ([np.int64] if whole is not False else []) + ([np.float64] if not whole else []):
        try:
            found: Block = made.astype(dtype)
        except (ValueError, OverflowError):
            continue
        return found if np.isfinite(found).all() else None
    return None


def _one_by_one(rows: list[Row], columns: Columns, where: str, decimal: str, whole: bool | None) -> Block:
    parts: list[NDArray[np.float64]] = []
    problems: list[Diagnostic] = []
    all_whole = True
    for k, words in columns.features:
        cells = [row[k].strip() for _, row in rows]
        if words:
            bad = [i for i, cell in enumerate(cells) if cell not in words]
            parts += [np.array([cell == word for cell in cells], np.float64) for word in words]
        else:
            values = [number(cell, decimal) for cell in cells]
            bad = [i for i, v in enumerate(values) if v is None or not math.isfinite(v)]
            other = [i for i, cell in enumerate(cells) if not _WHOLE.fullmatch(cell)]
            all_whole = all_whole and not other
            if whole and not bad:
                bad = other
            parts.append(np.array([math.nan if v is None else v for v in values], np.float64))
        problems += _problems(bad, cells, rows, (where, k), columns, bool(whole))
    if problems:
        raise CompileError(problems[:_SHOWN])
    table = np.stack(parts, axis=1)
    return table.astype(np.int64) if all_whole and whole is not False and np.abs(table).max() < 2**53 else table


def _problems(
    bad: list[int], cells: list[str], rows: list[Row], place: tuple[str, int], columns: Columns, whole: bool
) -> list[Diagnostic]:
    """The cells that cannot be taken, one by one; words once for their column."""
    found: list[Diagnostic] = []
    name, words = columns.names[place[1]], dict(columns.features)[place[1]]
    for i in bad:
        cell, why, hint = cells[i], "", "remove the row, or fill the gap"
        what = f"{cell!r} is not a finite number"
        value = number(cell)
        if words:
            what, hint = f"{cell!r} is none of the column's words", "|".join(words)
        elif value is not None and math.isfinite(value):
            what, hint = f"{cell!r} is not a whole number", "write the whole numbers above with a point: 3.0"
            why = "the samples before are whole numbers, which an input takes for its integers"
        elif cell.lower() in GAPS:
            pass
        elif value is None and _COMMA.fullmatch(cell):
            hint = f"{option('table', 'decimal=comma')} where 1,5 means 1.5"
        elif value is None and 2 * len(bad) < len(cells):
            hint = "correct the cell; the others of the column are numbers"
        elif value is None:
            others = sorted({c for c in cells if number(c) is None and c.lower() not in GAPS})
            listed = "|".join(others[:12]) + ("|..." if len(others) > 12 else "")
            why = f"the column holds {len(others)} different words" if len(others) > 1 else "it is a word"
            hint = f"{option('table', f'target={name}')} if these are the labels; " if columns.target is None else ""
            hint += (
                f"encode it as a number: {option('table', f'onehot={name}:{listed}')} makes a feature of each word; "
            )
            hint += f"{option('table', f'drop={name}')} leaves the column out"
        found.append(Diagnostic(what, f"{place[0]}, column {name!r}, row {rows[i][0]}", why, hint))
        if "onehot" in hint or words:
            break
    return found
