"""Samples and labels of a file as arrays, by the rules of `blocks`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.bounded import open_regular
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Note
from threshc.sim.data.arrays import idx_blocks, members, npy_blocks, npz_blocks
from threshc.sim.data.blocks import blocks, kind, readable
from threshc.sim.data.formats import HINT, LABELS, Block, warn
from threshc.sim.data.options import TableOptions
from threshc.sim.data.table import Last
from threshc.sim.data.table import label_cells as text_labels
from threshc.sim.data.text import number


def read_samples(
    path: str | Path, limit: int | None = None, *, options: TableOptions | None = None, note: Note = warn
) -> Block:
    """Returns samples (N, ...) of a file; of an .npz the array named x, X, inputs, images or data, or its only array;
    of a table all columns but the labels'.

    Raises CompileError for files that are missing, damaged or of another format.
    """
    parts = [block for block, _ in blocks(path, limit, options=options, note=note)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def read_labels(path: str | Path, *, options: TableOptions | None = None) -> NDArray[np.int64]:
    """Labels (N,) of a file of their own; of an .npz the array named y, labels, true or target, or its only array; of a
    table the column that is named so, else the only one."""
    path = Path(path)
    with readable(path):
        match kind(path):
            case "folder":
                raise fail("labels are a file, not a folder", where=str(path), hint=HINT)
            case "table" | "parquet" as found_kind:
                return _integers(label_cells(path, found_kind, options or TableOptions(), last="only"), str(path))
            case "npy":
                found = [block for block, _ in npy_blocks(path, _any)]
            case "npz":
                found = [block for block, _ in npz_blocks(path, LABELS, option("labels"), _any)]
            case other:
                found = [block for block, _ in idx_blocks(path, other == "idx.gz", _any)]
    array: Block = np.concatenate(found) if found else np.zeros(0, np.int64)
    flat = array.reshape(-1)
    if array.size != len(array) or not np.isfinite(flat).all() or (flat != np.rint(flat)).any():
        said = f"labels have shape {array.shape} and dtype {array.dtype}"
        raise fail(said, where=str(path), why="(N,) integers are needed")
    return flat.astype(np.int64)


def labels_beside(
    path: str | Path, *, options: TableOptions | None = None, note: Note = warn
) -> NDArray[np.int64] | None:
    """Returns the labels that an .npz file or a table holds beside its samples, or None. Words are not labels of a
    network, which counts its classes; that is said."""
    path, options = Path(path), options or TableOptions()
    with readable(path):
        match kind(path):
            case "npz":
                with open_regular(path) as file, ZipFile(file) as archive:
                    names = members(archive)
                if len(names) < 2 or not any(n in names for n in LABELS):
                    return None
                return read_labels(path)
            case "table" | "parquet" as found:
                cells = label_cells(path, found, options, last=False)
                if not cells:
                    return None
                if not all(_is_whole(cell) for _, cell in cells):
                    said = "the labels are words and the model's classes are numbers, so no accuracy is counted"
                    note(f"{path}: {said}; state numbers by {option('labels')}")
                    return None
                return _integers(cells, str(path))
    return None


def label_cells(path: Path, found: str, options: TableOptions, *, last: Last) -> list[tuple[int, str]]:
    """Returns the line and text of the labels of a table of a kind (text, Parquet), see `target_of`; [] where there are
    none."""
    if found == "table":
        return text_labels(path, options, last)
    from threshc.sim.data.parquet import parquet_labels

    return parquet_labels(path, options, last)


def _any(shape: tuple[int, ...], dtype: np.dtype[np.generic], where: str) -> None:
    if not shape:
        raise fail("labels have shape (), (N,) is needed", where=where, hint="one integer for each sample")


def _is_whole(cell: str) -> bool:
    value = number(cell)
    return value is not None and value == np.rint(value) and abs(value) < 2**53


def _integers(cells: Sequence[tuple[int, str]], where: str) -> NDArray[np.int64]:
    for line, cell in cells:
        if not _is_whole(cell):
            raise fail(
                f"the label {cell!r} is not an integer", where=f"{where}, row {line}", why="classes have numbers"
            )
    return np.array([int(float(cell)) for _, cell in cells], np.int64)
