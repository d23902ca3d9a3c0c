"""Every ONNX pattern that the front end supports, as one small model each.

`test_patterns.py` proves each: float32 evaluator = reference = packed in every hidden bit and output, on random inputs.
`docs/make_onnx_table.py` writes the same list into docs/onnx.md, so that the table says nothing that is not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx_models import QONNX, Model

Build = Callable[[Model, np.random.Generator], str | tuple[str, ...]]
FLOAT, BOOL, INT32 = TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT32


@dataclass(frozen=True)
class Pattern:
    """One row. shape: of a sample; input: the encoding stated for the model; note: restrictions and meaning."""

    group: str
    name: str
    note: str
    shape: tuple[int, ...]
    input: str | None
    opset: int
    make: Build

    def build(self) -> onnx.ModelProto:
        """The model, the same at every call."""
        m = Model(["batch", *self.shape], self.opset)
        outputs = self.make(m, np.random.default_rng(len(self.name)))
        return m.build(*((outputs,) if isinstance(outputs, str) else outputs))


PATTERNS: list[Pattern] = []


def pattern(
    group: str, name: str, note: str = "", shape: Sequence[int] = (6,), input: str | None = None, opset: int = 17
) -> Callable[[Build], Build]:
    """Add a row whose model a function writes."""

    def register(make: Build) -> Build:
        PATTERNS.append(Pattern(group, name, note, tuple(shape), input, opset, make))
        return make

    return register


def pm1(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random +-1 weights."""
    return rng.choice([-1.0, 1.0], shape).astype(np.float32)


def bits(m: Model, x: str, threshold: float = 0.0) -> str:
    """+-1 bits by comparison."""
    return m.op("Where", m.op("GreaterOrEqual", x, m.const(threshold)), m.const(1.0), m.const(-1.0))


def step_row(name: str, note: str, step: Callable[[Model, str], str]) -> None:
    """A row of group Steps: bits, +-1 layer with BatchNormalization, the step, a second layer."""

    def make(m: Model, rng: np.random.Generator) -> str:
        x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))
        x = step(m, m.batch_norm(x, rng, 5))
        return m.op("MatMul", x, m.const(pm1(rng, 5, 3)))

    pattern("Steps", name, note)(make)


def weight_row(name: str, note: str, weights: Callable[[Model, np.random.Generator], str], bias: bool = True) -> None:
    """A row of group Weights: bits, a layer with these (6, 5) weights, a comparison, a +-1 layer."""

    def make(m: Model, rng: np.random.Generator) -> str:
        x = m.op("MatMul", bits(m, m.input), weights(m, rng))
        x = m.op("Add", x, m.const(rng.normal(size=5))) if bias else x
        return m.op("MatMul", bits(m, x), m.const(pm1(rng, 5, 3)))

    pattern("Weights", name, note)(make)


def map_row(
    name: str,
    note: str,
    layer: Callable[[Model, str, np.random.Generator], str],
    shape: tuple[int, ...] = (2, 6, 6),
    group: str = "Maps",
) -> None:
    """A row on maps: bits, the layer, a comparison, Flatten."""

    def make(m: Model, rng: np.random.Generator) -> str:
        return m.op("Flatten", bits(m, layer(m, bits(m, m.input), rng), 0.5))

    pattern(group, name, note, shape)(make)


def conv(m: Model, x: str, rng: np.random.Generator, rows: int, channels: int, *kernel: int, **attrs: Any) -> str:
    """A +-1 convolution."""
    return m.op("Conv", x, m.const(pm1(rng, rows, channels, *kernel)), **attrs)


# --- layers


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


# --- steps


def affine_cast(m: Model, bit: str) -> str:
    """2 * bit - 1 in float32."""
    return m.op("Sub", m.op("Mul", m.op("Cast", bit, to=FLOAT), m.const(2.0)), m.const(1.0))


def quant(
    m: Model, x: str, width: float, signed: int, narrow: int, scale: Any = 1.0, zero: float = 0.0, **more: Any
) -> str:
    """A QONNX Quant node."""
    args = (m.const(scale), m.const(zero), m.const(width))
    domain = more.pop("domain", QONNX)
    mode = more.pop("mode", "ROUND")
    return m.op("Quant", x, *args, domain=domain, signed=signed, narrow=narrow, rounding_mode=mode)


