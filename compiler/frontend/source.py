"""From what the user names - a path, bytes, a ModelProto - to a parsed ModelProto; says every way a file can be bad."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.bounded import gunzip
from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.functions import inlined

if TYPE_CHECKING:
    import onnx

    Source = str | os.PathLike[str] | bytes | onnx.ModelProto

SIZE_LIMIT = 2 * 1024**3  # protobuf's own limit for one message
RATIO, ALWAYS = 100, 256 << 20
"""How many times its bytes a .gz may hold, and how many in any case; weights of one bit in float32 pack 32 times."""


def read_model(source: Source) -> tuple[onnx.ModelProto, Path | None]:
    """Returns the parsed model, its functions written out, and the folder that its external data may lie in (None when
    there is no file).

    source: path of an `.onnx` or `.onnx.gz` file, the bytes of one, or a ModelProto. Raises CompileError for missing,
    unreadable, empty, oversized and truncated files, for text and for other protobufs.
    """
    import onnx

    if isinstance(source, onnx.ModelProto):
        return inlined(source), None
    if isinstance(source, bytes):
        return inlined(parse_model(source, "the given bytes")), None
    path = Path(source)
    return inlined(parse_model(_read(path), str(path))), path.parent


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            what = (
                "is a folder, not a file"
                if path.is_dir()
                else "does not exist"
                if not path.exists()
                else "is not a regular file"
            )
            raise fail(f"model file {what}", where=str(path), hint="give the path of an .onnx or .onnx.gz file")
        size = path.stat().st_size
        if size > SIZE_LIMIT:
            raise _too_large(str(path), size)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise fail("the model file cannot be read", where=repr(str(path)), why=str(error)) from error
    return _unzip(data, str(path)) if data[:2] == b"\x1f\x8b" else data


def _unzip(data: bytes, where: str) -> bytes:
    """Gzip data, read no further than a model can be packed, so that a small file takes neither memory nor time."""
    limit = min(SIZE_LIMIT, max(ALWAYS, len(data) * RATIO))
    return gunzip(data, limit, where, "gzip file", hint="unpack it and name the .onnx file")


def _too_large(where: str, size: int) -> Exception:
    return fail(
        f"the model file is larger than {SIZE_LIMIT // 1024**3} GiB",
        where=where,
        why=f"{size} bytes; one protobuf message cannot be",
        hint="export the weights as external data",
    )


def parse_model(data: bytes, where: str) -> onnx.ModelProto:
    """Bytes to ModelProto. Raises CompileError saying what the bytes look like when they are not an ONNX model."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]

    if not data:
        raise fail("the model file is empty", where=where, hint="export the model again")
    try:
        model = onnx.ModelProto()
        model.ParseFromString(data)
    except (DecodeError, RecursionError) as error:
        raise fail(
            _looks_like(data), where=where, why=str(error), hint="export the model again, or fetch the file again"
        ) from error
    if not model.HasField("graph"):
        raise fail(
            _looks_like(data),
            where=where,
            why="the protobuf holds no graph",
            hint="give an ONNX model, not a tensor or a checkpoint",
        )
    return model


def _looks_like(data: bytes) -> str:
    head = data[:256]
    if data[:2] == b"PK":
        return (
            "the file is a zip archive (a PyTorch checkpoint, or a .thresh file under another name), not an ONNX model"
        )
    if head.startswith(b"version https://git-lfs"):
        return "the file is a Git LFS pointer, not the model itself"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
        return "the file is text, not an ONNX model"
    return "the file is not an ONNX model, or is damaged or truncated"
