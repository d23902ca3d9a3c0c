"""Rows: tensors of other types than float32 between the layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from onnx_models import Model
from pattern import FLOAT, INT32, bits, pattern, pm1

if not hasattr(TensorProto, "UINT2"):
    pytest.skip("needs an onnx that knows integers of two bits", allow_module_level=True)

INT8, INT4, UINT2, INT16 = TensorProto.INT8, TensorProto.INT4, TensorProto.UINT2, TensorProto.INT16


def _typed(name: str, note: str, number: int, dtype: Any) -> None:
    """A whole graph in one type, between a cast of the input and one of the scores."""

    def make(m: Model, rng: np.random.Generator) -> str:
        def const(value: object) -> str:
            return m.op("Cast", m.const(value), to=number) if dtype is None else m.const(value, dtype)

        def step(x: str, threshold: str) -> str:
            return m.op("Where", m.op("Greater", x, threshold), const(1.0), const(-1.0))

        x = step(m.op("Cast", m.input, to=number), const(0.0))
        x = m.op("Mul", m.op("MatMul", x, const(pm1(rng, 6, 5))), const([0.1, 0.3, -0.7, 1.0, 0.1]))
        x = step(m.op("Add", x, const(rng.normal(size=5))), const([0.0, 0.1, 0.2, -0.3, 0.4]))
        return m.op("Cast", m.op("MatMul", x, const(pm1(rng, 5, 3))), to=FLOAT)

    pattern("Types", name, note)(make)


_typed("float64", "thresholds are float64s; sums are exact and rounded once", TensorProto.DOUBLE, np.float64)
_typed("float16", "each operator rounds; sums whose order would count are refused", TensorProto.FLOAT16, np.float16)
_typed("bfloat16", "the same, with every integer up to 256", TensorProto.BFLOAT16, None)


def _between(name: str, note: str, opset: int = 21) -> Any:
    """A row with something between the sums of one layer and the next layer."""

    def register(middle: Any) -> Any:
        def make(m: Model, rng: np.random.Generator) -> str:
            x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))
            return m.op("MatMul", middle(m, x, rng), m.const(pm1(rng, 5, 3)))

        pattern("Types", name, note, opset=opset)(make)
        return middle

    return register


@_between("integers, Cast, Add, Mul", "where they cannot wrap around; else read at every sum, or refused", 17)
def _integers(m: Model, x: str, rng: np.random.Generator) -> str:
    i = m.op("Mul", m.op("Cast", x, to=INT32), m.const(5, np.int32))
    i = m.op("Add", m.op("Cast", i, to=INT8), m.const([-3, 7, 0, 90, -90], np.int8))
    return m.op("Cast", m.op("Greater", i, m.const([0, 7, -2, 85, -95], np.int8)), to=FLOAT)


@_between("integer division", "cuts towards zero", 17)
def _division(m: Model, x: str, rng: np.random.Generator) -> str:
    i = m.op("Div", m.op("Cast", x, to=INT32), m.const([2, -2, 3, 1, 4], np.int32))
    return m.op("Cast", m.op("GreaterOrEqual", i, m.const([0, 0, 1, 2, 1], np.int32)), to=FLOAT)


def _quantized(name: str, note: str, opset: int = 21, scale: Any = 2.0, zero: Any = None, **attrs: Any) -> None:
    @_between(name, note, opset)
    def middle(m: Model, x: str, rng: np.random.Generator) -> str:
        args = [m.const(scale)] if zero is None else [m.const(scale), m.const(*zero)]
        axis = {"axis": attrs["axis"]} if "axis" in attrs else {}
        return m.op("DequantizeLinear", m.op("QuantizeLinear", x, *args, **attrs), *args, **axis)


_quantized("QuantizeLinear, output_dtype", "without a zero point; opset 21", output_dtype=INT8)
_quantized("QuantizeLinear to int4", "integers of 2, 4, 8 and 16 bits", output_dtype=INT4)
_quantized("QuantizeLinear to uint2", "", 25, output_dtype=UINT2)
_quantized("QuantizeLinear to int16", "", output_dtype=INT16)
_quantized("QuantizeLinear per channel", "", 13, [2.0, 1.0, 0.5, 1.0, 4.0], ([1, 0, 3, -2, 0], np.int8), axis=1)
_quantized("QuantizeLinear, a negative scale", "", 13, [-2.0, 1.0, -0.5, 1.0, 4.0], ([1, 0, 3, -2, 0], np.int8), axis=1)
_quantized("QuantizeLinear, precision", "the type it divides in; opset 23", 23, 3.0, precision=TensorProto.DOUBLE)


@pattern("Types", "DequantizeLinear of weights in blocks", "opset 21", opset=21)
def _blocks(m: Model, rng: np.random.Generator) -> str:
    scale = m.const(np.stack([np.full(5, 0.5), np.full(5, 1.0)]))
    weights = m.op("DequantizeLinear", m.const(pm1(rng, 6, 5), np.int8), scale, axis=0, block_size=3)
    x = bits(m, m.op("MatMul", bits(m, m.input), weights))
    return m.op("MatMul", x, m.const(pm1(rng, 5, 3)))
