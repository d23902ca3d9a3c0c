"""Arrays in files, block by block: .npy through a mapping, members of .npz, and the idx format of MNIST."""

from __future__ import annotations

import gzip
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast
from zipfile import ZipFile

import numpy as np

from threshc.compiler.bounded import MAX_ARRAY, npy_header, open_regular, read_npy
from threshc.compiler.diagnostics import fail
from threshc.sim.data import formats
from threshc.sim.data.formats import HINT, Block, Blocks
from threshc.sim.data.mapped import mapped_blocks

_IDX = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
Check = Callable[[tuple[int, ...], np.dtype[np.generic], str], None]


def npy_blocks(path: Path, check: Check) -> Blocks:
    """Yields the array of a .npy file; never in memory as a whole unless it is stored column by column."""
    with open_regular(path) as file:
        shape, fortran, dtype = npy_header(file, str(path))
        check(shape, dtype, str(path))
        if fortran and len(shape) > 1:
            file.seek(0)
            yield from _pieces(read_npy(file, str(path), size=os.fstat(file.fileno()).st_size))
            return
        for block in mapped_blocks(file, shape, dtype, formats.rows_per_block(shape[1:], dtype.itemsize)):
            yield block.astype(dtype.newbyteorder("="), copy=False), shape[0]


def npz_blocks(path: Path, names: tuple[str, ...], option: str, check: Check) -> Blocks:
    """Yields the array of an .npz under the first of `names` that is there, else its only array."""
    with open_regular(path) as plain, ZipFile(plain) as archive:
        found = members(archive)
        chosen = next((n for n in names if n in found), found[0] if len(found) == 1 else None)
        if chosen is None:
            raise fail(
                f"the file holds no array named {', '.join(names)}",
                where=f"{option} {path}",
                why="it holds " + (", ".join(found) or "nothing"),
                hint="name the array so, or save it alone in a .npy file",
            )
        where = f"{path}, array {chosen!r}"
        with archive.open(f"{chosen}.npy") as file:
            shape, fortran, dtype = npy_header(file, where)
            check(shape, dtype, where)
            if not fortran or len(shape) < 2:
                yield from _rows(file, shape, dtype)
                return
        with archive.open(f"{chosen}.npy") as file:
            yield from _pieces(read_npy(file, where, limit=MAX_ARRAY))


def members(archive: ZipFile) -> list[str]:
    """Returns the names of an .npz' arrays."""
    return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]


def idx_blocks(path: Path, packed: bool, check: Check) -> Blocks:
    """Yields the array of an idx file, plain or gzipped; its numbers are big-endian."""
    with plain_or_gzip(path, packed) as file:
        head = _read(file, 4)
        if head[:2] != b"\0\0" or head[2] not in _IDX:
            raise fail("the file's format is not known", where=str(path), hint=HINT)
        shape = tuple(int(n) for n in np.frombuffer(_read(file, 4 * head[3]), ">u4"))
        dtype = np.dtype(_IDX[head[2]])
        check(shape, dtype, str(path))
        yield from _rows(file, shape, dtype)
        if file.read(1):
            raise fail(f"the idx file states shape {shape} and holds more", where=str(path), why="it is damaged")


@contextmanager
def plain_or_gzip(path: Path, packed: bool) -> Iterator[IO[bytes]]:
    """Yields the bytes of a regular file, unpacked as they are read."""
    with open_regular(path) as file:
        if packed:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield file


def _pieces(array: Block) -> Blocks:
    step = formats.rows_per_block(array.shape[1:], array.itemsize)
    for first in range(0, len(array), step):
        yield array[first : first + step], len(array)


def _read(file: IO[bytes], size: int) -> bytes:
    """Exactly so many bytes."""
    parts = []
    while size and (part := file.read(min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    if size:
        raise EOFError("it is damaged or truncated")
    return b"".join(parts)


def _rows(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Blocks:
    """Blocks of an array of a shape whose elements lie one after the other from here on."""
    total, sample = shape[0], shape[1:]
    step = formats.rows_per_block(sample, dtype.itemsize)
    for first in range(0, total, step):
        count = min(step, total - first)
        data = np.frombuffer(_read(file, count * math.prod(sample) * dtype.itemsize), dtype)
        yield data.reshape(count, *sample).astype(dtype.newbyteorder("="), copy=False), total