def _heaviside(m: Model, x: str) -> str:
    """(sign(x) == 1) as float, by an Equal."""
    return m.op("Cast", m.op("Equal", m.op("Sign", x), m.const(1.0)), to=FLOAT)


def _equal_chain(m: Model, x: str) -> str:
    """torch.heaviside: where(x == 0, value, where(x > 0, 1, 0))"""
    positive = m.op("Where", m.op("Greater", x, m.const(0.0)), m.const(1.0), m.const(0.0))
    return m.op("Where", m.op("Equal", x, m.const(0.0)), m.const(1.0), positive)


def _detach(m: Model, x: str) -> str:
    return m.op("Add", x, m.op("Sub", m.op("Sign", x), x))


def _linear_qdq(m: Model, x: str) -> str:
    scale, zero = m.const(0.5), m.const(0, np.int8)
    x = m.op("Clip", x, m.const(-1.0), m.const(1.0))
    return m.op("DequantizeLinear", m.op("QuantizeLinear", x, scale, zero), scale, zero)


def _dorefa(m: Model, x: str, levels: float) -> str:
    x = m.op("Clip", m.op("Add", m.op("Mul", x, m.const(0.5)), m.const(0.5)), m.const(0.0), m.const(1.0))
    return m.op("Div", m.op("Round", m.op("Mul", x, m.const(levels))), m.const(levels))


step_row("Sign", "three levels where a sum can be 0, else two, proved by parity", lambda m, x: m.op("Sign", x))
step_row(
    "Sign, Add 0.1, Sign",
    "Larq: 0 counts as +1",
    lambda m, x: m.op("Sign", m.op("Add", m.op("Sign", x), m.const(0.1))),
)
for _op in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
    step_row(
        f"{_op}, Where", "", lambda m, x, o=_op: m.op("Where", m.op(o, x, m.const(0.0)), m.const(1.0), m.const(-1.0))
    )
    step_row(
        f"{_op} with the constant left",
        "",
        lambda m, x, o=_op: m.op("Where", m.op(o, m.const(0.0), x), m.const(1.0), m.const(-1.0)),
    )
step_row("comparison, Cast", "bits {0,1}", lambda m, x: m.op("Cast", m.op("Greater", x, m.const(0.0)), to=FLOAT))
step_row("comparison, Cast, Mul, Sub", "", lambda m, x: affine_cast(m, m.op("GreaterOrEqual", x, m.const(0.0))))
step_row("comparison, Not, Cast", "", lambda m, x: affine_cast(m, m.op("Not", m.op("LessOrEqual", x, m.const(0.0)))))
step_row(
    "one threshold per channel",
    "",
    lambda m, x: m.op("Cast", m.op("GreaterOrEqual", x, m.const([-1.0, 0.5, 0.0, 2.0, -0.25])), to=FLOAT),
)
step_row("Sign, Equal, Cast", "", _heaviside)
step_row("Equal, Where, Where", "torch.heaviside; read at every reachable sum", _equal_chain)
step_row("Add(x, Sub(Sign(x), x))", "straight-through by detach; in float32 this is not exactly sign(x)", _detach)
step_row("Clip, Round", "half to even", lambda m, x: m.op("Round", m.op("Clip", x, m.const(0.0), m.const(1.0))))
step_row("DoReFa, 1 bit", "Round(Clip(x/2 + 1/2))", lambda m, x: _dorefa(m, x, 1.0))
step_row("DoReFa, 2 bits", "three thresholds", lambda m, x: _dorefa(m, x, 3.0))
step_row(
    "2*Round(Clip(..)) - 1",
    "",
    lambda m, x: m.op("Sub", m.op("Mul", m.const(2.0), _dorefa(m, x, 1.0)), m.const(1.0)),
)
step_row("BipolarQuant", "zero is +1", lambda m, x: m.op("BipolarQuant", x, m.const(0.5), domain=QONNX))
step_row(
    "BipolarQuant in domain onnx.brevitas",
    "no opset import needed",
    lambda m, x: m.op("BipolarQuant", x, m.const(1.0), domain="onnx.brevitas"),
)
step_row("Quant, 1 bit signed", "bipolar", lambda m, x: quant(m, x, 1.0, 1, 0))
step_row("Quant, 1 bit unsigned", "", lambda m, x: quant(m, x, 1.0, 0, 0))
step_row("Quant, 2 bits signed narrow", "ternary", lambda m, x: quant(m, x, 2.0, 1, 1))
step_row("Quant, 2 bits signed", "", lambda m, x: quant(m, x, 2.0, 1, 0, 0.5))
step_row("Quant, 3 bits unsigned", "scale of shape [1]", lambda m, x: quant(m, x, 3.0, 0, 0, [0.25]))
step_row("Quant, 4 bits signed", "", lambda m, x: quant(m, x, 4.0, 1, 0, 0.5, domain="onnx.brevitas"))
step_row("Quant, zero point", "", lambda m, x: quant(m, x, 2.0, 0, 0, 0.5, 1.0))
step_row("Quant, FLOOR", "and the other rounding modes", lambda m, x: quant(m, x, 2.0, 1, 0, 0.5, mode="FLOOR"))
step_row("Relu, Quant", "2 bits unsigned", lambda m, x: quant(m, m.op("Relu", x), 2.0, 0, 0, 0.7))
step_row(
    "MultiThreshold, one row",
    "out_scale, out_bias",
    lambda m, x: m.op(
        "MultiThreshold", x, m.const([[-1.5, 0.0, 1.5]]), domain="finn.custom_op.general", out_scale=2.0, out_bias=-3.0
    ),
)
step_row(
    "MultiThreshold, a row per channel",
    "",
    lambda m, x: m.op("MultiThreshold", x, m.const(np.linspace(-2, 2, 10).reshape(5, 2)), domain=QONNX),
)
step_row("Clip, QuantizeLinear, DequantizeLinear", "few levels only", _linear_qdq)


