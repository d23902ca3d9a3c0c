"""Samples from files of any size, block by block: what is in memory at a time does not grow with the file.

`.npy`, `.npz` (stored or compressed), idx and idx.gz, `.csv` (numbers, with a header line or without), `.parquet`
(needs pyarrow), and folders of images (needs Pillow; sorted by name). Everything is refused by sample index rather
than repaired.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.sim.mapped import mapped_blocks

if TYPE_CHECKING:
    from PIL import Image

Block = NDArray[np.generic]

BLOCK_BYTES = 8 << 20
_PAGE = 1 << 16
NAMES = ("x", "X", "inputs", "input", "images", "data")
_IDX = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".gif", ".tif", ".tiff")
_HINT = ".npy, .npz, idx(.gz), .csv, .parquet or a folder of images"


def blocks(path: str | Path, limit: int | None = None) -> Iterator[tuple[Block, int | None]]:
    """The samples of a file or folder in order, (n, ...) at a time, with the number of all samples where it is known.

    Raises CompileError for what is missing, damaged, truncated or of another format, and for rows of a wrong width.
    """
    path = Path(path)
    try:
        left = limit
        for block, total in _open(path):
            if left is not None:
                block, total = block[:left], min(total, limit or 0) if total is not None else None
                left -= len(block)
            yield block, total
            if left == 0:
                return
    except (OSError, EOFError, ValueError, BadZipFile, zlib.error) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise fail("the file cannot be read", where=str(path), why=text, hint=_HINT) from None


def _open(path: Path) -> Iterator[tuple[Block, int | None]]:
    if path.is_dir():
        return _images(path)
    with open(path, "rb") as file:
        head = file.read(6)
    if path.suffix.lower() == ".csv":
        return _csv(path)
    if head.startswith(b"PAR1"):
        return _parquet(path)
    if head.startswith(b"\x93NUMPY"):
        return _npy_file(path)
    if head.startswith(b"PK"):
        return _npz(path)
    if head.startswith((b"\x1f\x8b", b"\0\0")):
        return _idx(path, head.startswith(b"\x1f\x8b"))
    raise fail("the file's format is not known", where=str(path), hint=_HINT)


def rows_per_block(shape: tuple[int, ...], itemsize: int) -> int:
    """Samples of a shape that make a block, whole planes of 512."""
    return max(512, BLOCK_BYTES // max(1, math.prod(shape) * itemsize) // 512 * 512)


def _read(file: IO[bytes], size: int) -> bytes:
    """Exactly so many bytes."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    if size:
        raise EOFError("it is truncated")
    return b"".join(parts)


