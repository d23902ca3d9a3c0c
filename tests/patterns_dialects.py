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

row("MatMul, weights on the left", "W @ x", lambda m, x, r: m.op("MatMul", m.const(pm1(r, 4, 6)), x), (6, 3))
row(
    "MatMul, weights on the left, of one sample in a column",
    "",
    lambda m, x, r: m.op(
        "Transpose", m.op("MatMul", m.const(pm1(r, 4, 6)), m.op("Transpose", x, perm=[1, 0])), perm=[1, 0]
    ),
    (6,),
)
row(
    "MatMul of every place",
    "a convolution of 1 x 1 in NHWC",
    lambda m, x, r: m.op("MatMul", x, m.const(pm1(r, 2, 4))),
    (3, 3, 2),
)
row(
    "MatMul in batches",
    "weights (B, n, R), as grouped layers",
    lambda m, x, r: m.op("MatMul", x, m.const(pm1(r, 3, 4, 2))),
    (3, 5, 4),
)
for _text, _shape, _weights in (
    ("ni,oi->no", (6,), (4, 6)),
    ("...i,io", (6,), (6, 4)),
    ("nchw,oc->nohw", (2, 4, 4), (3, 2)),
    ("nhwc,hwo->nco", (3, 3, 2), (3, 3, 4)),
    ("bgi,gio->bgo", (3, 4), (3, 4, 2)),
):
    row(
        f"Einsum {_text}",
        "a matrix product",
        lambda m, x, r, t=_text, w=_weights: m.op("Einsum", x, m.const(pm1(r, *w)), equation=t),
        _shape,
    )
row(
    "Einsum oi,ni->no",
    "weights first",
    lambda m, x, r: m.op("Einsum", m.const(pm1(r, 4, 6)), x, equation="oi,ni->no"),
    (6,),
)


def _eight(m: Model, x: str, zero: int = 3, dtype: Any = np.uint8, scale: float = 0.5) -> tuple[str, str]:
    """An 8-bit tensor of few levels and its zero point."""
    z = m.const(zero, dtype)
    clipped = m.op("Clip", x, m.const(-1.0), m.const(1.0))
    return m.op("QuantizeLinear", clipped, m.const(scale), z), z


def _scaled(m: Model, x: str, r: np.random.Generator) -> str:
    return m.op("Mul", m.op("Cast", x, to=1), m.const(0.25))


def _matmul_integer(m: Model, x: str, r: np.random.Generator) -> str:
    x, z = _eight(m, x)
    w, zw = m.const(r.integers(-5, 6, (6, 4)), np.int8), m.const(r.integers(-1, 2, 4), np.int8)
    return _scaled(m, m.op("MatMulInteger", x, w, z, zw), r)


def _conv_integer(m: Model, x: str, r: np.random.Generator) -> str:
    x, z = _eight(m, x)
    w = m.const(r.integers(0, 6, (3, 2, 3, 3)), np.uint8)
    return _scaled(m, m.op("ConvInteger", x, w, z, m.const(2, np.uint8), pads=[1, 1, 1, 0]), r)


def _again(m: Model, x: str, r: np.random.Generator, zero: str, scale: float) -> str:
    return m.op("DequantizeLinear", x, m.const(scale), zero)


def qlinear_matmul(m: Model, x: str, r: np.random.Generator, zero: int = 6) -> str:
    """Signed bytes, with ties between two integers among the sums."""
    x, z = _eight(m, x, -2, np.int8)
    w, zw = m.const(r.integers(-5, 6, (6, 4)), np.int8), m.const(0, np.int8)
    zy = m.const(zero, np.int8)
    y = m.op("QLinearMatMul", x, m.const(0.5), z, w, m.const(0.25), zw, m.const(2.0), zy)
    return m.op("MatMul", _again(m, y, r, zy, 2.0), m.const(pm1(r, 4, 3)))


def _qlinear_conv(m: Model, x: str, r: np.random.Generator) -> str:
    x, z = _eight(m, x)
    w, zw = m.const(r.integers(-3, 4, (3, 2, 2, 2)), np.int8), m.const([0, 0, 0], np.int8)
    zy, bias = m.const(100, np.uint8), m.const(r.integers(-9, 9, 3), np.int32)
    scales = m.const(0.5), m.const([0.25, 0.5, 1.0]), m.const(1.0)
    y = m.op("QLinearConv", x, scales[0], z, w, scales[1], zw, scales[2], zy, bias, pads=[1, 0, 0, 0])
    return conv(m, _again(m, y, r, zy, 1.0), r, 2, 3, 2, 2)


