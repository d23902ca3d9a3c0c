"""Samples and labels from files: .npy, .npz and the idx format of MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.files import write_whole

_SAMPLES = ("x", "X", "inputs", "input", "images", "data")
_LABELS = ("y", "Y", "labels", "label", "true", "target")
_IDX = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LIMIT = 1 << 34  # bytes after decompression; a damaged file shall not fill the memory
_HINT = "a .npy or .npz file of numpy, or an idx file (.gz or not) as MNIST's"


def read_samples(path: str | Path) -> NDArray[np.generic]:
    """Samples (N, ...) of a file; of an .npz the array named x, X, inputs, images or data, or its only array.

    Raises CompileError for files that are missing, damaged or of another format.
    """
    found = _read(Path(path), _SAMPLES, "--data")
    if found.ndim < 2 or not len(found):
        raise fail(f"samples have shape {found.shape}, (N, features) is needed", where=str(path))
    return found


def read_labels(path: str | Path) -> NDArray[np.int64]:
    """Labels (N,) of a file; of an .npz the array named y, labels, true or target, or its only array."""
    found = _read(Path(path), _LABELS, "--labels")
    flat = found.reshape(-1)
    if found.size != len(found) or found.dtype.kind not in "biuf" or (flat != np.rint(flat)).any():
        said = f"labels have shape {found.shape} and dtype {found.dtype}"
        raise fail(said, where=str(path), why="(N,) integers are needed")
    return flat.astype(np.int64)


def labels_beside(path: str | Path) -> NDArray[np.int64] | None:
    """The labels that an .npz file holds beside its samples, or None."""
    if Path(path).suffix != ".npz":
        return None
    with _npz(Path(path)) as archive:
        named = [n for n in _LABELS if n in archive.files]
        several = len(archive.files) > 1
    return read_labels(path) if named and several else None


def write_array(path: str | Path, array: NDArray[np.generic]) -> None:
    """Writes a .npy file of that very name, whole or not at all."""
    write_whole(path, lambda file: np.save(file, array))


def _read(path: Path, names: tuple[str, ...], option: str) -> NDArray[np.generic]:
    try:
        with open(path, "rb") as file:
            head = file.read(6)
        if head.startswith(b"\x93NUMPY"):
            with open(path, "rb") as file:
                array: NDArray[np.generic] = np.load(file, allow_pickle=False)
            return array
        if head.startswith(b"PK"):
            return _named(path, names, option)
        data = path.read_bytes()
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as file:
                data = file.read(_LIMIT)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise fail("the file cannot be read", where=str(path), why=text, hint=_HINT) from None
    return _idx(data, path)


@contextmanager
def _npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    with open(path, "rb") as file:  # np.load itself would leave a broken file open
        try:
            archive = np.load(file, allow_pickle=False)
        except (OSError, ValueError, BadZipFile) as error:
            raise fail("the file cannot be read", where=str(path), why=str(error), hint=_HINT) from None
        with archive:
            yield archive


def _named(path: Path, names: tuple[str, ...], option: str) -> NDArray[np.generic]:
    with _npz(path) as archive:
        chosen = next((n for n in names if n in archive.files), None)
        if chosen is None and len(archive.files) == 1:
            chosen = archive.files[0]
        if chosen is None:
            raise fail(
                f"the file holds no array named {', '.join(names)}",
                where=f"{option} {path}",
                why="it holds " + (", ".join(archive.files) or "nothing"),
                hint="name the array so, or save it alone in a .npy file",
            )
        try:
            array: NDArray[np.generic] = archive[chosen]
        except (OSError, EOFError, ValueError, BadZipFile, zlib.error) as error:
            raise fail(f"array {chosen!r} cannot be read", where=str(path), why=str(error), hint=_HINT) from None
        return array


def _idx(data: bytes, path: Path) -> NDArray[np.generic]:
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX:
        raise fail("the file's format is not known", where=str(path), hint=_HINT)
    dtype, axes = np.dtype(_IDX[data[2]]), data[3]
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", count=min(axes, (len(data) - 4) // 4), offset=4))
    body = data[4 + 4 * axes :]
    if len(shape) != axes or len(body) != math.prod(shape) * dtype.itemsize:
        said = f"the idx file states shape {shape} and holds {len(body)} bytes"
        raise fail(said, where=str(path), why="it is damaged or truncated")
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="))
