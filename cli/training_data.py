"""Tables to train on: what `threshc.sim.data` reads, with labels that may be words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from threshc.sim.data.options import TableOptions

_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """x: (n, d) finite float64. y: (n,) labels, integers or strings. names: of the d columns.

    shape, dtype: of a sample as it is in a file of arrays; (d,) and float64 of a table.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


def read_table(data: Path, labels: Path | None, target: str | None, table: str | None = None) -> Table:
    """Samples with labels. labels: a file of their own. target: the labels' column of a table, by name or number; by
    default the column named target, class, label or y, else the last. table: the text of `--table`.

    Raises CompileError for files that cannot be read, cells that are not finite numbers, ragged rows and a single
    class.
    """
    import numpy as np

    from threshc.sim.data.blocks import kind, readable
    from threshc.sim.data.options import parse_table_options

    options = parse_table_options(table, target)
    with readable(data):
        found = kind(data)
        made = (
            _from_table(data, found, labels, options)
            if found in ("table", "parquet")
            else _from_arrays(data, labels, options)
        )
    if len(made.x) != len(made.y):
        raise fail(f"there are {len(made.x)} samples and {len(made.y)} labels", where=str(labels or data))
    classes = np.unique(made.y)
    if len(classes) < 2:
        said = f"all {len(made.y)} labels are {str(classes[0])!r}"
        raise fail(said, where=str(labels or data), why="a classifier needs at least two classes")
    return made


def own_shape(table: Table) -> Table:
    """Returns the table with samples in the shape and, if these are integers, the type of their file."""
    x = table.x.astype(table.dtype if table.dtype.kind in "iub" else "float64")
    return replace(table, x=x.reshape(len(x), *table.shape))


def real_targets(table: Table) -> Table:
    """Returns the table with its labels as real numbers. Raises CompileError by row for others."""
    import numpy as np

    values = np.zeros(len(table.y))
    for row, label in enumerate(table.y.tolist()):
        try:
            values[row] = float(label)
        except ValueError:
            raise fail(f"the target {label!r} is not a number", where=f"sample {row + 1}") from None
        if not np.isfinite(values[row]):
            raise fail(f"the target {label!r} is not finite", where=f"sample {row + 1}")
    return replace(table, y=values)


def _from_arrays(data: Path, labels: Path | None, options: TableOptions) -> Table:
    import numpy as np

    from threshc.cli.data import labels_of
    from threshc.sim.data.whole import read_samples

    x, y = read_samples(data), labels_of(data, labels, options)
    if y is None:
        hint = "--labels FILE, or an .npz with x and y"
        raise fail("there are no labels to train with", where=str(data), hint=hint)
    flat = x.reshape(len(x), -1).astype(np.float64)
    names = tuple(str(k) for k in range(flat.shape[1]))
    bad = np.argwhere(~np.isfinite(flat))
    if len(bad):
        hint = "remove the row, or fill the gap"
        places = [(str(flat[r, c]), f"{data}, column {names[c]!r}, row {r}") for r, c in bad[:_SHOWN].tolist()]
        raise CompileError([Diagnostic(f"{cell!r} is not a finite number", where, "", hint) for cell, where in places])
    return Table(flat, y, names, x.shape[1:], x.dtype)


def _from_table(path: Path, found: str, labels: Path | None, options: TableOptions) -> Table:
    import numpy as np

    from threshc.cli.data import samples_options
    from threshc.cli.progress import note
    from threshc.sim.data.blocks import parts
    from threshc.sim.data.whole import label_cells, read_labels

    read = list(parts(path, found, samples_options(options, labels), note, labels is None))
    x = np.concatenate([part.x for part in read]).astype(np.float64)
    names = read[0].columns.feature_names
    if labels is not None:
        return Table(x, read_labels(labels, options=options), names, (len(names),), np.dtype(np.float64))
    column = read[0].columns.names[read[0].columns.target or 0]
    cells = label_cells(path, found, options, last=True)
    empty = next((line for line, label in cells if not label or label.lower() == "nan"), None)
    if empty is not None:
        raise fail("a label is missing", where=f"{path}, column {column!r}, row {empty}")
    return Table(x, _labels([label for _, label in cells]), names, (len(names),), np.dtype(np.float64))


def _labels(cells: list[str]) -> NDArray[np.generic]:
    """Labels as integers where all are whole numbers, else as the words that they are."""
    import numpy as np

    from threshc.sim.data.text import number

    values = [number(cell) for cell in cells]
    whole = [int(v) for v in values if v is not None and math.isfinite(v) and v == math.trunc(v)]
    words = any(cell.lower() in ("true", "false") for cell in cells)
    return np.array(whole) if len(whole) == len(cells) and not words else np.array(cells)