for _op in ("Tanh", "Sigmoid", "HardSigmoid", "LeakyRelu", "Softsign", "Softplus", "Elu", "Erf"):
    step_row(f"{_op}, comparison", "a step behind a smooth function", lambda m, x, o=_op: bits(m, m.op(o, x), 0.3))
step_row("Round(Sigmoid)", "", lambda m, x: m.op("Round", m.op("Sigmoid", x)))


# --- weights

weight_row("+-1", "", lambda m, r: m.const(pm1(r, 6, 5)))
weight_row("ternary", "", lambda m, r: m.const(r.integers(-1, 2, (6, 5))))
weight_row("8-bit integers", "", lambda m, r: m.const(r.integers(-128, 128, (6, 5))))
weight_row(
    "+-s per output",
    "BatchNormalization folded by an exporter",
    lambda m, r: m.const(pm1(r, 6, 5) * (r.random(5) + 0.1)),
)
weight_row("integer * s per output", "", lambda m, r: m.const(r.integers(-5, 6, (6, 5)) * np.float32(0.1)))
weight_row("Sign of latent floats", "folded", lambda m, r: m.op("Sign", m.const(r.normal(size=(6, 5)))))
weight_row(
    "BipolarQuant of latent floats",
    "",
    lambda m, r: m.op("BipolarQuant", m.const(r.normal(size=(6, 5))), m.const(0.1), domain="onnx.brevitas"),
)
weight_row("Quant of latent floats", "2 bits narrow", lambda m, r: quant(m, m.const(r.normal(size=(6, 5))), 2.0, 1, 1))
weight_row(
    "Quant with one scale per output (N x 1)",
    "",
    lambda m, r: m.op("Transpose", quant(m, m.const(r.normal(size=(5, 6))), 4.0, 1, 0, r.random((5, 1)) + 0.1)),
)
weight_row(
    "DequantizeLinear of int8",
    "",
    lambda m, r: m.op(
        "DequantizeLinear", m.const(r.integers(-9, 9, (6, 5)), np.int8), m.const(0.05), m.const(0, np.int8)
    ),
)
weight_row(
    "real-valued",
    "exact, as scaled integers",
    lambda m, r: m.const(r.normal(size=(6, 5))),
)
weight_row("sparse", "", lambda m, r: m.const(pm1(r, 6, 5) * (r.random((6, 5)) < 0.3)))


# --- maps

