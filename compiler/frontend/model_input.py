"""What a model says of its input: the shape of a sample, and which integers it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.encoding import Affine, parse_encoding
from threshc.compiler.frontend.graph import Graph, GraphInput
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.symbolic import Features, IntArray, Leaf

_GREATEST = int(np.array(np.finfo(np.float32).max, np.float32).view(np.int32))
_LARGEST_SAMPLE = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """The only input of a model. shape: of one sample with the sample axis 1 where there is one. encoding: None where
    the model compares its real features itself."""

    name: str
    shape: tuple[int, ...]
    encoding: Affine | None
    leaf: Leaf


def read_input(graph: Graph, stated: Affine | None) -> ModelInput:
    """Returns the input of a graph, its integers as stated by the caller or else by the model (dtype, FINN annotation).

    Raises CompileError for several inputs, open sizes, and statements that contradict each other.
    """
    if len(graph.inputs) != 1:
        names = ", ".join(repr(n) for n in graph.inputs) or "none"
        why, hint = "one input tensor is supported", "export a model with one input"
        raise fail(f"the model has {len(graph.inputs)} inputs", where=names, why=why, hint=hint)
    ((name, info),) = graph.inputs.items()
    shape = _sample_shape(name, info)
    encoding = _encoding(name, info, stated)
    if encoding is not None:
        encoding = encoding.for_shape(shape[1:] if len(shape) > 1 else shape, f"{option('input')}, input {name!r}")
    return ModelInput(name, shape, encoding, _leaf(name, shape, encoding, info))


def _sample_shape(name: str, info: GraphInput) -> tuple[int, ...]:
    sizes = (1, *info.shape[1:]) if len(info.shape) > 1 else info.shape
    if not sizes or any(d is None for d in sizes):
        text = ", ".join("?" if d is None else str(d) for d in info.shape)
        raise fail(
            "the size of a sample is not stated by the model",
            where=f"input {name!r}, shape [{text}]",
            why="hardware has a fixed number of inputs; only the first axis, the samples, may be open",
            hint="export with fixed feature sizes (in PyTorch: dynamic_axes for axis 0 only)",
        )
    if int(np.prod([d or 1 for d in sizes], dtype=object)) > _LARGEST_SAMPLE:
        raise fail("a sample has more than 16 million features", where=f"input {name!r}")
    return tuple(d or 1 for d in sizes)


def _encoding(name: str, info: GraphInput, stated: Affine | None) -> Affine | None:
    dtype, where = info.dtype, f"input {name!r}"
    if dtype == "float32":
        return stated if stated is not None else _finn(info.datatype)
    if dtype not in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "bool"):
        hint = "export the model in float32"
        raise fail(f"an input of type {dtype} is not supported", where=where, hint=hint)
    if stated is None and dtype in ("int64", "int32", "uint32"):
        hint = f"state it with {option('input')}: uint8, int12, ..."
        raise fail(f"nothing states which integers the {dtype} input holds", where=where, hint=hint)
    own = parse_encoding("bit" if dtype == "bool" else dtype) if dtype != "int64" else None
    if stated is None:
        return own
    inside = own is None or (own.lo <= stated.lo and stated.hi <= own.hi)
    if not inside or stated.steps:
        hint = f"omit {option('input')}, or state integers without a scale"
        raise fail(f"{option('input', str(stated))} does not fit an input of type {dtype}", where=where, hint=hint)
    return stated


def _finn(datatype: str) -> Affine | None:
    """FINN's annotation of a float input that holds integers."""
    if datatype in ("BIPOLAR", "BINARY"):
        return parse_encoding("bipolar" if datatype == "BIPOLAR" else "bit")
    match = re.fullmatch(r"(U?INT)(\d{1,2})", datatype)
    return parse_encoding(datatype) if match and 2 <= int(match[2]) <= 32 else None


def _leaf(name: str, shape: tuple[int, ...], encoding: Affine | None, info: GraphInput) -> Leaf:
    if encoding is None:
        lo, hi = np.full(shape, -_GREATEST, np.int64), np.full(shape, _GREATEST, np.int64)
        return Leaf(name, shape, lo, hi, _ordered_float, Features(False))
    lo, hi = np.full(shape, encoding.lo, np.int64), np.full(shape, encoding.hi, np.int64)
    if info.dtype == "float32":
        return Leaf(name, shape, lo, hi, encoding.real, Features(True))
    dtype = np.dtype(info.dtype)

    def integers(i: IntArray) -> Array:
        return np.asarray(i).astype(dtype)

    return Leaf(name, shape, lo, hi, integers, Features(True))


def _ordered_float(order: IntArray) -> NDArray[np.float32]:
    """The float32 numbers in their order: 0 is 0.0, 1 the least positive number, -1 its negative, and so on."""
    bits = np.abs(order).astype(np.int32).view(np.float32)
    return np.where(order < 0, -bits, bits).astype(np.float32)
