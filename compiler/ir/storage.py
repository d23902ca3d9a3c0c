"""`.thresh` files: a zip of the text form (`network.txt`) and its large arrays (`arrays.npz`). The same network always
gives the same bytes on the same zlib; reading trusts nothing in the file."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
import zlib

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from threshc.compiler.bounded import read_file
from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.files import write_whole
from threshc.compiler.ir.literals import Arrays
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.ir.text import to_text

MAX_TEXT = 1 << 26
"""Bytes of text that a file may hold."""
MAX_BYTES = 1 << 30
"""Bytes that a file, and the arrays in it, may take."""

_TEXT, _ARRAYS = "network.txt", "arrays.npz"
_DTYPES = ("int8", "int16", "int32", "int64", "float32", "float64")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    SyntaxError,
    TypeError,
    Warning,
)
_HINT = "write the file again with threshc compile"


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Writes a network as a `.thresh` file, whole or not at all. Raises CompileError if it cannot be written."""
    write_whole(path, to_bytes(network))


def to_bytes(network: Network) -> bytes:
    """Returns the content of a network's `.thresh` file."""
    text, arrays = to_text(network)
    inner = [(f"{name}.npy", _npy(array)) for name, array in sorted(arrays.items())]
    return _zip([(_TEXT, text.encode("utf-8")), (_ARRAYS, _zip(inner))])


def load_thresh(path: str | os.PathLike[str]) -> Network:
    """Returns the network of a `.thresh` file, verified. Raises CompileError for files that are missing, damaged, too
    large, written by another version, or not a valid network."""
    return from_bytes(read_file(path, MAX_BYTES, ".thresh file"), str(path))


def from_bytes(data: bytes, source: str) -> Network:
    """Returns the network of a `.thresh` file's content; source names it in errors. Raises CompileError as
    `load_thresh`."""
    members = _members(source, data, (_TEXT, _ARRAYS))
    try:
        text = members[_TEXT].decode("utf-8")
    except UnicodeDecodeError:
        raise _bad(source, f"{_TEXT} is not UTF-8 text") from None
    raw = _members(source, members[_ARRAYS], None)
    arrays: Arrays = {name.removesuffix(".npy"): _array(source, name, content) for name, content in raw.items()}
    return parse_network(text, arrays, source=source)


def _bad(source: str, why: str) -> CompileError:
    return fail("this is not a .thresh file that can be read", where=source, why=why, hint=_HINT)


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)  # dated 1980, so that equal networks give equal bytes
            info.create_system, info.external_attr = 3, 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if name == _ARRAYS else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def _npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    npy.write_array(buffer, np.ascontiguousarray(little), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _members(source: str, data: bytes, names: tuple[str, ...] | None) -> dict[str, bytes]:
    """The members of a zip: exactly `names` when given, else any number of arrays, bounded in size before reading."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            found = [info.filename for info in infos]
            if len(set(found)) != len(found) or (names is not None and set(found) != set(names)):
                raise _bad(
                    source, f"it holds {_list(found)}" + (f", not {_list(names)}" if names else ", some of them twice")
                )
            total = sum(info.file_size for info in infos)
            if total > MAX_BYTES or any(i.file_size > MAX_TEXT for i in infos if i.filename == _TEXT):
                raise _bad(source, f"unpacked it would have {total} bytes, more than {MAX_BYTES} ({MAX_TEXT} for text)")
            return {info.filename: _read(source, archive, info) for info in infos}
    except _BROKEN as error:
        raise _bad(source, f"{type(error).__name__}: {error}") from None


def _read(source: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        content = file.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise _bad(source, f"{info.filename} has {len(content)} bytes or more, {info.file_size} are stated")
    return content


def _array(source: str, name: str, content: bytes) -> NDArray[np.generic]:
    """The array of a `.npy` member. Its header is compared with the bytes that are there, then used."""
    file = io.BytesIO(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if npy.read_magic(file) != (1, 0):
                raise _bad(source, f"{name} is not a version 1.0 array")
            shape, fortran, dtype = npy.read_array_header_1_0(file)
    except _BROKEN as error:
        raise _bad(source, f"{name} is not an array: {type(error).__name__}") from None
    if fortran or dtype.name not in _DTYPES or dtype.byteorder == ">":
        raise _bad(source, f"{name} has dtype {dtype}; plain little-endian numbers in C order are needed")
    body = content[file.tell() :]
    count = 1
    for size in shape:
        count *= size
    if not 1 <= len(shape) <= 3 or count < 1 or min(shape) < 1 or count * dtype.itemsize != len(body):
        raise _bad(source, f"{name} states shape {list(shape)} and holds {len(body)} bytes of {dtype}")
    return np.frombuffer(body, dtype).reshape(shape)


def _list(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(map(repr, names[:4])) or "nothing"
    return shown + (f" and {len(names) - 4} more" if len(names) > 4 else "")
