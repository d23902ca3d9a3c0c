"""Tables: which columns are features, and which one holds the labels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Note, silent
from threshc.sim.data import formats
from threshc.sim.data.cells import Columns, numbers_of
from threshc.sim.data.formats import TARGETS, Block
from threshc.sim.data.options import TableOptions
from threshc.sim.data.text import open_rows

_INDEX = ("", "unnamed: 0", "__index_level_0__")
"""Names, in small letters, of a first column of row numbers: as pandas writes it, reads that again, and in Parquet."""


Last = bool | Literal["only"]
"""Where labels are that no name tells: nowhere, in the last column, or in the only one, several being refused."""


def choose(names: tuple[str, ...], named: bool, where: str, options: TableOptions, last: bool, note: Note) -> Columns:
    """Features and target of a table. last: the last column is the target where none is named so.

    A first column without a name, as pandas writes the row numbers, is left out, and that is said.
    """
    dropped = {_position(name, names, where, "drop") for name in options.drop}
    if named and len(names) > 1 and names[0].lower() in _INDEX and 0 not in dropped and options.target != names[0]:
        note(f"{where}: the first column has no name and is left out, as a number of rows (pandas: index=False)")
        dropped.add(0)
    target = target_of(names, named, where, options, last)
    if target is not None and target in dropped:
        raise fail(f"the column {names[target]!r} is both dropped and the target", where=f"{option('table')}, {where}")
    words = {_position(name, names, where, "onehot"): found for name, found in options.onehot.items()}
    features = tuple((k, words.get(k, ())) for k in range(len(names)) if k != target and k not in dropped)
    if not features:
        raise fail("the file holds one column only", where=where, why="features and a label are needed")
    if target is not None and target != target_of(names, named, where, options, False):
        other = f"{option('target', 'NAME')} for another"
        note(f"{where}: the last column, {names[target]!r}, is taken for the labels ({other})")
    return Columns(names, features, target)


def target_of(names: tuple[str, ...], named: bool, where: str, options: TableOptions, last: Last) -> int | None:
    """Returns where the labels are: in the column that is said, or is named target, class, label or y, else as
    `last` says. Raises CompileError where that leaves several."""
    if options.target is not None:
        return _position(options.target, names, where, "target")
    lower = [name.lower() for name in names] if named else []
    found = [lower.index(name) for name in TARGETS if name in lower]
    if found or not last:
        return found[0] if found else None
    if last == "only":
        return _only(names, named, where, options)
    return len(names) - 1


def _only(names: tuple[str, ...], named: bool, where: str, options: TableOptions) -> int:
    """The column beside the row numbers and what is dropped."""
    left = [k for k, name in enumerate(names) if name not in options.drop]
    if named and len(left) > 1 and names[left[0]].lower() in _INDEX:
        left = left[1:]
    if len(left) != 1:
        shown = ", ".join(names[k] for k in left[:20])
        why = f"none of its {len(left)} columns ({shown}) is named {', '.join(TARGETS[:-1])} or {TARGETS[-1]}"
        raise fail(
            "which column holds the labels is not known", where=where, why=why, hint=option("table", "target=NAME")
        )
    return left[0]


def _position(name: str, names: tuple[str, ...], where: str, key: str) -> int:
    if name in names:
        return names.index(name)
    told = option("target") if key == "target" else f"{option('table')} {key}"
    raise fail(f"there is no column {name!r}", where=f"{told}, {where}", hint=_one_of(names))


def _one_of(names: tuple[str, ...]) -> str:
    """What to try instead: the first columns that have a name."""
    known = [name for name in names if name]
    return f"one of {', '.join(known[:20])}" + (", .." if len(known) > 20 else "")


class Part(NamedTuple):
    """Some rows of a table: its columns, their features (n, d), and how many rows there are where that is known."""

    columns: Columns
    x: Block
    total: int | None


def table_parts(path: Path, options: TableOptions, note: Note, last: bool) -> Iterator[Part]:
    """Yields the rows of a text, many at a time. Features are int64 where the first part holds whole numbers only, else
    float64, which encodings take differently. The labels' column is left out; see `label_cells`."""
    with open_rows(path, options, note) as table:
        columns = choose(table.names, table.named, str(path), options, last, note)
        step = formats.rows_per_block((len(columns.feature_names),), 8)
        whole: bool | None = None
        while rows := list(islice(table.rows, step)):
            x = numbers_of(rows, columns, str(path), options.decimal, whole)
            whole = x.dtype.kind == "i"
            yield Part(columns, x, None)
        if whole is None:
            raise fail("the file holds no samples", where=str(path))


def label_cells(path: Path, options: TableOptions, last: Last) -> list[tuple[int, str]]:
    """Returns the line and text of the labels of a text, [] where no column holds them."""
    with open_rows(path, options, silent) as table:
        k = target_of(table.names, table.named, str(path), options, last)
        return [] if k is None else [(line, row[k].strip()) for line, row in table.rows]
