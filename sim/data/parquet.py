"""Parquet files, batch by batch; their columns are taken by the rules of tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from threshc.compiler.bounded import open_regular
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Note
from threshc.sim.data import formats
from threshc.sim.data.formats import Block
from threshc.sim.data.options import TableOptions
from threshc.sim.data.table import Last, Part, choose, target_of

_PAGE = 1 << 16


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import pyarrow.parquet as parquet  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise fail("reading Parquet needs pyarrow", where=str(path), hint="pip install pyarrow") from None
    with open_regular(path) as opened, parquet.ParquetFile(opened, pre_buffer=False, buffer_size=_PAGE) as file:
        yield file


def parquet_labels(path: Path, options: TableOptions, last: Last) -> list[tuple[int, str]]:
    """Returns the number from 1 and text of the labels of a file, [] where no column holds them."""
    with _opened(path) as file:
        names = tuple(file.schema_arrow.names)
        k = target_of(names, True, str(path), options, last)
        if k is None:
            return []
        values = file.read(columns=[names[k]]).column(0).to_pylist()
        return [(n, "" if value is None else str(value)) for n, value in enumerate(values, 1)]


def parquet_parts(path: Path, options: TableOptions, note: Note, last: bool) -> Iterator[Part]:
    """Yields the rows of a file, many at a time. Raises CompileError naming column and sample of a missing value, and
    columns of words."""
    try:
        with _opened(path) as file:
            total = int(file.metadata.num_rows)
            names = tuple(file.schema_arrow.names)
            columns = choose(names, True, str(path), options, last, note)
            first, step = 0, formats.rows_per_block((len(names),), 8)
            for batch in file.iter_batches(batch_size=step):  # not a whole row group at a time
                made = [_column(path, batch, names[k], words, first) for k, words in columns.features]
                block = np.concatenate(made, axis=1)
                formats.check(block.shape, block.dtype, str(path))
                yield Part(columns, block, total)
                first += len(block)
    except ArithmeticError as error:
        raise fail("the file cannot be read", where=str(path), why=str(error)) from None
    if not first:
        raise fail("the file holds no samples", where=str(path))


def _column(path: Path, batch: Any, name: str, words: tuple[str, ...], first: int) -> Block:
    column = batch.column(batch.schema.get_field_index(name))
    where = f"{path}, column {name!r}"
    if column.null_count:
        missing = first + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise fail(f"sample {missing} has no value in column {name!r}", where=str(path), hint="fill the gap")
    values: Block = column.to_numpy(zero_copy_only=False)
    if words:
        unknown = np.flatnonzero(~np.isin(values.astype(str), words))
        if len(unknown):
            said = f"{str(values[unknown[0]])!r} is none of the column's words"
            raise fail(said, where=f"{where}, sample {first + unknown[0]}", hint="|".join(words))
        return np.stack([(values.astype(str) == word).astype(np.uint8) for word in words], axis=1)
    if values.dtype.kind not in "biuf":
        hint = (
            f"{option('table', f'onehot={name}:WORD|WORD')} makes a feature of each word; "
            f"{option('table', f'drop={name}')} leaves it out"
        )
        raise fail(f"the column holds {column.type}, numbers are needed", where=where, hint=hint)
    return values[:, None]
