"""Tables to train on: .csv, .tsv, and what `threshc.samples` reads; errors by column and row."""

from __future__ import annotations

import csv
import gzip
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TARGETS = ("target", "class", "label", "y")
_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """x: (n, d) finite float64. y: (n,) labels, integers or strings. names: of the d columns.

    shape, dtype: of a sample as it is in a file of arrays; (d,) and float64 of a text.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


def read_table(data: Path, labels: Path | None, target: str | None) -> Table:
    """Samples with labels. labels: a file of their own. target: the labels' column in a .csv, by name or number from 0;
    default the column named target, class, label or y, else the last.

    Raises CompileError for files that cannot be read, cells that are no finite numbers, ragged rows and a single class.
    """
    import numpy as np

    table = _from_text(data, target) if _is_text(data) else _from_arrays(data, labels)
    classes = np.unique(table.y)
    if len(classes) < 2:
        said = f"all {len(table.y)} labels are {str(classes[0])!r}"
        raise fail(said, where=str(labels or data), why="a classifier needs at least two classes")
    return table


def _is_text(path: Path) -> bool:
    return any(suffix in (".csv", ".tsv", ".txt") for suffix in path.suffixes)


def _from_arrays(data: Path, labels: Path | None) -> Table:
    import numpy as np

    from threshc.cli.data import samples_and_labels

    x, y = samples_and_labels(data, labels)
    if x is None or y is None:
        hint = "--labels FILE, or an .npz with x and y"
        raise fail("there are no labels to train with", where=str(data), hint=hint)
    if x.dtype.kind not in "biuf":
        raise fail(f"samples are of type {x.dtype}", where=str(data), why="numbers are needed")
    flat = x.reshape(len(x), -1).astype(np.float64)
    names = tuple(str(k) for k in range(flat.shape[1]))
    bad = np.argwhere(~np.isfinite(flat))
    if len(bad):
        raise CompileError([_cell(data, names[c], int(r), str(flat[r, c])) for r, c in bad[:_SHOWN].tolist()])
    return Table(flat, y, names, x.shape[1:], x.dtype)


def _from_text(path: Path, target: str | None) -> Table:
    import numpy as np

    rows = _rows(path)
    first_row = 1
    names = tuple(str(k) for k in range(len(rows[0])))
    if not any(_number(cell) is not None for cell in rows[0]):
        names, rows, first_row = tuple(cell.strip() for cell in rows[0]), rows[1:], 2
    if not rows:
        raise fail("the file holds no samples", where=str(path))
    for k, row in enumerate(rows):
        if len(row) != len(names):
            said = f"a row has {len(row)} columns, {len(names)} are expected"
            raise fail(said, where=f"{path}, row {k + first_row}")
    column = _target(path, names, target)
    features = [k for k in range(len(names)) if k != column]
    if not features:
        raise fail("the file holds one column only", where=str(path), why="features and a label are needed")
    numbers = [[_number(row[k]) for k in features] for row in rows]
    problems = [
        _cell(path, names[features[c]], r + first_row, rows[r][features[c]])
        for r, row in enumerate(numbers)
        for c, value in enumerate(row)
        if value is None or not math.isfinite(value)
    ]
    if problems:
        raise CompileError(problems[:_SHOWN])
    y = [row[column].strip() for row in rows]
    empty = next((r for r, label in enumerate(y) if not label or label.lower() == "nan"), None)
    if empty is not None:
        raise fail("a label is missing", where=f"{path}, column {names[column]!r}, row {empty + first_row}")
    values = [_number(label) for label in y]
    whole = [int(v) for v in values if v is not None and v == math.trunc(v)]
    chosen = np.array(whole) if len(whole) == len(y) else np.array(y)
    kept = tuple(names[k] for k in features)
    return Table(np.array(numbers, np.float64), chosen, kept, (len(kept),), np.dtype(np.float64))


def _rows(path: Path) -> list[list[str]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise fail("the file cannot be read", where=str(path), why=str(error)) from None
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error as error:
        raise fail("the file cannot be read", where=str(path), why=str(error)) from None
    if not rows:
        raise fail("the file is empty", where=str(path))
    return rows


def _target(path: Path, names: tuple[str, ...], target: str | None) -> int:
    if target is None:
        lower = [name.lower() for name in names]
        return next((lower.index(name) for name in _TARGETS if name in lower), len(names) - 1)
    if target in names:
        return names.index(target)
    raise fail(f"there is no column {target!r}", where=f"--target, {path}", hint=", ".join(names[:20]))


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _cell(path: Path, column: str, row: int, cell: str) -> Diagnostic:
    hint = "remove the row, or fill the gap" if not cell.strip() or cell.lower() == "nan" else "encode it as a number"
    return Diagnostic(f"{cell.strip()!r} is no finite number", f"{path}, column {column!r}, row {row}", "", hint)