map_row("Conv", "any kernel", lambda m, x, r: conv(m, x, r, 3, 2, 3, 2))
map_row("Conv, strides and dilations", "", lambda m, x, r: conv(m, x, r, 3, 2, 2, 2, strides=[2, 1], dilations=[1, 2]))
map_row(
    "Conv, asymmetric pads", "zeros around +-1 are exact", lambda m, x, r: conv(m, x, r, 3, 2, 3, 3, pads=[1, 0, 2, 1])
)
map_row("Conv, bias", "", lambda m, x, r: m.op("Conv", x, m.const(pm1(r, 3, 2, 3, 3)), m.const(r.normal(size=3))))
map_row("Conv, group", "", lambda m, x, r: conv(m, x, r, 4, 2, 2, 2, group=2), (4, 5, 5))
map_row("Conv, depthwise", "", lambda m, x, r: conv(m, x, r, 3, 1, 3, 3, group=3), (3, 5, 5))
for _auto in ("SAME_UPPER", "SAME_LOWER", "VALID"):
    map_row(
        f"Conv, auto_pad {_auto}", "", lambda m, x, r, a=_auto: conv(m, x, r, 3, 2, 2, 3, auto_pad=a, strides=[2, 2])
    )
map_row("Conv, one-dimensional", "", lambda m, x, r: conv(m, x, r, 3, 2, 3, pads=[1, 1]), (2, 9))


def _channels_last(m: Model, x: str, rng: np.random.Generator) -> str:
    x = m.op("Transpose", x, perm=[0, 3, 1, 2])
    return m.op("Transpose", conv(m, x, rng, 3, 2, 2, 2), perm=[0, 2, 3, 1])


map_row("Conv between Transposes", "NHWC, as tf2onnx writes it", _channels_last, (5, 5, 2))
map_row(
    "Conv, BatchNormalization", "", lambda m, x, r: m.batch_norm(conv(m, x, r, 3, 2, 3, 3, pads=[1, 1, 1, 1]), r, 3)
)


def _pool_after(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.op("MaxPool", bits(m, conv(m, x, rng, 3, 2, 2, 2)), kernel_shape=[2, 2], strides=[2, 2])


def _pool_before(m: Model, x: str, rng: np.random.Generator) -> str:
    x = m.op("MaxPool", conv(m, x, rng, 4, 2, 2, 2), kernel_shape=[2, 2], strides=[1, 1])
    bn = [m.const(v) for v in ([1.0, -1.0, 0.5, -2.0], rng.normal(size=4), rng.normal(size=4), rng.random(4) + 0.5)]
    return m.op("BatchNormalization", x, *bn)


def _min_pool(m: Model, x: str, rng: np.random.Generator) -> str:
    x = bits(m, conv(m, x, rng, 3, 2, 2, 2))
    return m.op("Neg", m.op("MaxPool", m.op("Neg", x), kernel_shape=[2, 2]))


map_row("MaxPool after the step", "the or of bits", _pool_after)
map_row("MaxPool before BatchNormalization", "gammas of either sign: or, and", _pool_before)
map_row(
    "MaxPool, pads",
    "",
    lambda m, x, r: m.op("MaxPool", conv(m, x, r, 3, 2, 2, 2), kernel_shape=[2, 2], pads=[1, 0, 0, 1]),
)
map_row("Neg, MaxPool, Neg", "min pooling", _min_pool)
map_row(
    "AveragePool",
    "an exact sum; padding only with count_include_pad",
    lambda m, x, r: m.op("AveragePool", bits(m, conv(m, x, r, 3, 2, 2, 2)), kernel_shape=[2, 2]),
)
map_row("GlobalAveragePool", "", lambda m, x, r: m.op("GlobalAveragePool", bits(m, conv(m, x, r, 3, 2, 2, 2))))
map_row("GlobalMaxPool", "", lambda m, x, r: m.op("GlobalMaxPool", bits(m, conv(m, x, r, 3, 2, 2, 2), 2.0)))
map_row(
    "GlobalMaxPool of a single place",
    "",
    lambda m, x, r: m.op("GlobalMaxPool", conv(m, x, r, 3, 2, 6, 6)),
)
map_row(
    "ReduceMean over places",
    "global pooling",
    lambda m, x, r: m.op("ReduceMean", bits(m, conv(m, x, r, 3, 2, 2, 2)), axes=[2, 3], keepdims=1),
)


def _dense_after(order: list[int] | None) -> Build:
    def make(m: Model, rng: np.random.Generator) -> str:
        x = bits(m, conv(m, bits(m, m.input), rng, 3, 2, 2, 2))
        x = m.op("Flatten", x if order is None else m.op("Transpose", x, perm=order))
        return m.op("Gemm", x, m.const(pm1(rng, 48, 4)))

    return make


pattern("Moves", "Flatten of (N, C, H, W)", "", (2, 5, 5))(_dense_after(None))
pattern("Moves", "Transpose, Flatten", "(N, H, W, C) order", (2, 5, 5))(_dense_after([0, 2, 3, 1]))


def _skip(m: Model, x: str, rng: np.random.Generator) -> str:
    y = bits(m, conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]))
    return conv(m, m.op("Concat", x, y, axis=1), rng, 2, 5, 2, 2)


