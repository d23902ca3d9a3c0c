"""Rows: constants that are computed, spiking neurons, straight-through on the input, what follows a pool."""

from __future__ import annotations

import numpy as np
from onnx_models import Model
from pattern import bits, conv, pattern, pm1
from patterns_dialects import row


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


def _detach_clipped(m: Model, r: np.random.Generator) -> str:
    c = m.op("Clip", m.input, m.const(-1.0), m.const(1.0))
    return m.op("MatMul", m.op("Add", c, m.op("Sub", m.op("Sign", m.input), c)), m.const(pm1(r, 6, 3)))


def _where_masks(m: Model, r: np.random.Generator) -> str:
    inside = m.op("Less", m.op("Abs", m.input), m.const(1.0))
    x = m.op("Sign", m.op("Where", inside, m.input, m.op("Neg", m.input)))
    return m.op("MatMul", x, m.const(pm1(r, 6, 3)))


pattern("Dialects", "straight-through by detach, clipped, on real features", "proved: float32 does not round it")(
    _detach_clipped
)
pattern("Dialects", "masks on real features", "cut where |x| and comparisons turn; monotone in each region")(
    _where_masks
)
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
