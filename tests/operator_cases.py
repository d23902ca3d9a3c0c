"""Small calls of every ONNX operator that has a kernel: inputs by type, and attribute values worth trying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

if not hasattr(TensorProto, "UINT2"):
    pytest.skip("needs an onnx that knows integers of two bits", allow_module_level=True)

Arrays = list[np.ndarray]
Make = Callable[[np.random.Generator, np.dtype[Any]], Arrays]


@dataclass(frozen=True)
class Case:
    """One way to call an operator. opsets: the versions of the operator (since_version) that take these inputs."""

    op: str
    make: Make
    attrs: Mapping[str, Any]
    first: int = 7
    last: int = 99
    outputs: int = 1
    domain: str = ""


CASES: list[Case] = []


def numbers(rng: np.random.Generator, dtype: np.dtype[Any], *shape: int) -> np.ndarray:
    """Random numbers of a type: integers of the whole range, floats around 0 with exact zeros among them."""
    if dtype.name == "bool":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    if dtype.name in ("int4", "uint4", "int2", "uint2"):
        return rng.integers(0, 2, shape).astype(dtype)
    x = rng.normal(scale=2, size=shape)
    x.ravel()[:2] = 0.0
    return x.astype(dtype)


def small(rng: np.random.Generator, dtype: np.dtype[Any], *shape: int) -> np.ndarray:
    """Small integers of a type, so that every order of adding them is exact."""
    return rng.integers(0 if dtype.kind == "u" else -3, 4, shape).astype(dtype)


def nonzero(rng: np.random.Generator, dtype: np.dtype[Any], *shape: int) -> np.ndarray:
    """Small integers without 0."""
    return (rng.integers(1, 5, shape) * (1 if dtype.kind == "u" else rng.choice([-1, 1], shape))).astype(dtype)


def positive(rng: np.random.Generator, dtype: np.dtype[Any], *shape: int) -> np.ndarray:
    return (np.abs(rng.normal(size=shape)) + 0.25).astype(dtype)


def not_finite(dtype: np.dtype[Any]) -> np.ndarray:
    """Infinities and NaN among numbers of a floating-point type."""
    if dtype.kind in "iub":
        raise ValueError("integers are finite")
    return np.array([[0, 1, -np.inf], [np.inf, np.nan, 2]]).astype(dtype)


def _unary(*ops: str, **attrs: list[Any]) -> None:
    for op in ops:
        CASES.append(Case(op, lambda r, t: [numbers(r, t, 3, 5)], {}))
        for key, values in attrs.items():
            CASES.extend(Case(op, lambda r, t: [numbers(r, t, 3, 5)], {key: v}) for v in values)


def _binary(*ops: str, make: Make | None = None) -> None:
    def both(r: np.random.Generator, t: np.dtype[Any]) -> Arrays:
        return [numbers(r, t, 3, 5), numbers(r, t, 5)]

    CASES.extend(Case(op, make or both, {}) for op in ops)


def _case(
    op: str, make: Make, first: int = 7, last: int = 99, outputs: int = 1, domain: str = "", **attrs: Any
) -> None:
    CASES.append(Case(op, make, attrs, first, last, outputs, domain))


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


_unary("Tanh", "Sigmoid", "Softsign", "Softplus", "Erf", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Relu", "Exp")
_unary("Not", "Identity", "Shape", "Size")
_unary("LeakyRelu", "Elu", alpha=[0.3, 1.5])
_unary("HardSigmoid", alpha=[0.3], beta=[0.1])
_unary(
    "HardSwish", "Mish", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Log"
)
_unary("Selu", alpha=[0.3, -1.0], gamma=[2.0])
_unary("Celu", "ThresholdedRelu", "Swish", alpha=[0.3, 1.5, -0.5])
_unary("Shrink", lambd=[1.0], bias=[0.25, 1.5])
_unary("Gelu", approximate=["none", "tanh"])
_case("IsNaN", lambda r, t: [not_finite(t)])
for _ends in ({}, {"detect_negative": 0}, {"detect_positive": 0}, {"detect_negative": 0, "detect_positive": 0}):
    _case("IsInf", lambda r, t: [not_finite(t)], **_ends)
for _shape in ((), (5,), (3, 5)):
    _case("PRelu", lambda r, t, s=_shape: [numbers(r, t, 3, 5), numbers(r, t, *s)])  # type: ignore[misc]
_case("PRelu", lambda r, t: [numbers(r, t, 2, 3, 4), positive(r, t, 3, 1)])
_case("Mean", lambda r, t: [numbers(r, t, 3, 5), numbers(r, t, 3, 5)])
_case("Mod", lambda r, t: [numbers(r, t, 3, 5), nonzero(r, t, 5)], fmod=1)
_case("Mod", lambda r, t: [numbers(r, t, 3, 5), nonzero(r, t, 5)], fmod=0)
_case("Sqrt", lambda r, t: [positive(r, t, 3, 4)])
_case("Reciprocal", lambda r, t: [positive(r, t, 3, 4)])
_binary("Add", "Sub", "Mul", "Max", "Min", "Sum", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")
_binary("And", "Or", "Xor")
_binary("Div", make=lambda r, t: [numbers(r, t, 3, 5), nonzero(r, t, 5)])
_binary("Pow", make=lambda r, t: [np.abs(small(r, t, 3, 5)), np.abs(small(r, t, 5))])
_case("Max", lambda r, t: [numbers(r, t, 2, 3), numbers(r, t, 3), numbers(r, t, 2, 1)], 8)
_case("Where", lambda r, t: [r.random((3, 5)) < 0.5, numbers(r, t, 3, 5), numbers(r, t, 5)])
_case("Clip", lambda r, t: [numbers(r, t, 3, 5)], last=6, min=-1.0, max=1.5)
_case("Clip", lambda r, t: [numbers(r, t, 3, 5), t.type(1), t.type(2)], 11)
_case("Clip", lambda r, t: [numbers(r, t, 3, 5), t.type(2), t.type(1)], 11)
_case("Dropout", lambda r, t: [numbers(r, t, 3, 5)], last=10, ratio=0.3)
_case("Dropout", lambda r, t: [numbers(r, t, 3, 5)], 12, seed=3)
_case("Dropout", lambda r, t: [numbers(r, t, 3, 5), np.float32(0.3), np.bool_(False)], 12, outputs=2)
for _to in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT8", "UINT8", "INT16", "INT32", "INT64", "UINT32", "BOOL"):
    _case("Cast", lambda r, t: [np.abs(small(r, t, 3, 5))], to=TensorProto.DataType.Value(_to))
    _case("Cast", lambda r, t: [numbers(r, t, 3, 5)], to=TensorProto.DataType.Value(_to))


def _norm(r: np.random.Generator, t: np.dtype[Any]) -> Arrays:
    return [numbers(r, t, 2, 3, 4), *(numbers(r, t, 3) for _ in range(3)), positive(r, t, 3)]


for _eps in (1e-5, 0.5):
    _case("BatchNormalization", _norm, 14, epsilon=_eps, training_mode=0)
_case("MatMul", lambda r, t: [small(r, t, 2, 6), small(r, t, 6, 3)])
for _attrs in ({}, {"alpha": 0.5, "beta": 2.0}, {"transB": 1}, {"transA": 1}, {"alpha": 2.0}, {"beta": 0.5}):
    _a, _b = ((6, 2) if "transA" in _attrs else (2, 6)), ((3, 6) if "transB" in _attrs else (6, 3))
    _case("Gemm", lambda r, t, a=_a, b=_b: [small(r, t, *a), small(r, t, *b), small(r, t, 3)], **_attrs)  # type: ignore[misc]
for _axis in (1, 2, -1):
    _case("Softmax", lambda r, t: [numbers(r, t, 2, 3, 4)], 13, axis=_axis)
    _case("LogSoftmax", lambda r, t: [numbers(r, t, 2, 3, 4)], 13, axis=_axis)
    for _keep in (0, 1):
        _case("ArgMax", lambda r, t: [small(r, t, 3, 3, 4)], axis=_axis, keepdims=_keep)
        _case("ReduceSum", lambda r, t: [small(r, t, 2, 3, 4)], last=11, axes=[_axis], keepdims=_keep)
        _case("ReduceSum", lambda r, t, a=_axis: [small(r, t, 2, 3, 4), _ints(a)], 13, keepdims=_keep)  # type: ignore[misc]
        for _op, _new in (("ReduceMax", 18), ("ReduceMean", 18)):
            _case(_op, lambda r, t: [small(r, t, 2, 4, 4)], last=_new - 1, axes=[_axis], keepdims=_keep)
            _case(_op, lambda r, t, a=_axis: [small(r, t, 2, 4, 4), _ints(a)], _new, keepdims=_keep)  # type: ignore[misc]
_case("ReduceSum", lambda r, t: [small(r, t, 2, 3, 4), _ints()], 13)
_case("ReduceMax", lambda r, t: [small(r, t, 2, 3, 4)])
for _k in (1, 2):
    _case("TopK", lambda r, t, k=_k: [numbers(r, t, 3, 4), _ints(k)], 10, outputs=2)  # type: ignore[misc]
    _case("TopK", lambda r, t, k=_k: [small(r, t, 3, 4), _ints(k)], 11, outputs=2, largest=1, sorted=1, axis=0)  # type: ignore[misc]


def _scales(r: np.random.Generator, t: np.dtype[Any], *shape: int) -> np.ndarray:
    return (2.0 ** r.integers(-2, 2, shape) * r.choice([-1, 1, 1], shape)).astype(t)


for _to in ("INT8", "UINT8", "INT16", "UINT16", "INT4", "UINT4", "INT2", "UINT2"):
    _n = TensorProto.DataType.Value(_to)
    _case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), _scales(r, t)], 21, output_dtype=_n)
_case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), _scales(r, t), np.int8(3)])
_case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), _scales(r, t), np.uint8(3)], 19, saturate=0)
_case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), _scales(r, t)])
_case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), _scales(r, t, 4), small(r, np.dtype(np.int8), 4)], 13)
for _axis in (0, -1):
    _case("QuantizeLinear", lambda r, t, a=_axis: [50 * numbers(r, t, 3, 4), _scales(r, t, (3, 4)[a])], 13, axis=_axis)  # type: ignore[misc]
_case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), _scales(r, t, 3, 2)], 21, block_size=2)
_case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 4, 3), _scales(r, t, 2, 3)], 21, axis=0, block_size=2)
for _to in ("FLOAT", "FLOAT16", "DOUBLE"):
    _n = TensorProto.DataType.Value(_to)
    _case("QuantizeLinear", lambda r, t: [50 * numbers(r, t, 3, 4), positive(r, t), np.int8(3)], 23, precision=_n)
    _case("DequantizeLinear", lambda r, t: [numbers(r, np.dtype("i1"), 3, 4), positive(r, t)], 23, output_dtype=_n)
for _type in ("int8", "uint8", "int16", "uint16", "int32", "int4", "uint4", "int2", "uint2"):

    def _dequantized(r: np.random.Generator, t: np.dtype[Any], name: str = _type) -> Arrays:
        import ml_dtypes

        dtype = np.dtype(getattr(ml_dtypes, name, name))
        return [numbers(r, dtype, 3, 4), positive(r, t, 4), np.abs(small(r, np.dtype("i1"), 4)).astype(dtype)]

    _case("DequantizeLinear", _dequantized, 13, axis=1)
    _case("DequantizeLinear", lambda r, t, d=_dequantized: [d(r, t)[0], positive(r, t, 3, 2)], 21, block_size=2)  # type: ignore[misc]


def _map(r: np.random.Generator, t: np.dtype[Any]) -> np.ndarray:
    return small(r, t, 2, 2, 6, 5)


for _more in (
    {},
    {"strides": [2, 1]},
    {"pads": [1, 0, 1, 0]},
    {"dilations": [2, 1]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    {"auto_pad": "VALID"},
):
    _case("Conv", lambda r, t: [_map(r, t), small(r, t, 4, 2, 3, 2), small(r, t, 4)], kernel_shape=[3, 2], **_more)
    if "dilations" not in _more:
        _case("AveragePool", lambda r, t: [_map(r, t)], kernel_shape=[2, 2], count_include_pad=1, **_more)
        _case("AveragePool", lambda r, t: [_map(r, t)], kernel_shape=[2, 2], **_more)
    if "pads" not in _more and _more.get("auto_pad") != "SAME_LOWER":  # onnx's evaluator differs from onnxruntime there
        _case("MaxPool", lambda r, t: [_map(r, t)], 10, kernel_shape=[3, 2], **_more)
_case("Conv", lambda r, t: [_map(r, t), small(r, t, 4, 1, 3, 2)], group=2)
_case("MaxPool", lambda r, t: [_map(r, t)], 10, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
_case("MaxPool", lambda r, t: [_map(r, t)], 8, kernel_shape=[2, 2], storage_order=1)
_case("AveragePool", lambda r, t: [_map(r, t)], 10, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
_case("GlobalAveragePool", lambda r, t: [small(r, t, 2, 2, 4, 4)])
_case("GlobalMaxPool", lambda r, t: [_map(r, t)])
_case("Pad", lambda r, t: [numbers(r, t, 2, 3)], last=2, pads=[1, 0, 0, 2], value=1.0)
_case("Pad", lambda r, t: [numbers(r, t, 2, 3), _ints(1, 0, 0, 2), t.type(1)], 11, mode="constant")
_case("Pad", lambda r, t: [numbers(r, t, 2, 3), _ints(1, 2), t.type(1), _ints(-1)], 18)
_case("Split", lambda r, t: [numbers(r, t, 2, 6)], last=11, outputs=2, axis=1, split=[2, 4])
_case("Split", lambda r, t: [numbers(r, t, 2, 6), _ints(2, 4)], 13, outputs=2, axis=-1)
_case("Split", lambda r, t: [numbers(r, t, 2, 5)], 18, outputs=2, axis=1, num_outputs=2)
_case("Reshape", lambda r, t: [numbers(r, t, 2, 3, 4), _ints(0, -1)])
_case("Reshape", lambda r, t: [numbers(r, t, 2, 0, 4), _ints(0, 3)], 14, allowzero=1)
for _axis in (0, 1, 2, -1):
    _case("Flatten", lambda r, t: [numbers(r, t, 2, 3, 4)], 11 if _axis < 0 else 7, axis=_axis)
    _case("Concat", lambda r, t: [numbers(r, t, 2, 2, 2), numbers(r, t, 2, 2, 2)], 11 if _axis < 0 else 7, axis=_axis)
    _case("Gather", lambda r, t: [numbers(r, t, 3, 3, 3), _ints(2, 0, 1)], axis=_axis)
_case("Gather", lambda r, t: [numbers(r, t, 3, 3), _ints(-1)], 11)
_case("Transpose", lambda r, t: [numbers(r, t, 2, 3, 4)])
_case("Transpose", lambda r, t: [numbers(r, t, 2, 3, 4)], perm=[2, 0, 1])
_case("Squeeze", lambda r, t: [numbers(r, t, 2, 1, 4)], last=11, axes=[1])
_case("Squeeze", lambda r, t: [numbers(r, t, 2, 1, 4), _ints(-2)], 13)
_case("Unsqueeze", lambda r, t: [numbers(r, t, 2, 4)], last=11, axes=[0, 2])
_case("Unsqueeze", lambda r, t: [numbers(r, t, 2, 4), _ints(-1, 0)], 13)
_case("Expand", lambda r, t: [numbers(r, t, 3, 1), _ints(2, 3, 4)])
_case("Tile", lambda r, t: [numbers(r, t, 2, 3), _ints(2, 2)])
for _mode in ("DCR", "CRD"):
    _case("DepthToSpace", lambda r, t: [numbers(r, t, 1, 8, 2, 3)], 11, blocksize=2, mode=_mode)
_case("DepthToSpace", lambda r, t: [numbers(r, t, 1, 8, 2, 3)], blocksize=2)
_case("SpaceToDepth", lambda r, t: [numbers(r, t, 1, 2, 4, 6)], blocksize=2)
_case("Slice", lambda r, t: [numbers(r, t, 4, 5)], last=1, starts=[1, 0], ends=[3, -1], axes=[0, 1])
_case("Slice", lambda r, t: [numbers(r, t, 4, 5), _ints(3, 0), _ints(-9, 4), _ints(0, 1), _ints(-1, 2)], 10)
_case("Shape", lambda r, t: [numbers(r, t, 2, 3, 4)], 15, start=1, end=-1)
_case("ConstantOfShape", lambda r, t: [_ints(2, 3)])
_TIMES = np.array([1, 1, 2, 3], np.float32)
_case("Upsample", lambda r, t: [numbers(r, t, 1, 2, 2, 3), _TIMES], 9, 9, mode="nearest")
for _how in ("asymmetric", "half_pixel", "align_corners"):
    for _rule in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
        _case(
            "Resize",
            lambda r, t: [small(r, t, 1, 2, 2, 3), np.zeros(0, np.float32), _TIMES],  # the evaluator has float64 places
            11,
            coordinate_transformation_mode=_how,
            nearest_mode=_rule,
        )
_ML = "ai.onnx.ml"
_case("Binarizer", lambda r, t: [small(r, t, 3, 4)], domain=_ML, first=1, threshold=0.5)
_case("Binarizer", lambda r, t: [small(r, t, 3, 4)], domain=_ML, first=1, threshold=-0.5)
_case("Scaler", lambda r, t: [numbers(r, t, 3, 2)], domain=_ML, first=1, offset=[0.5, 1.0], scale=[2.0, -0.1])
_case("ArrayFeatureExtractor", lambda r, t: [numbers(r, t, 3, 4), _ints(2, 0)], domain=_ML, first=1)

for _text, _a, _b in (
    ("ij,jk->ik", (3, 4), (4, 2)),
    ("bij,bkj", (2, 3, 4), (2, 5, 4)),
    ("...j,kj->...k", (2, 3, 4), (5, 4)),
):
    _case("Einsum", lambda r, t, a=_a, b=_b: [small(r, t, *a), small(r, t, *b)], 12, equation=_text)  # type: ignore[misc]


def _whole(r: np.random.Generator, dtype: Any, *shape: int) -> np.ndarray:
    return r.integers(0, 100, shape).astype(dtype)


def _int_cases(a: Any, b: Any) -> None:
    def both(r: np.random.Generator, x: tuple[int, ...], w: tuple[int, ...]) -> Arrays:
        return [_whole(r, a, *x), _whole(r, b, *w), _whole(r, a), _whole(r, b)]

    def linear(r: np.random.Generator, x: tuple[int, ...], w: tuple[int, ...], scales: np.ndarray) -> Arrays:
        q, k, zq, zk = both(r, x, w)
        half = np.float32(0.5)
        return [q, half, zq, k, scales, zk, np.float32(64.0), _whole(r, a)]

    row, kernel = ((3, 6), (6, 4)), ((1, 2, 5, 5), (3, 2, 2, 3))
    three = np.array([0.5, 0.25, 0.3], np.float32)
    _case("MatMulInteger", lambda r, t: both(r, *row), 10)
    _case("MatMulInteger", lambda r, t: both(r, *row)[:2], 10)
    _case("ConvInteger", lambda r, t: both(r, *kernel), 10, pads=[1, 0, 1, 1], strides=[2, 1])
    _case("ConvInteger", lambda r, t: both(r, *kernel)[:3], 10, dilations=[2, 1])
    _case("QLinearMatMul", lambda r, t: linear(r, *row, np.float32(0.3)), 10)
    _case("QLinearConv", lambda r, t: linear(r, *kernel, three), 10, pads=[0, 1, 1, 1])
    _case("QLinearConv", lambda r, t: [*linear(r, *kernel, three[0]), r.integers(-99, 99, 3).astype(np.int32)], 10)


for _x, _w in ((np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)):
    _int_cases(_x, _w)