def _slices(m: Model, x: str, rng: np.random.Generator) -> str:
    left = m.op("Slice", x, *(m.const(v, np.int64) for v in ([0], [3], [3])))
    return conv(m, left, rng, 3, 2, 2, 2)


def _split(m: Model, x: str, rng: np.random.Generator) -> str:
    last = m.op("Split", x, m.const([1, 2], np.int64), outputs=2, axis=1)
    return conv(m, m.op("Concat", last, last.removesuffix("_1"), axis=1), rng, 3, 3, 2, 2)


def _pad(m: Model, x: str, rng: np.random.Generator) -> str:
    return conv(m, m.op("Pad", x, m.const([0, 0, 1, 0, 0, 0, 1, 2], np.int64), m.const(-1.0)), rng, 3, 2, 2, 2)


def _tile(m: Model, x: str, rng: np.random.Generator) -> str:
    return conv(m, m.op("Tile", x, m.const([1, 1, 2, 1], np.int64)), rng, 3, 2, 2, 2)


def _blocks(m: Model, x: str, rng: np.random.Generator, op: str, channels: int) -> str:
    return conv(m, m.op(op, x, blocksize=2), rng, 3, channels, 2, 2)


def _add_maps(m: Model, x: str, rng: np.random.Generator) -> str:
    total = m.op("Add", conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), conv(m, x, rng, 3, 2, 1, 1))
    return m.batch_norm(total, rng, 3)


map_row("Concat of activations", "skip connections that concatenate", _skip, group="Moves")
map_row("Slice", "of bits", _slices, group="Moves")
map_row("Split", "", _split, (3, 5, 5), group="Moves")
map_row("Pad", "with any constant", _pad, group="Moves")
map_row(
    "Tile", "", lambda m, x, r: conv(m, m.op("Tile", x, m.const([1, 1, 2, 1], np.int64)), r, 3, 2, 2, 2), group="Moves"
)
map_row(
    "DepthToSpace", "", lambda m, x, r: conv(m, m.op("DepthToSpace", x, blocksize=2), r, 3, 1, 2, 2), (4, 3, 3), "Moves"
)
map_row("SpaceToDepth", "", lambda m, x, r: conv(m, m.op("SpaceToDepth", x, blocksize=2), r, 3, 8, 2, 2), group="Moves")
map_row("Add of two convolutions", "before one step", _add_maps, group="Moves")


# --- heads


def head_row(name: str, note: str, head: Callable[[Model, str], str | tuple[str, ...]]) -> None:
    """A row of group Outputs: two layers, and an end."""

    def make(m: Model, rng: np.random.Generator) -> str | tuple[str, ...]:
        x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 8)))
        x = m.op("MatMul", bits(m, x, 0.5), m.const(rng.integers(-3, 4, (8, 4))))
        return head(m, m.batch_norm(x, rng, 4) if name.startswith("BatchNorm") else x)

    pattern("Outputs", name, note)(make)


head_row("scores", "exact integers with their real scale; the class is the largest, lowest index first", lambda m, x: x)
head_row("BatchNormalization at the end", "integer scores of proved equal order", lambda m, x: x)
head_row("ArgMax", "lowest index wins", lambda m, x: m.op("ArgMax", x, axis=-1, keepdims=1))
head_row("TopK, k = 1", "the index", lambda m, x: m.op("TopK", x, m.const([1], np.int64), outputs=2, axis=-1))
head_row("Softmax", "keeps the order", lambda m, x: m.op("Softmax", x, axis=-1))
head_row("Sigmoid at the end", "keeps the order where float32 does", lambda m, x: m.op("Sigmoid", x))
head_row("LogSoftmax, ArgMax", "", lambda m, x: m.op("ArgMax", m.op("LogSoftmax", x, axis=-1), axis=1, keepdims=1))
head_row("a step", "raw bits", lambda m, x: bits(m, x))
head_row("several outputs", "bits and scores", lambda m, x: (bits(m, x), x))
head_row("a scale at the end", "Mul, Add", lambda m, x: m.op("Add", m.op("Mul", x, m.const(0.25)), m.const(1.0)))


# --- inputs


