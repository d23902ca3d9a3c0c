"""Mutations of a model's tensors: their shapes, types, values, and where their data lies."""

from __future__ import annotations

import random

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from fuzz.damage import damaged
from fuzz.material import FLOATS, NAMES, NUMBERS, SMALL_TYPES


def _tensor(rng: random.Random, model: onnx.ModelProto) -> TensorProto | None:
    held = [a.t for n in model.graph.node for a in n.attribute if a.type == AttributeProto.TENSOR]
    pool = [*model.graph.initializer, *held]
    return rng.choice(pool) if pool else None


def tensor_dims(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    if tensor.dims and rng.random() < 0.6:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
    else:
        tensor.dims[:] = [rng.choice(NUMBERS) for _ in range(rng.randint(0, 5))]


def reshaped(rng: random.Random, model: onnx.ModelProto) -> None:
    """A tensor with the same data in another shape."""
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    dims = list(tensor.dims)
    match rng.randrange(4):
        case 0:
            rng.shuffle(dims)
        case 1:
            dims.insert(rng.randrange(len(dims) + 1), 1)
        case 2:
            dims = [int(np.prod(dims, dtype=object)) if all(0 <= d < 2**31 for d in dims) else 1]
        case _ if len(dims) > 1:
            dims = [dims[0] * dims[1], *dims[2:]]
    tensor.dims[:] = [d for d in dims if -(2**63) <= d < 2**63]


def tensor_type(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is not None:
        tensor.data_type = rng.choice(SMALL_TYPES)


def tensor_values(rng: random.Random, model: onnx.ModelProto) -> None:
    """Other numbers in place of some or all, in the same shape and type where possible."""
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    try:
        array = numpy_helper.to_array(tensor).copy()
    except Exception:  # an earlier mutation has broken it
        return
    if not array.size or array.dtype.kind not in "fiu" or array.size > 10**6:
        return
    pool = np.array(FLOATS if array.dtype.kind == "f" else [n for n in NUMBERS if abs(n) < 100])
    with np.errstate(all="ignore"):
        pool = pool.astype(array.dtype)
    flat = array.reshape(-1)
    for _ in range(rng.choice((1, 1, 3, 20))):
        flat[rng.randrange(flat.size)] = pool[rng.randrange(len(pool))]
    if rng.random() < 0.1:
        flat[:] = pool[rng.randrange(len(pool))]
    if array.dtype.kind == "f" and rng.random() < 0.2:
        with np.errstate(all="ignore"):
            array = (array * array.dtype.type(rng.choice((1e-30, 1e30, 0.1, 3.0)))).astype(array.dtype)
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def tensor_bytes(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is not None:
        tensor.raw_data = damaged(rng, tensor.raw_data or b"\0" * 8)


def external(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    tensor.data_location = TensorProto.EXTERNAL
    if rng.random() < 0.7:
        tensor.ClearField("raw_data")
    for _ in range(rng.randint(0, 4)):
        places = (
            "weights.bin",
            "../weights.bin",
            "/etc/passwd",
            "/dev/zero",
            ".",
            "",
            "sub/..",
            "a\0b",
            "link",
            "fifo",
            *NAMES,
        )
        value = rng.choice((rng.choice(places), str(rng.choice(NUMBERS)), "zero", "1e3", "٣", " 0 "))
        tensor.external_data.add(key=rng.choice(("location", "location", "offset", "length", "checksum")), value=value)


def initializers(rng: random.Random, model: onnx.ModelProto) -> None:
    tensors = model.graph.initializer
    if not tensors:
        return
    match rng.randrange(4):
        case 0:
            del tensors[rng.randrange(len(tensors))]
        case 1:
            tensors.add().CopyFrom(rng.choice(tensors))
        case 2:
            model.graph.sparse_initializer.add().dims.append(3)
        case _:
            a, b = rng.choice(tensors), rng.choice(tensors)
            a.name, b.name = b.name, a.name
