"""Rows: the same layers in the operators of FINN, QONNX and integer exports, and from the other side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx_models import QONNX, Model
from pattern import bits, conv, pattern, pm1, quant

LAST = "qonnx.custom_op.channels_last"
FINN = "finn.custom_op.general"
Layer = Callable[[Model, str, np.random.Generator], str]


def row(name: str, note: str, layer: Layer, shape: tuple[int, ...] = (2, 6, 6), opset: int = 17) -> None:
    """Bits, the layer, a comparison, Flatten."""

    def make(m: Model, rng: np.random.Generator) -> str:
        return m.op("Flatten", bits(m, layer(m, bits(m, m.input), rng), 0.5))

    pattern("Dialects", name, note, shape, opset=opset)(make)


def last_conv(m: Model, x: str, r: np.random.Generator, *shape: int, bias: bool = False, **attrs: Any) -> str:
    """A +-1 convolution of channels_last, weights (R, h, w, C)."""
    full = {
        "kernel_shape": list(shape[1:-1]),
        "strides": [1] * (len(shape) - 2),
        "dilations": [1] * (len(shape) - 2),
        "pads": [0] * (2 * len(shape) - 4),
        "group": 1,
    }
    more = [m.const(r.normal(size=shape[0]))] if bias else []
    return m.op("Conv", x, m.const(pm1(r, *shape)), *more, domain=LAST, **(full | attrs))


def last_norm(m: Model, x: str, r: np.random.Generator, channels: int) -> str:
    """BatchNormalization of channels_last."""
    parts = r.normal(size=channels), r.normal(size=channels), r.normal(size=channels), r.random(channels) + 0.5
    return m.op("BatchNormalization", x, *map(m.const, parts), domain=LAST, epsilon=1e-5, momentum=0.9)


def _finn_2019(m: Model, r: np.random.Generator) -> str:
    def step(x: str) -> str:
        return m.op("MultiThreshold", x, m.const([[0.0]]), domain="finn", out_scale=2.0, out_bias=-1.0)

    x = step(m.op("MatMul", step(m.input), m.const(pm1(r, 6, 5))))
    return m.op("MatMul", x, m.const(pm1(r, 5, 3)))


pattern("Dialects", "MultiThreshold in domain finn", "exports of 2019 and 2020", opset=9)(_finn_2019)

row("channels_last Conv", "weights (R, h, w, C)", lambda m, x, r: last_conv(m, x, r, 3, 3, 2, 2), (6, 6, 2))
row(
    "channels_last Conv, pads, bias, strides",
    "",
    lambda m, x, r: last_conv(m, x, r, 3, 3, 3, 2, bias=True, pads=[1, 0, 1, 2], strides=[2, 1]),
    (6, 5, 2),
)
row("channels_last Conv, group", "", lambda m, x, r: last_conv(m, x, r, 4, 2, 2, 2, group=2), (5, 5, 4))
row(
    "channels_last BatchNormalization",
    "",
    lambda m, x, r: last_norm(m, last_conv(m, x, r, 3, 2, 2, 2), r, 3),
    (5, 5, 2),
)


def _last_pool(m: Model, x: str, r: np.random.Generator) -> str:
    attrs = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 0, 0]}
    return m.op("MaxPool", bits(m, last_conv(m, x, r, 3, 2, 2, 2)), domain=LAST, **attrs)


def _nhwc_pool(m: Model, x: str, r: np.random.Generator) -> str:
    x = m.op(
        "MaxPoolNHWC", last_conv(m, x, r, 4, 2, 2, 2), domain=QONNX, kernel_shape=[2, 2], strides=[1, 1], pads=[0] * 4
    )
    return last_norm(m, x, r, 4)


def _nhwc_steps(m: Model, x: str, r: np.random.Generator) -> str:
    x = last_conv(m, x, r, 3, 2, 2, 2)
    x = m.op("MultiThreshold", x, m.const(np.sort(r.normal(size=(3, 3)) * 2)), domain=QONNX, data_layout="NHWC")
    x = m.op("MaxPoolNHWC", x, domain=QONNX, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
    x = quant(m, last_conv(m, x, r, 2, 2, 2, 3), 2, 1, 0, np.float32([[[[0.5, 2.0]]]]))
    return last_conv(m, x, r, 2, 1, 1, 2)


row("channels_last MaxPool", "of bits", _last_pool, (6, 6, 2))
row("MaxPoolNHWC", "of sums before BatchNormalization", _nhwc_pool, (6, 6, 2))
row("MultiThreshold and Quant in NHWC", "data_layout; a scale per channel", _nhwc_steps, (7, 7, 2))


def im2col(m: Model, x: str, shape: tuple[int, int, int], kernel: int, domain: str = QONNX, **attrs: Any) -> str:
    """The places under a window."""
    text = f"(1,{shape[0]},{shape[1]},{shape[2]})"
    given = {"stride": [1, 1], "kernel_size": [kernel] * 2, "input_shape": text, "pad_amount": [0] * 4} | attrs
    return m.op("Im2Col", x, domain=domain, **given)


def _im2col(channels: int, kernel: int = 3, rows: int = 4, domain: str = QONNX, **attrs: Any) -> Layer:
    def layer(m: Model, x: str, r: np.random.Generator) -> str:
        seen = im2col(m, x, (6, 6, channels), kernel, domain, **attrs)
        return m.op("MatMul", seen, m.const(pm1(r, kernel * kernel * channels, rows)))

    return layer


row("Im2Col, MatMul", "a convolution, as FINN lowers it", _im2col(2), (6, 6, 2))
row("Im2Col, MatMul, pads", "zeros around +-1 are exact", _im2col(2, pad_amount=[1, 0, 2, 1], stride=[2, 1]), (6, 6, 2))
row("Im2Col, MatMul, dilations", "", _im2col(2, 2, dilations=[2, 1], domain=FINN), (6, 6, 2))
row("Im2Col, pad_value", "another constant than 0", _im2col(2, pad_amount=[1] * 4, pad_value=1), (6, 6, 2))


def _im2col_xnor(m: Model, x: str, r: np.random.Generator) -> str:
    x = m.op("Cast", m.op("Greater", x, m.const(0.0)), to=1)
    seen = im2col(m, x, (5, 5, 2), 2, FINN)
    return m.op("XnorPopcountMatMul", seen, m.const(r.integers(0, 2, (8, 3))), domain=FINN)


row("Im2Col, XnorPopcountMatMul", "", _im2col_xnor, (5, 5, 2))


def _on_input(m: Model, r: np.random.Generator) -> str:
    x = m.op("MatMul", im2col(m, m.input, (5, 5, 2), 3, pad_amount=[1] * 4), m.const(pm1(r, 18, 3)))
    return m.op("Flatten", bits(m, x, 7.5))


pattern("Dialects", "Im2Col of the input's integers", "with padding; `--input uint8`", (5, 5, 2), "uint8")(_on_input)


def trunc(m: Model, x: str, before: float, after: float, scale: float, **more: Any) -> str:
    """Trunc with five inputs, or with six where the scale after it is given."""
    last = [more.pop("scale_after")] if "scale_after" in more else []
    args = [scale, 0.0, before, *last, after]
    return m.op("Trunc", x, *(m.const(v) for v in args), domain=QONNX, **({"rounding_mode": "FLOOR"} | more))


def _truncated(m: Model, x: str, r: np.random.Generator, **more: Any) -> str:
    y = trunc(m, _average(m, x, r), 4.0, 2.0, 0.5, **more)
    return m.batch_norm(conv(m, y, r, 2, 3, 1, 1), r, 2)


def _average(m: Model, x: str, r: np.random.Generator) -> str:
    x = quant(m, conv(m, x, r, 3, 2, 2, 2), 2, 0, 0, 0.5)
    return m.op("Mul", m.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), m.const(4.0))


row("AveragePool, Mul, Trunc", "five inputs, as Brevitas wrote it", _truncated)
row(
    "AveragePool, Mul, Trunc, with the scale after",
    "six inputs",
    lambda m, x, r: _truncated(m, x, r, scale_after=2.0, signed=0, narrow=0),
)
row(
    "AveragePool that leaves padding out",
    "the divisor differs from place to place",
    lambda m, x, r: m.op("AveragePool", bits(m, conv(m, x, r, 3, 2, 2, 2)), kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
)
row(
    "AveragePool that leaves padding out, Gemm",
    "a bit per value of the average, at most 255",
    lambda m, x, r: m.op(
        "Gemm",
        m.op(
            "Flatten", m.op("AveragePool", bits(m, conv(m, x, r, 3, 2, 2, 2)), kernel_shape=[2, 2], pads=[1, 0, 0, 0])
        ),
        m.const(pm1(r, 60, 4)),
    ),
)
row(
    "AveragePool, ceil_mode",
    "the last window sees less",
    lambda m, x, r: m.op(
        "AveragePool", bits(m, conv(m, x, r, 3, 2, 2, 2)), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1
    ),
    opset=19,
)
