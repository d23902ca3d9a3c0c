"""Samples from files of any size, block by block: what is in memory at a time does not grow with the file.

`.npy`, `.npz` (stored or compressed), idx, tables (.csv, .tsv, .txt) and these in gzip, `.parquet` (needs pyarrow), and
folders of images (needs Pillow; sorted by name). Everything is refused by sample rather than repaired.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

from threshc.compiler.bounded import open_regular
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Note
from threshc.sim.data.arrays import idx_blocks, npy_blocks, npz_blocks
from threshc.sim.data.formats import HINT, SAMPLES, Blocks, check, warn
from threshc.sim.data.images import image_blocks
from threshc.sim.data.options import TableOptions
from threshc.sim.data.table import Part, table_parts

_TABLES = (".csv", ".tsv", ".txt", ".tab", ".dat")


def blocks(
    path: str | Path, limit: int | None = None, *, options: TableOptions | None = None, note: Note = warn
) -> Blocks:
    """Yields the samples of a file or folder in order, (n, ...) at a time, with the number of all samples where it is
    known.

    limit: take the first so many. options: how to read a table. note is told what was left out of one. Raises
    CompileError for what is missing, damaged, truncated or of another format, and for rows of a wrong width.
    """
    path = Path(path)
    left = limit
    with readable(path):
        for block, total in _open(path, options or TableOptions(), note):
            if left is not None:
                block, total = block[:left], min(total, limit or 0) if total is not None else None
                left -= len(block)
            yield block, total
            if left == 0:
                return


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Errors of reading as the one that users see."""
    try:
        yield
    except (OSError, EOFError, ValueError, BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise fail("the file cannot be read", where=str(path), why=text, hint=HINT) from None


def kind(path: Path) -> str:
    """Returns the format of a file: folder, table, parquet, npy, npz, idx, idx.gz. Raises CompileError for
    others."""
    if os.path.isdir(path):
        return "folder"
    with open_regular(path) as file:
        head = file.read(6)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK"):
        return "npz"
    if any(suffix.lower() in _TABLES for suffix in path.suffixes):
        return "table"
    if head.startswith(b"\x1f\x8b"):
        return "idx.gz"
    if head.startswith(b"\0\0"):
        return "idx"
    what = "the file is empty" if not head else "the file's format is not known"
    raise fail(what, where=str(path), hint=HINT)


def _open(path: Path, options: TableOptions, note: Note) -> Blocks:
    match kind(path):
        case "folder":
            return image_blocks(path)
        case "table" | "parquet" as found:
            return ((part.x, part.total) for part in parts(path, found, options, note, False))
        case "npy":
            return npy_blocks(path, check)
        case "npz":
            return npz_blocks(path, SAMPLES, option("data"), check)
        case found:
            return idx_blocks(path, found == "idx.gz", check)


def parts(path: Path, found: str, options: TableOptions, note: Note, last: bool) -> Iterator[Part]:
    """Returns the parts of a table of a kind, text or Parquet."""
    if found == "table":
        return table_parts(path, options, note, last)
    from threshc.sim.data.parquet import parquet_parts

    return parquet_parts(path, options, note, last)
