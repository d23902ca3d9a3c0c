"""Rows: products from either side and over any axes, and layers of integers with zero points."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx_models import Model
from pattern import conv, pm1
from patterns_dialects import row

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