def _rows(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Iterator[tuple[Block, int | None]]:
    """Blocks of an array of a shape whose elements lie one after the other from here on."""
    total, sample = shape[0], shape[1:]
    step = rows_per_block(sample, dtype.itemsize)
    for first in range(0, total, step):
        count = min(step, total - first)
        data = np.frombuffer(_read(file, count * math.prod(sample) * dtype.itemsize), dtype)
        yield data.reshape(count, *sample).astype(dtype.newbyteorder("="), copy=False), total


def _npy_file(path: Path) -> Iterator[tuple[Block, int | None]]:
    with open(path, "rb") as file:
        shape, dtype = _npy_header(file, str(path))
        for block in mapped_blocks(file, shape, dtype, rows_per_block(shape[1:], dtype.itemsize)):
            yield block.astype(dtype.newbyteorder("="), copy=False), shape[0]


def _npy_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    major, _ = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    _check(shape, dtype, where)
    if fortran and len(shape) > 1:
        raise fail("the array is stored column by column", where=where, hint="save np.ascontiguousarray(x)")
    return shape, dtype


def _check(shape: tuple[int, ...], dtype: np.dtype[np.generic], where: str) -> None:
    if dtype.kind not in "biuf":
        raise fail(f"samples have dtype {dtype}, numbers are needed", where=where)
    if len(shape) < 2 or not shape[0]:
        raise fail(f"samples have shape {shape}, (N, features) is needed", where=where)


def _npz(path: Path) -> Iterator[tuple[Block, int | None]]:
    with ZipFile(path) as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        chosen = next((n for n in NAMES if n in names), names[0] if len(names) == 1 else None)
        if chosen is None:
            raise fail(
                f"the file holds no array named {', '.join(NAMES)}",
                where=f"--data {path}",
                why="it holds " + (", ".join(names) or "nothing"),
                hint="name the array so, or save it alone in a .npy file",
            )
        with archive.open(f"{chosen}.npy") as file:
            yield from _rows(file, *_npy_header(file, f"{path}, array {chosen}"))


@contextmanager
def _plain_or_gzip(path: Path, packed: bool) -> Iterator[IO[bytes]]:
    if packed:
        with gzip.open(path, "rb") as unpacked:
            yield cast("IO[bytes]", unpacked)
        return
    with open(path, "rb") as file:
        yield file


def _idx(path: Path, packed: bool) -> Iterator[tuple[Block, int | None]]:
    with _plain_or_gzip(path, packed) as file:
        head = _read(file, 4)
        if head[:2] != b"\0\0" or head[2] not in _IDX:
            raise fail("the file's format is not known", where=str(path), hint=_HINT)
        shape = tuple(int(n) for n in np.frombuffer(_read(file, 4 * head[3]), ">u4"))
        dtype = np.dtype(_IDX[head[2]])
        _check(shape, dtype, str(path))
        yield from _rows(file, shape, dtype)
        if file.read(1):
            raise fail(f"the idx file states shape {shape} and holds more", where=str(path), why="it is damaged")


def _csv(path: Path) -> Iterator[tuple[Block, int | None]]:
    """int64 where the first block holds whole numbers only, else float64: the encoding takes them differently."""
    with open(path, encoding="utf-8") as file:
        head = file.readline()
        width, lines = head.count(",") + 1, [head] if _is_numbers(head) else []
        first, step = 0, rows_per_block((width,), 8)
        whole: bool | None = None
        while True:
            lines += [line for line in islice(file, step - len(lines)) if line.strip()]
            if not lines:
                break
            if whole is None:
                whole = _whole(lines) is not None
            yield _table(lines, width, first, whole, path), None
            first += len(lines)
            lines = []
        if not first:
            raise fail("the file holds no samples", where=str(path))


def _is_numbers(line: str) -> bool:
    try:
        [float(text) for text in line.split(",")]
    except ValueError:
        return False
    return True


def _whole(lines: list[str]) -> Block | None:
    """The lines as int64, None if they are not whole numbers of one width."""
    try:
        return np.array([line.split(",") for line in lines]).astype(np.int64)
    except ValueError:
        return None


def _table(lines: list[str], width: int, first: int, whole: bool, path: Path) -> Block:
    """Samples from `first` on; names the first one that is not like the others."""
    found = _whole(lines) if whole else None
    if found is not None and found.shape[1] == width:
        return found
    table = np.empty((len(lines), width), np.int64 if whole else np.float64)
    for k, line in enumerate(lines):
        texts = line.split(",")
        if len(texts) != width:
            said = f"sample {first + k} has {len(texts)} columns, {width} are needed"
            raise fail(said, where=str(path), why="the first line has so many")
        for j, text in enumerate(texts):
            try:
                table[k, j] = int(text) if whole else float(text)
            except (ValueError, OverflowError):
                said = f"sample {first + k}, column {j} is {text.strip()!r}"
                why = "the samples before are whole numbers" if whole else "it is not a number"
                raise fail(said, where=str(path), why=why) from None
    return table


def _parquet(path: Path) -> Iterator[tuple[Block, int | None]]:
    try:
        import pyarrow.parquet as parquet  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise fail("reading Parquet needs pyarrow", where=str(path), hint="pip install pyarrow") from None
    with parquet.ParquetFile(path, pre_buffer=False, buffer_size=_PAGE) as file:  # not a whole row group at a time
        total = int(file.metadata.num_rows)
        first, step = 0, rows_per_block((file.metadata.num_columns,), 8)
        for batch in file.iter_batches(batch_size=step):
            columns = []
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if column.null_count:
                    missing = first + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
                    raise fail(f"sample {missing} has no value in column {name!r}", where=str(path))
                columns.append(column.to_numpy(zero_copy_only=False))
            block = np.stack(columns, axis=1)
            _check(block.shape, block.dtype, str(path))
            yield block, total
            first += len(block)


def _images(path: Path) -> Iterator[tuple[Block, int | None]]:
    """One sample per image, (C, H, W), (H, W) where it is grey; all of one size. Grey of 16 bits stays as it is."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise fail("reading images needs Pillow", where=str(path), hint="pip install pillow") from None
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _IMAGES)
    if not files:
        raise fail("the folder holds no images", where=str(path), hint=", ".join(_IMAGES))
    made: list[Block] = []
    for k, file in enumerate(files):
        try:
            with Image.open(file) as image:
                if getattr(image, "n_frames", 1) > 1:
                    raise _bad_image(k, file, "it holds several images")
                if "A" in image.getbands() and image.getchannel("A").getextrema() != (255, 255):
                    raise _bad_image(k, file, "it is transparent in places")
                pixels = _pixels(image)
        except (OSError, UnidentifiedImageError) as error:
            raise _bad_image(k, file, str(error)) from None
        if made and made[0].shape != pixels.shape:
            raise _bad_image(k, file, f"it has shape {pixels.shape}, the images before it {made[0].shape}")
        made.append(pixels)
        if len(made) == rows_per_block(pixels.shape, 1) or k == len(files) - 1:
            yield np.stack(made), len(files)
            made = []


def _pixels(image: Image.Image) -> Block:
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        found: Block = np.asarray(image)
        return found.astype(found.dtype.newbyteorder("="), copy=False)
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))
    rgb = np.moveaxis(np.asarray(image.convert("RGB")), -1, 0)
    return rgb[0] if image.mode in ("P", "PA") and (rgb == rgb[0]).all() else rgb  # a palette of greys


def _bad_image(index: int, file: Path, why: str) -> CompileError:
    return fail(f"sample {index} cannot be taken", where=str(file), why=why)
