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
    """Returns the values of a tensor. Raises CompileError for sizes that do not fit the shape and for external data
    that is missing, too short, or outside `folder`."""
    from onnx import TensorProto, numpy_helper

    name = f"tensor {tensor.name!r}"
    if any(d < 0 for d in tensor.dims):
        raise fail(f"a tensor has the negative dimensions {list(tensor.dims)}", where=name)
    if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        raise fail("a tensor holds complex numbers", where=name, hint="export the model in float32")
    _want_one_source(tensor, name)
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


_NARROW = {
    "UINT8": (0, 255),
    "INT8": (-128, 127),
    "UINT16": (0, 65535),
    "INT16": (-32768, 32767),
    "BOOL": (0, 1),
    "FLOAT16": (0, 65535),
    "BFLOAT16": (0, 65535),
}
"""What int32_data may hold of a type: its integers, or the bits of a number."""
_FIELDS = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")


def _want_one_source(tensor: onnx.TensorProto, name: str) -> None:
    """Raises CompileError where a tensor has its values twice, or values that its type does not have."""
    from onnx import TensorProto

    external = tensor.data_location == TensorProto.EXTERNAL
    held = [f for f in _FIELDS if len(getattr(tensor, f))] + ["external_data"] * external
    if len(held) > 1:
        raise fail(
            "a tensor holds its values twice",
            where=name,
            why=f"it has {' and '.join(held)}, which need not agree",
            hint="export the model again",
        )
    type_ = TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in TensorProto.DataType.values() else ""
    if type_ in _NARROW and len(tensor.int32_data):
        lo, hi = _NARROW[type_]
        values = np.asarray(tensor.int32_data)
        if values.min() < lo or values.max() > hi:
            why = f"it holds {values.min()} to {values.max()}, and {type_} {lo} to {hi}"
            raise fail("a tensor holds values that its type does not have", where=name, why=why)


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
