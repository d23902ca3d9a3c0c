"""The text of a table as rows of cells: encoding, delimiter, and whether the first line holds names."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Note
from threshc.sim.data.arrays import plain_or_gzip
from threshc.sim.data.formats import TARGETS
from threshc.sim.data.options import TableOptions

_LOOKED_AT = 100  # lines from which delimiter and names are found out
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NUMBERED = 4  # so many columns 0, 1, 2, .. in the first line are names; fewer could be a sample
_LONGEST = 1 << 24
_SHOWN = 10  # columns named in a message
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE | re.ASCII)
GAPS = ("", "nan", "na", "n/a", "null", "none", "?", "-", "#n/a", "<na>")
"""Cells, in small letters, that say that there is no value."""


@dataclass(frozen=True, slots=True)
class Rows:
    """names: of the columns, numbers from 0 where there are none. named: whether the file says them. rows: (line in the
    file, cells), as many cells as names."""

    names: tuple[str, ...]
    named: bool
    rows: Iterator[tuple[int, list[str]]]


@contextmanager
def open_rows(path: Path, options: TableOptions, note: Note) -> Iterator[Rows]:
    """Yields the rows of a table, one after the other; raises CompileError naming the line of what is not a table."""
    with open_lines(path) as text:
        yield rows_of(text, str(path), options, note)


@contextmanager
def open_lines(path: Path) -> Iterator[IO[str]]:
    """Yields the text of a file, plain or in gzip, UTF-8 or with a byte order mark."""
    with plain_or_gzip(path, False) as file:
        packed = file.read(2) == b"\x1f\x8b"
    with plain_or_gzip(path, packed) as file:
        head = file.read(4)
    name = next((name for mark, name in _BOMS if head.startswith(mark)), "utf-8")
    with plain_or_gzip(path, packed) as file:
        reader = io.TextIOWrapper(file, name, newline="")
        try:
            yield reader
        except UnicodeDecodeError as error:
            why = f"byte {error.object[error.start]:#04x} is not {name.removesuffix('-sig')}"
            hint = "save it as UTF-8 (iconv -f windows-1252 -t utf-8)"
            raise fail("the file is not text in a known encoding", where=str(path), why=why, hint=hint) from None
        finally:
            reader.detach()


def rows_of(text: IO[str], where: str, options: TableOptions, note: Note) -> Rows:
    """Returns the rows of a text."""
    head = list(islice(_lines(text, where), _LOOKED_AT))
    if not any(line.strip() for line in head):
        raise fail("the file is empty", where=where)
    delimiter = _delimiter(head)
    cells = _cells(chain(head, _lines(text, where)), delimiter, where)
    first = list(islice(cells, _LOOKED_AT))
    if not first:
        raise fail("the file is empty", where=where)
    top = [cell.strip() for cell in first[0][1]]
    decimal = options.decimal
    named = _are_names(top, [row for _, row in first[1:]], decimal) if options.header is None else options.header
    if named and all(is_number(c, decimal) for c in top) and options.header is None:
        first_line = f"the first line, {top[0]}, {top[1]}, .., {top[-1]}, is taken for the columns' names"
        note(f"{where}: {first_line} ({option('table', 'header=no')})")
    names = tuple(top) if named else tuple(str(k) for k in range(len(top)))
    count = Counter(names)
    twice = next((n for n in names if n and count[n] > 1), None)
    if twice is not None:
        places = [str(k + 1) for k, n in enumerate(names) if n == twice]
        said = f"{len(places)} columns have the name {twice!r}"
        more = ", .." if len(places) > _SHOWN else ""
        there = f"{where}, columns {', '.join(places[:_SHOWN])}{more}"
        raise fail(said, where=there, hint="give every column a name of its own")
    rest = chain(first[1:] if named else first, cells)
    return Rows(names, named, _same_width(rest, len(names), where))


def is_number(cell: str, decimal: str = ".") -> bool:
    """Returns whether a cell is a number, as `number` takes it."""
    return number(cell, decimal) is not None


def number(cell: str, decimal: str = ".") -> float | None:
    """Returns the number in a cell, with a decimal point or, where that is said, comma; True and False are 1 and 0."""
    text = cell.strip()
    if decimal == ",":
        text = text.replace(",", ".", 1) if "." not in text else "no"
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"true": 1.0, "false": 0.0}.get(text.lower())


def _lines(text: IO[str], where: str) -> Iterator[str]:
    while line := text.readline(_LONGEST):
        if len(line) >= _LONGEST or "\0" in line:
            why = "it holds a zero byte" if "\0" in line else f"a line has more than {_LONGEST} characters"
            raise fail("the file is not a table", where=where, why=why)
        yield line


def _delimiter(head: list[str]) -> str:
    """The mark that splits all lines alike; tabs before semicolons before commas before blanks."""
    full = [line for line in head if line.strip()]
    candidates = [d for d in ("\t", ";", ",") if d in full[0]] or [" "]
    for d in candidates:
        widths = {len(row) for row in csv.reader(full[:-1] or full, delimiter=d) if row}
        if len(widths) == 1 and widths != {1}:
            return d
    return max(candidates, key=full[0].count)


def _cells(lines: Iterator[str], delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    blanks = delimiter == " "
    reader = csv.reader(
        (line.strip() + "\n" for line in lines) if blanks else lines, delimiter=delimiter, skipinitialspace=True
    )
    line = 1
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise fail("the file cannot be read", where=f"{where}, row {line}", why=str(error)) from None


def _same_width(rows: Iterator[tuple[int, list[str]]], width: int, where: str) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) != width:
            said = f"a row has {len(row)} columns, {width} are expected"
            hint = "R writes names of rows so: write.csv(x, row.names = FALSE)" if len(row) == width + 1 else ""
            raise fail(said, where=f"{where}, row {line}", why="the first line has so many", hint=hint)
        yield line, row


def _are_names(top: list[str], rows: list[list[str]], decimal: str) -> bool:
    """Whether a first line holds names. It does where a number stands below a word; a word alone, as the class of
    a sample, is none. Names may be numbers: 0, 1, 2, .. as pandas gives them."""
    words = [k for k, cell in enumerate(top) if not is_number(cell, decimal)]
    if len(words) == len(top):
        return True
    rest = [int(c) for k, c in enumerate(top) if k not in words and c.isdigit()]
    counted = len(rest) + len(words) == len(top) and rest in ([*range(len(rest))], [*range(1, len(rest) + 1)])
    if not words:
        return counted and len(top) >= _NUMBERED
    if counted and all(top[k].lower() in ("", *TARGETS) for k in words):
        return True
    below = [row for row in rows if len(row) == len(top)]
    numbers = [k for k in words if top[k].lower() not in GAPS or not top[k]]
    return any(all(is_number(row[k], decimal) for row in below) and below for k in numbers)
