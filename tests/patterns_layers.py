"""Rows: layers."""

from __future__ import annotations

import numpy as np
from onnx_models import QONNX, Model
from pattern import FLOAT, bits, pattern, pm1


@pattern("Layers", "MatMul", "weights (in, out)")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5))))
    return m.op("MatMul", x, m.const(pm1(rng, 5, 3)))


@pattern("Layers", "Transpose of weights, MatMul", "weights (out, in)")
def _(m: Model, rng: np.random.Generator) -> str:
    w = m.op("Transpose", m.const(pm1(rng, 5, 6)), perm=[1, 0])
    return m.op("MatMul", bits(m, m.op("MatMul", bits(m, m.input), w)), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "Gemm", "bias is part of the float32 tail; transA is refused")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Gemm", bits(m, m.input), m.const(pm1(rng, 6, 5)), m.const(rng.normal(size=5)))
    return m.op("Gemm", bits(m, x), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "Gemm transB, alpha, beta", "weights (out, in)")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.input)
    x = m.op("Gemm", x, m.const(pm1(rng, 5, 6)), m.const(rng.normal(size=5)), transB=1, alpha=-0.3, beta=2.0)
    return m.op("Gemm", bits(m, x), m.const(pm1(rng, 3, 5)), transB=1)


@pattern("Layers", "BatchNormalization", "gammas of either sign; eval mode")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.batch_norm(m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5))), rng, 5)
    return m.op("MatMul", bits(m, x), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "BatchNormalization as Sub, Div, Mul, Add", "any spelling of an affine tail")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))
    x = m.op("Div", m.op("Sub", x, m.const(rng.normal(size=5))), m.op("Sqrt", m.const(rng.random(5) + 0.5)))
    x = m.op("Add", m.op("Mul", x, m.const(rng.normal(size=5))), m.const(rng.normal(size=5)))
    return m.op("MatMul", bits(m, x), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "BatchNormalization between Unsqueeze and Squeeze", "as FINN writes it")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))
    x = m.batch_norm(m.op("Unsqueeze", x, m.const([2], np.int64)), rng, 5)
    x = bits(m, m.op("Squeeze", x, m.const([2], np.int64)))
    return m.op("MatMul", x, m.const(pm1(rng, 5, 3)))


@pattern("Layers", "XnorPopcountMatMul", "FINN: {0,1} operands; the weights are constants")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Cast", m.op("Greater", m.input, m.const(0.0)), to=FLOAT)
    x = m.op("XnorPopcountMatMul", x, m.const(rng.integers(0, 2, (6, 5))), domain=QONNX)
    return m.op("MatMul", bits(m, x, 3.0), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "Add of two sums", "before one step; the scales are multiples of one unit")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.input)
    x = m.op("Add", m.op("MatMul", x, m.const(pm1(rng, 6, 5))), m.op("MatMul", x, m.const(2 * pm1(rng, 6, 5))))
    return m.op("MatMul", bits(m, m.batch_norm(x, rng, 5)), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "ReduceSum over features", "a vote")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5))))
    return bits(m, m.op("ReduceSum", x, m.const([1], np.int64), keepdims=1), 0.5)


@pattern("Layers", "Reshape, ReduceSum over groups", "a population count per class")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 12))))
    x = m.op("Reshape", x, m.const([-1, 4, 3], np.int64))
    return m.op("ReduceSum", x, m.const([2], np.int64), keepdims=0)


@pattern("Layers", "Dropout, Identity, DebugMarker", "passed through")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Identity", m.op("Dropout", m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))))
    return m.op("MatMul", m.op("DebugMarker", bits(m, x), domain=QONNX), m.const(pm1(rng, 5, 3)))


@pattern("Layers", "batch size by Shape, Gather, Concat, Reshape", "as torch.onnx writes x.view", shape=(2, 3))
def _(m: Model, rng: np.random.Generator) -> str:
    batch = m.op("Gather", m.op("Shape", m.input), m.const(0, np.int64), axis=0)
    shape = m.op("Concat", m.op("Unsqueeze", batch, m.const([0], np.int64)), m.const([-1], np.int64), axis=0)
    x = bits(m, m.op("Reshape", m.input, shape))
    return m.op("MatMul", bits(m, m.op("MatMul", x, m.const(pm1(rng, 6, 5)))), m.const(pm1(rng, 5, 3)))
