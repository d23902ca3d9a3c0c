"""Rows: layers without a step between them, and sums of activations."""

from __future__ import annotations

import numpy as np
from onnx_models import Model
from pattern import bits, conv, pattern, pm1, quant
from patterns_maps import map_row

ONE_SUM = "one sum: the products of the weights over the first layer's bits"
TWO_SUMS = "two sums, the second over the binary digits of the first, where one would have more than twice the weights"
BY_VALUE = "a bit per value of the sum between, at most 255"


def dense_row(name: str, note: str, shape: int = 6) -> object:
    """A row on features: the function gets +-1 bits and gives what is compared."""
    return pattern("Layers", name, note, (shape,))


@dense_row("MatMul after MatMul", ONE_SUM)
def _two_matmuls(m: Model, rng: np.random.Generator) -> str:
    x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))
    return bits(m, m.op("MatMul", x, m.const(rng.integers(-3, 4, (5, 4)))), 0.5)


@dense_row("MatMul after MatMul at the end", ONE_SUM)
def _two_at_the_end(m: Model, rng: np.random.Generator) -> str:
    x = m.op("MatMul", bits(m, bits(m, m.input)), m.const(pm1(rng, 6, 5)))
    return m.op("MatMul", x, m.const(rng.normal(size=(5, 4))))


@dense_row("MatMul after MatMul, scales per output in a small ratio", ONE_SUM)
def _ratios(m: Model, rng: np.random.Generator) -> str:
    scales = np.float32(0.3) * np.array([1, 2, 3, 1.5, 1], np.float32)
    x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5) * scales))
    return bits(m, m.op("MatMul", x, m.const(pm1(rng, 5, 4))), 0.17)


@dense_row("Gemm after Gemm, with biases", BY_VALUE)
def _two_gemms(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Gemm", bits(m, m.input), m.const(pm1(rng, 6, 5)), m.const(rng.normal(size=5)))
    return bits(m, m.op("Gemm", x, m.const(pm1(rng, 5, 4)), m.const(rng.normal(size=4))))


@dense_row("BatchNormalization between two layers", BY_VALUE)
def _norm_between(m: Model, rng: np.random.Generator) -> str:
    x = m.batch_norm(m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5))), rng, 5)
    return bits(m, m.op("MatMul", x, m.const(pm1(rng, 5, 4))), 0.5)


