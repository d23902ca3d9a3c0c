"""Zip archives, as checkpoints are, under the bounds of `bounded`: CompileError where a file is something else."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Sequence
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from numpy.typing import NDArray

from threshc.compiler.bounded import MAX_FILE, read_file, read_npy
from threshc.compiler.diagnostics import fail

_DAMAGED = (BadZipFile, KeyError, ValueError, OSError, EOFError, RuntimeError, NotImplementedError, zlib.error)


def read_npz(path: str | os.PathLike[str], names: Sequence[str], what: str = "file") -> list[NDArray[Any]]:
    """Returns the arrays of an .npz file (numbers or booleans) under these names. None may take more than a file may,
    packed or not."""
    data = read_file(path, what=what)
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            found = []
            for name in names:
                with archive.open(f"{name}.npy") as file:
                    found.append(read_npy(file, f"{path}, array {name!r}", limit=MAX_FILE))
            return found
    except _DAMAGED as error:
        raise fail(f"the {what} is not an .npz of {', '.join(names)}", where=str(path), why=str(error)) from None


def read_stored(path: str | os.PathLike[str], what: str = "file") -> bytes:
    """Returns the bytes of a zip archive that holds no more than it has bytes: nothing in it is packed, or shared."""
    data = read_file(path, what=what)
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except _DAMAGED as error:
        raise fail(f"the {what} is not a zip archive", where=str(path), why=str(error)) from None
    size = sum(member.file_size for member in members)
    if size > len(data) or any(member.compress_type != ZIP_STORED for member in members):
        why = f"{len(data):,} bytes hold {size:,}"
        raise fail(f"the {what} holds more than its bytes", where=str(path), why=why, hint="it was not made by threshc")
    return data