def input_row(name: str, note: str, encoding: str, first: Callable[[Model, str], str] = lambda m, x: x) -> None:
    """A row of group Inputs: features straight into a layer, under a stated encoding."""

    def make(m: Model, rng: np.random.Generator) -> str:
        x = m.op("MatMul", first(m, m.input), m.const(pm1(rng, 6, 5)))
        return m.op("MatMul", bits(m, m.batch_norm(x, rng, 5)), m.const(pm1(rng, 5, 3)))

    pattern("Inputs", name, note, input=encoding)(make)


input_row("uint8", "pixels 0..255", "uint8")
input_row("uint8/255", "integers whose real value is i/255", "uint8/255")
input_row("uint8/127.5-1", "", "uint8/127.5-1")
input_row("int12*0.01", "fixed point", "int12*0.01")
input_row("bipolar", "-1, +1", "bipolar")
input_row("bit", "0, 1", "bit")
input_row("a scale in the model", "x/255 before the layer", "uint8", lambda m, x: m.op("Div", x, m.const(255.0)))
input_row(
    "a quantizer of the input's own width",
    "the integers enter as bit planes",
    "uint8/255",
    lambda m, x: quant(m, x, 8.0, 0, 0, 1 / 255),
)
input_row("2x - 1 in the model", "", "bit", lambda m, x: m.op("Sub", m.op("Mul", x, m.const(2.0)), m.const(1.0)))


@pattern("Inputs", "2x - 1 of pixels into Conv", "with padding", shape=(2, 5, 5), input="uint8/255")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Sub", m.op("Mul", m.input, m.const(2.0)), m.const(1.0))
    x = m.batch_norm(conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), rng, 3)
    return m.op("Flatten", bits(m, x))


@pattern("Inputs", "mean and deviation into Conv", "any offset per channel, without padding", (2, 5, 5), "uint8/255")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Sub", m.input, m.const(np.array([0.4914, 0.1307]).reshape(2, 1, 1)))
    x = m.op("Div", x, m.const(0.3081))
    return m.op("Flatten", bits(m, m.batch_norm(conv(m, x, rng, 3, 2, 3, 3), rng, 3)))


@pattern("Inputs", "thresholds on real features", "no encoding: the model's own comparisons make the bits")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Cast", m.op("Greater", m.input, m.const(rng.normal(size=6))), to=FLOAT)
    return m.op("MatMul", bits(m, m.op("MatMul", x, m.const(pm1(rng, 6, 5)))), m.const(pm1(rng, 5, 3)))


@pattern("Inputs", "thresholds on fixed point", "the same model under int12*0.01", input="int12*0.01")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Cast", m.op("Greater", m.input, m.const(rng.normal(size=6))), to=FLOAT)
    return m.op("MatMul", bits(m, m.op("MatMul", x, m.const(pm1(rng, 6, 5)))), m.const(pm1(rng, 5, 3)))


@pattern("Inputs", "several thresholds per feature", "Concat of comparisons")
def _(m: Model, rng: np.random.Generator) -> str:
    parts = [m.op("Cast", m.op("Greater", m.input, m.const(t)), to=FLOAT) for t in (-0.5, 0.0, 0.5)]
    x = m.op("MatMul", m.op("Concat", *parts, axis=1), m.const(pm1(rng, 18, 5)))
    return m.op("MatMul", bits(m, x), m.const(pm1(rng, 5, 3)))


# --- scikit-learn


@pattern("scikit-learn", "Binarizer, LinearClassifier", "Perceptron, LinearSVC, LogisticRegression through skl2onnx")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Binarizer", m.input, domain="ai.onnx.ml", threshold=0.25)
    w = rng.integers(-9, 10, 18).astype(float).tolist()
    more = {"classlabels_ints": [0, 1, 2], "post_transform": "NONE", "multi_class": 1}
    end = m.op(
        "LinearClassifier", x, domain="ai.onnx.ml", outputs=2, coefficients=w, intercepts=[1.0, 0.0, -2.0], **more
    )
    return end.removesuffix("_1")


@pattern("scikit-learn", "Scaler, Binarizer", "")
def _(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Scaler", m.input, domain="ai.onnx.ml", offset=[0.1] * 6, scale=[0.5, 2.0, -1.0, 1.0, 3.0, 0.25])
    x = m.op("Binarizer", x, domain="ai.onnx.ml", threshold=0.0)
    return m.op("MatMul", x, m.const(rng.integers(-9, 10, (6, 3))))
