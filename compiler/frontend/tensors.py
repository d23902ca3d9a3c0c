"""ONNX tensors to numpy arrays, with external data kept inside the model's folder."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    import onnx


def to_array(tensor: onnx.TensorProto, folder: Path | None) -> NDArray[np.generic]:
    """The values of a tensor. Raises CompileError for sizes that do not fit the shape and for external data that is
    missing, too short, or outside `folder`."""
    from onnx import TensorProto, numpy_helper

    name = f"tensor {tensor.name!r}"
    if any(d < 0 for d in tensor.dims):
        raise fail(f"a tensor has the negative dimensions {list(tensor.dims)}", where=name)
    if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        raise fail("a tensor holds complex numbers", where=name, hint="export the model in float32")
    try:
        if tensor.data_location == TensorProto.EXTERNAL:
            return _external(tensor, folder)
        return np.asarray(numpy_helper.to_array(tensor))
    except OSError as error:
        said = "a tensor's external data cannot be read"
        raise fail(said, where=name, why=error.strerror or str(error), hint="fetch the data file again") from error
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise fail(
            "a tensor's data does not fit its shape or type", where=name, why=reason, hint="export the model again"
        ) from error


def _external(tensor: onnx.TensorProto, folder: Path | None) -> NDArray[np.generic]:
    from onnx import helper

    entries = {e.key: e.value for e in tensor.external_data}
    location, where = entries.get("location", ""), f"tensor {tensor.name!r}"
    if folder is None:
        raise fail(
            "the model keeps weights in another file",
            where=where,
            hint="load it by path, from the folder that holds both",
        )
    path = _inside(folder, location, where)
    offset, dtype = int(entries.get("offset", 0)), np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    need = int(np.prod(tensor.dims, dtype=object)) * dtype.itemsize
    length = int(entries.get("length", need))
    size = path.stat().st_size
    if offset < 0 or length != need or offset + length > size:
        raise fail(
            "a tensor reaches outside its external data file",
            where=f"{where}, file {location!r}",
            why=f"{need} bytes needed, offset {offset} length {length} given, the file has {size}",
            hint="fetch the data file again",
        )
    with path.open("rb") as stream:
        stream.seek(offset)
        raw = stream.read(length)
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(tuple(tensor.dims))


def _inside(folder: Path, location: str, where: str) -> Path:
    """The external file, if it lies in the model's folder after every link is followed."""
    path = folder / location
    parts = PureWindowsPath(location)  # splits at both kinds of slashes
    outside = (
        not location
        or "\0" in location
        or parts.is_absolute()
        or parts.drive
        or ".." in parts.parts
        or Path(location).is_absolute()
    )
    if outside or not path.resolve().is_relative_to(folder.resolve()):
        raise fail(
            "external data lies outside the model's folder",
            where=f"{where}, location {location!r}",
            why="absolute paths, '..' and links that lead out are refused, so that a model cannot read other files",
            hint="put the data file beside the model and name it without a path",
        )
    if not path.is_file():
        raise fail(
            "the model's external data file is missing",
            where=f"{where}, file {location!r}",
            hint="put it beside the model",
        )
    return path
