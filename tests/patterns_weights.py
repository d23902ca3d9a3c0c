"""Rows: weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx_models import Model
from pattern import bits, pattern, pm1, quant


def weight_row(name: str, note: str, weights: Callable[[Model, np.random.Generator], str], bias: bool = True) -> None:
    """A row of group Weights: bits, a layer with these (6, 5) weights, a comparison, a +-1 layer."""

    def make(m: Model, rng: np.random.Generator) -> str:
        x = m.op("MatMul", bits(m, m.input), weights(m, rng))
        x = m.op("Add", x, m.const(rng.normal(size=5))) if bias else x
        return m.op("MatMul", bits(m, x), m.const(pm1(rng, 5, 3)))

    pattern("Weights", name, note)(make)


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