@dense_row("a scale per output between two layers", BY_VALUE)
def _scale_between(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Mul", m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5))), m.const(rng.normal(size=5)))
    return bits(m, m.op("MatMul", x, m.const(pm1(rng, 5, 4))), 0.5)


def _head(m: Model, x: str, rng: np.random.Generator, features: int) -> str:
    return m.op("Gemm", m.op("Flatten", x), m.const(pm1(rng, features, 4)), m.const(rng.normal(size=4)))


def _pooled(m: Model, rng: np.random.Generator, op: str, **attrs: object) -> str:
    x = bits(m, conv(m, bits(m, m.input), rng, 3, 2, 2, 2))
    x = m.op(op, x, **attrs)
    return _head(m, x, rng, 12 if op == "AveragePool" else 3)


for _op, _attrs in (
    ("GlobalAveragePool", {}),
    ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
):
    pattern("Maps", f"{_op}, Gemm", f"the usual head; {ONE_SUM}", (2, 5, 5))(
        lambda m, r, op=_op, attrs=_attrs: _pooled(m, r, op, **attrs)
    )


@pattern("Maps", "GlobalAveragePool, Gemm, of many places", TWO_SUMS, (2, 9, 9))
def _kept(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, conv(m, bits(m, m.input), rng, 8, 2, 2, 2))
    return m.op("Gemm", m.op("Flatten", m.op("GlobalAveragePool", x)), m.const(pm1(rng, 8, 10)))


def _kept_windows(m: Model, x: str, rng: np.random.Generator) -> str:
    x = quant(m, m.batch_norm(conv(m, x, rng, 4, 2, 1, 1), rng, 4), 2, 1, 0, 0.6)
    x = m.op("AveragePool", x, kernel_shape=[4, 4], strides=[2, 2])
    return m.batch_norm(conv(m, x, rng, 6, 4, 3, 3, pads=[1, 1, 1, 1]), rng, 6)


def _kept_depthwise(m: Model, x: str, rng: np.random.Generator) -> str:
    x = quant(m, m.batch_norm(conv(m, x, rng, 16, 8, 1, 1), rng, 16), 3, 1, 0, 0.2)
    return conv(m, conv(m, x, rng, 16, 1, 3, 3, group=16), rng, 12, 16, 1, 1)


def _over_channels(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.op("ReduceMean", bits(m, conv(m, x, rng, 3, 2, 2, 2)), axes=[1, 3], keepdims=1)


def _separable(m: Model, x: str, rng: np.random.Generator) -> str:
    return conv(m, conv(m, x, rng, 3, 1, 3, 3, group=3, pads=[1, 1, 1, 1]), rng, 4, 3, 1, 1)


def _separable_scaled(m: Model, x: str, rng: np.random.Generator) -> str:
    w = pm1(rng, 3, 1, 2, 2) * rng.random((3, 1, 1, 1)).astype(np.float32)
    x = m.batch_norm(m.op("Conv", x, m.const(w), group=3), rng, 3)
    return conv(m, x, rng, 4, 3, 1, 1)


def _groups_after(m: Model, x: str, rng: np.random.Generator) -> str:
    return conv(m, conv(m, x, rng, 4, 2, 2, 2), rng, 6, 2, 3, 2, group=2, pads=[1, 1, 0, 1], strides=[2, 1])


def _pool_then_conv(m: Model, x: str, rng: np.random.Generator) -> str:
    x = m.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    return conv(m, x, rng, 4, 2, 2, 2, pads=[1, 1, 1, 1])


def _conv_then_pool(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.op("AveragePool", conv(m, x, rng, 3, 2, 2, 2), kernel_shape=[2, 2])


map_row("ReduceMean over other axes", "channels and columns", _over_channels, (2, 4, 4))
map_row("Conv depthwise, Conv 1 x 1", ONE_SUM, _separable, (3, 5, 5))
map_row("Conv depthwise, BatchNormalization, Conv 1 x 1", BY_VALUE, _separable_scaled, (3, 4, 4))
map_row("AveragePool of 2 bits, padded Conv", TWO_SUMS, _kept_windows, (2, 8, 8))
map_row("Conv depthwise of 3 bits, Conv 1 x 1", TWO_SUMS, _kept_depthwise, (8, 4, 4))
map_row("Conv, Conv with groups and pads", ONE_SUM, _groups_after)
map_row("AveragePool, Conv", ONE_SUM, _pool_then_conv)
map_row("Conv, AveragePool", ONE_SUM, _conv_then_pool)


@pattern("Maps", "Conv, Flatten, Gemm", ONE_SUM, (2, 4, 4))
def _conv_then_dense(m: Model, rng: np.random.Generator) -> str:
    return _head(m, conv(m, bits(m, m.input), rng, 3, 2, 2, 2), rng, 27)


def _residual(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.batch_norm(m.op("Add", conv(m, x, rng, 2, 2, 3, 3, pads=[1, 1, 1, 1]), x), rng, 2)


def _two_maps(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.op("Add", x, bits(m, conv(m, x, rng, 2, 2, 3, 3, pads=[1, 1, 1, 1])))


def _quantized(m: Model, x: str, rng: np.random.Generator, scales: tuple[float, float]) -> tuple[str, str]:
    a = m.batch_norm(conv(m, x, rng, 2, 2, 3, 3, pads=[1, 1, 1, 1]), rng, 2)
    b = m.batch_norm(conv(m, x, rng, 2, 2, 1, 1), rng, 2)
    return quant(m, a, 3, 1, 0, scales[0]), quant(m, m.op("Relu", b), 2, 0, 0, scales[1])


def _one_scale(m: Model, x: str, rng: np.random.Generator) -> str:
    total = m.op("Relu", m.op("Add", *_quantized(m, x, rng, (0.43, 0.43))))
    return conv(m, quant(m, total, 2, 0, 0, 0.7), rng, 3, 2, 2, 2)


def _ratio(m: Model, x: str, rng: np.random.Generator) -> str:
    total = m.op("Sub", *_quantized(m, x, rng, (0.5, 0.75)))
    return m.batch_norm(total, rng, 2)


def _chain(m: Model, x: str, rng: np.random.Generator) -> str:
    for _ in range(3):
        x = m.op("Add", x, bits(m, m.batch_norm(conv(m, bits(m, x), rng, 2, 2, 3, 3, pads=[1, 1, 1, 1]), rng, 2)))
    return m.batch_norm(x, rng, 2)


def _per_channel(m: Model, x: str, rng: np.random.Generator) -> str:
    scale = np.array([0.3, 0.7], np.float32).reshape(1, 2, 1, 1)
    a, b = _quantized(m, x, rng, (scale, scale))
    return quant(m, m.op("Add", a, b), 2, 1, 0, 0.6)


def _into_conv(m: Model, x: str, rng: np.random.Generator) -> str:
    return conv(m, m.op("Add", *_quantized(m, x, rng, (0.43, 0.43))), rng, 3, 2, 3, 3, pads=[1, 1, 1, 1])


def _shortcut_pooled(m: Model, x: str, rng: np.random.Generator) -> str:
    a = bits(m, conv(m, x, rng, 2, 2, 3, 3, pads=[1, 1, 1, 1], strides=[2, 2]))
    return m.op("Add", a, m.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]))


def _three(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.op("Sum", x, *_quantized(m, x, rng, (1.0, 0.5)))


map_row("Add(Conv(s), s)", "a shortcut of bits", _residual, group="Moves")
map_row("Add of two activations", "scales equal or in a small ratio; others are refused", _two_maps, group="Moves")
map_row("Add of two Quant, Relu, Quant", "a residual block of Brevitas", _one_scale, group="Moves")
map_row("Sub of two Quant of scales 2 : 3", "", _ratio, group="Moves")
map_row("Add over three blocks", "", _chain, group="Moves")
map_row("Add of two Quant with a scale per channel", "", _per_channel, group="Moves")
map_row("Add of two Quant, Conv", "without a step between", _into_conv, group="Moves")
map_row("Add of an activation and a pooled shortcut", "", _shortcut_pooled, group="Moves")
map_row("Sum of three", "", _three, group="Moves")


@pattern("Moves", "Add of two activations, dense")
def _dense_residual(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 6))))
    y = bits(m, m.op("MatMul", x, m.const(pm1(rng, 6, 6))), 0.5)
    return m.op("MatMul", bits(m, m.op("Add", x, y), 0.5), m.const(pm1(rng, 6, 4)))