row("MatMulInteger", "zero points of both operands", _matmul_integer, (6,))
row("ConvInteger", "padding is 0 behind the zero point", _conv_integer)
row("QLinearMatMul", "rounded as onnx's evaluator does", qlinear_matmul, (6,))
row("QLinearConv", "a scale per channel, bias, padding", _qlinear_conv)


def _shape_product(m: Model, x: str, r: np.random.Generator) -> str:
    size = m.op("Slice", m.op("Shape", x), *(m.const(v, np.int64) for v in ([1], [4], [0])))
    both = m.op("Concat", m.const([-1], np.int64), m.op("ReduceProd", size, keepdims=1), axis=0)
    return m.op("MatMul", m.op("Reshape", x, both), m.const(pm1(r, 18, 4)))


def _standardised(m: Model, x: str, r: np.random.Generator) -> str:
    """sign((w - mean) / norm) of latent weights, as weight standardisation writes it."""
    w = m.const(r.normal(size=(3, 2, 3, 3)))
    centred = m.op("Sub", w, m.op("ReduceMean", w, axes=[1, 2, 3]))
    norm = m.op("ReduceL2", centred, axes=[1, 2, 3])
    return m.op("Conv", x, m.op("Sign", m.op("Div", centred, norm)))


def _folded(m: Model, x: str, r: np.random.Generator) -> str:
    """A kernel from indices: operators that no kernel computes."""
    mask = m.op("Trilu", m.op("EyeLike", m.const(np.zeros((6, 4))), k=0), upper=1)
    more = m.op("OneHot", m.const([1, 3, 0, 2, 3, 1], np.int64), m.const(4, np.int64), m.const([-1.0, 1.0]))
    return m.op("MatMul", x, m.op("Add", m.op("Mul", mask, m.const(2.0)), more))


row(
    "ReduceProd of a shape",
    "constants behind any operator of ONNX are folded by its own evaluator",
    _shape_product,
    (2, 3, 3),
)
row("weight standardisation", "ReduceMean, Sub, ReduceL2, Div of the weights", _standardised)
row("weights out of EyeLike, Trilu, OneHot", "any operator without sub-graphs and random numbers", _folded, (6,))


def leaky(m: Model, r: np.random.Generator, zero: bool = False) -> str:
    """Two layers of leaky neurons over three steps, reset by subtraction, or to zero; the spikes are counted."""
    x, count, w = bits(m, m.input), "", (m.const(pm1(r, 6, 5)), m.const(pm1(r, 5, 4)))
    state = [("", ""), ("", "")]
    for _ in range(3):
        y = x
        for k in range(2):
            u, (potential, spike) = m.op("MatMul", y, w[k]), state[k]
            if spike:
                u = m.op("Add", m.op("Mul", potential, m.const(0.5)), u)
                u = m.op("Mul", u, m.op("Sub", m.const(1.0), spike)) if zero else m.op("Sub", u, spike)
            y = m.op("Cast", m.op("Greater", u, m.const(1.0)), to=1)
            state[k] = u, y
        count = m.op("Add", count, y) if count else y
    return count


pattern("Dialects", "leaky neurons over several steps", "reset by subtraction, a decay of 1 or 1/2")(leaky)


def _detach_input(m: Model, r: np.random.Generator) -> str:
    x = m.op("Add", m.input, m.op("Sub", m.op("Sign", m.input), m.input))
    x = m.op("Add", m.op("MatMul", x, m.const(pm1(r, 6, 5))), m.const(0.5))
    return m.op("MatMul", m.op("Sign", x), m.const(pm1(r, 5, 3)))


for _stated in ("bipolar", "int8/128"):
    pattern(
        "Dialects",
        f"straight-through by detach on the input, {_stated}",
        "evaluated at each of its values",
        input=_stated,
    )(_detach_input)
row(
    "AveragePool, Relu, Conv",
    "a pool of bits takes few values, whatever follows",
    lambda m, x, r: conv(
        m, m.op("Relu", m.op("AveragePool", bits(m, conv(m, x, r, 3, 2, 2, 2)), kernel_shape=[2, 2])), r, 2, 3, 2, 2
    ),
)
