"""Reading what nobody here has made, under stated bounds: no file, archive or JSON text can fill the memory or keep a
reader waiting. Every function raises CompileError where a bound is exceeded or the content is not what it should be.

What is read whole is bounded in bytes, also where it is unpacked; a size that a header states is compared with what
is there before memory is asked for.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import stat
import warnings
import zlib
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail

MAX_FILE = 2 << 30
"""Bytes that a file which is read whole may have."""
MAX_ARRAY = 8 << 30
"""Bytes that an array which is read whole may take."""
MAX_JSON = 256 << 20
"""Bytes of a JSON text."""
MAX_VALUES = 1 << 25
"""Values of a JSON text, counted by its brackets and commas; each takes at most about 64 bytes of memory."""

_CHUNK = 1 << 20
_DAMAGED = (OSError, EOFError, ValueError, SyntaxError, TypeError, zlib.error, RecursionError, MemoryError, Warning)


def open_regular(path: str | os.PathLike[str], what: str = "file") -> IO[bytes]:
    """Opens a regular file for reading bytes. Refuses pipes and devices, which may never end, without waiting."""
    where = str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise fail(f"the {what} cannot be read", where=where, why=_text(error)) from None
    file = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if file is None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        why = "it is a folder" if folder else "it is a pipe or a device, whose end cannot be known"
        raise fail(f"the {what} is not a regular file", where=where, why=why, hint="save it as a file")
    return file


def read_file(path: str | os.PathLike[str], limit: int = MAX_FILE, what: str = "file") -> bytes:
    """Returns all bytes of a regular file, which must be `limit` or fewer."""
    with open_regular(path, what) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise _too_large(what, str(path), f"it has {size:,} bytes", limit)
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise fail(f"the {what} cannot be read", where=str(path), why=_text(error)) from None
    if len(data) > limit:  # it grew, or states no size, as those of /proc
        raise _too_large(what, str(path), "it does not end there", limit)
    return data


def gunzip(data: bytes, limit: int, where: str, what: str = "file", hint: str = "") -> bytes:
    """Returns the plain bytes of gzip data. Stops as soon as there are more than `limit`."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            plain = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        why = _text(error)
        raise fail(f"the {what} is damaged or truncated", where=where, why=why, hint="fetch the file again") from None
    if len(plain) > limit:
        raise _too_large(what, where, f"{len(data):,} bytes of gzip unpack to more", limit, hint)
    return plain


def parse_json(text: bytes, where: str, what: str = "file", *, limit: int = MAX_JSON, values: int = MAX_VALUES) -> Any:
    """Returns what a JSON text holds, of at most `limit` bytes and `values` values.

    Text that is nested deeper than Python's stack (some hundreds) is refused, as are NaN and infinities, which JSON
    does not have, and keys that stand twice, of which two readers may take different ones.
    """
    if len(text) > limit:
        raise _too_large(what, where, f"it has {len(text):,} bytes of JSON", limit)
    count = text.count(b",") + text.count(b"[") + text.count(b"{")
    if count > values:
        raise fail(f"the {what} is too large", where=where, why=f"it holds {count:,} values, more than {values:,}")
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_unique)
    except RecursionError:
        raise fail(f"the {what} is nested too deeply", where=where, why="no such file is made by threshc") from None
    except ValueError as error:  # also of bytes that are not UTF-8, and of numbers with thousands of digits
        raise fail(f"the {what} is not JSON", where=where, why=_text(error)) from None


def read_json(
    path: str | os.PathLike[str], what: str = "file", *, limit: int = MAX_JSON, values: int = MAX_VALUES
) -> Any:
    """Returns what a JSON file holds, plain or in gzip. `limit` bounds the bytes of both the file and the text."""
    data = read_file(path, limit, what)
    if data.startswith(b"\x1f\x8b"):
        data = gunzip(data, limit, str(path), what)
    return parse_json(data, str(path), what, limit=limit, values=values)


def read_npy(file: IO[bytes], where: str, *, size: int | None = None, limit: int = MAX_ARRAY) -> NDArray[np.generic]:
    """Returns the array of a .npy stream, of numbers or booleans, in C order.

    size: bytes from here to the end where that is known; they are compared with the header before memory is asked for.
    Where it is not (a member of an archive), memory grows with the bytes that really come, up to `limit`.
    """
    start = file.tell() if size is not None else 0
    shape, fortran, dtype = npy_header(file, where)
    need = math.prod(shape) * dtype.itemsize
    if size is not None and need != (there := size - (file.tell() - start)):
        raise _not_there(where, shape, dtype, need, f"{there:,} bytes follow")
    if need > limit:
        raise _too_large("array", where, f"shape {shape} of {dtype} takes {need:,} bytes", limit)
    body = bytearray()
    try:
        while len(body) < need and (part := file.read(min(_CHUNK, need - len(body)))):
            body += part
        surplus = file.read(1) if len(body) == need else b""
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise fail("the array cannot be read", where=where, why=_text(error)) from None
    if len(body) < need or surplus:
        raise _not_there(where, shape, dtype, need, "more bytes follow" if surplus else f"{len(body):,} bytes follow")
    array = np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(array, dtype.newbyteorder("=")).reshape(shape)  # numbers too: they became arrays


def npy_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Returns shape, Fortran order and dtype (numbers or booleans) that the header of a .npy stream states."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            major, _ = npy.read_magic(file)
            if major > 2:
                raise ValueError(f"format version {major} is not known")
            read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
            shape, fortran, dtype = read(file)
    except _DAMAGED as error:
        raise fail("this is not a .npy array", where=where, why=_text(error)) from None
    if any(isinstance(n, bool) or n < 0 for n in shape) or len(shape) > 32:
        raise fail("this is not a .npy array", where=where, why=f"its header states shape {shape}")
    if dtype.kind not in "biuf":
        raise fail(f"the array has dtype {dtype}, numbers are needed", where=where)
    return shape, bool(fortran), dtype


def _not_there(where: str, shape: tuple[int, ...], dtype: np.dtype[np.generic], need: int, there: str) -> CompileError:
    why = f"shape {shape} of {dtype} needs {need:,} bytes, {there}"
    return fail("the array does not hold what its header states", where=where, why=why, hint="it may be truncated")


def _too_large(what: str, where: str, why: str, limit: int, hint: str = "") -> CompileError:
    return fail(f"the {what} is too large", where=where, why=f"{why}; {limit:,} bytes are the limit", hint=hint)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for k, (key, _) in enumerate(pairs) if key in dict(pairs[:k]))
        raise ValueError(f"the key {twice[:40]!r} stands twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def _text(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
