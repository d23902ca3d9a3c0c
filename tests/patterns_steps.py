"""Rows: steps between layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx_models import QONNX, Model
from pattern import FLOAT, bits, pattern, pm1, quant


def step_row(name: str, note: str, step: Callable[[Model, str], str], opset: int = 17) -> None:
    """A row of group Steps: bits, +-1 layer with BatchNormalization, the step, a second layer."""

    def make(m: Model, rng: np.random.Generator) -> str:
        x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 5)))
        x = step(m, m.batch_norm(x, rng, 5))
        return m.op("MatMul", x, m.const(pm1(rng, 5, 3)))

    pattern("Steps", name, note, opset=opset)(make)


def affine_cast(m: Model, bit: str) -> str:
    """2 * bit - 1 in float32."""
    return m.op("Sub", m.op("Mul", m.op("Cast", bit, to=FLOAT), m.const(2.0)), m.const(1.0))


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


SMOOTH = "a step behind a smooth function"
TURNS = "falls and rises: a bit per threshold, +1 and -1"
for _op in (
    "Tanh",
    "Sigmoid",
    "HardSigmoid",
    "LeakyRelu",
    "Softsign",
    "Softplus",
    "Elu",
    "Erf",
    "Selu",
    "Atan",
    "Asinh",
    "Exp",
):
    step_row(f"{_op}, comparison", SMOOTH, lambda m, x, o=_op: bits(m, m.op(o, x), 0.3))
step_row("Celu, comparison", SMOOTH, lambda m, x: bits(m, m.op("Celu", x, alpha=0.5), -0.3))
step_row(
    "PRelu, comparison",
    "a slope per channel",
    lambda m, x: bits(m, m.op("PRelu", x, m.const([0.25, 0, 1, 0.1, 2])), -0.1),
)
step_row(
    "PRelu with negative slopes", TURNS, lambda m, x: bits(m, m.op("PRelu", x, m.const([0.25, -1, -0.5, 0.1, 2])), 0.2)
)
step_row(
    "Add, PRelu, Add, Sign",
    "ReActNet",
    lambda m, x: m.op(
        "Sign",
        m.op("Add", m.op("PRelu", m.op("Add", x, m.const([0.1, -0.2, 0, 0.3, 0.05])), m.const(0.25)), m.const(0.21)),
    ),
)
step_row("ThresholdedRelu, comparison", "", lambda m, x: bits(m, m.op("ThresholdedRelu", x, alpha=0.7), 0.5))
step_row("Shrink, comparison", "", lambda m, x: bits(m, m.op("Shrink", x, lambd=0.7, bias=0.2), 0.3))
step_row(
    "Log of Relu, comparison", "", lambda m, x: bits(m, m.op("Log", m.op("Add", m.op("Relu", x), m.const(0.1))), -0.2)
)
for _op, _opset in (
    ("HardSwish", 17),
    ("Gelu", 20),
    ("Mish", 18),
    ("Swish", 24),
    ("Sin", 17),
    ("Cos", 17),
    ("Reciprocal", 17),
):
    step_row(f"{_op}, comparison", TURNS, lambda m, x, o=_op: bits(m, m.op(o, x), -0.1), _opset)
step_row("Gelu by tanh, comparison", TURNS, lambda m, x: bits(m, m.op("Gelu", x, approximate="tanh"), -0.1), 20)
step_row("Pow, comparison", TURNS, lambda m, x: bits(m, m.op("Pow", x, m.const(2.0)), 1.0))
step_row("Mod, comparison", TURNS, lambda m, x: bits(m, m.op("Mod", x, m.const(1.5), fmod=1), 0.5))
step_row("IsNaN, Cast", "of a logarithm: 1 below 0", lambda m, x: m.op("Cast", m.op("IsNaN", m.op("Log", x)), to=FLOAT))
step_row("Abs, comparison", TURNS, lambda m, x: bits(m, m.op("Abs", x), 1.0))
step_row("Round(Sigmoid)", "", lambda m, x: m.op("Round", m.op("Sigmoid", x)))
