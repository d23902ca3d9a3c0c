"""What the front end refuses, as one small model each; docs/reference/onnx.md shows the messages that they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx_models import Model
from patterns import bits, pm1, quant
from patterns_idioms import leaky
from patterns_products import qlinear_matmul


@dataclass(frozen=True)
class Refusal:
    """One row: what the model has, its model, and words that its message holds."""

    name: str
    words: str
    make: Callable[[Model, np.random.Generator], str]
    input: str | None = None

    def build(self) -> onnx.ModelProto:
        """The model, the same at every call."""
        m = Model(["batch", 6])
        return m.build(self.make(m, np.random.default_rng(0)))


def _layer(m: Model, x: str, rng: np.random.Generator, a: int = 6, b: int = 5) -> str:
    return m.op("MatMul", x, m.const(pm1(rng, a, b)))


def _between(op: str) -> Callable[[Model, np.random.Generator], str]:
    def make(m: Model, rng: np.random.Generator) -> str:
        return _layer(m, m.op(op, _layer(m, bits(m, m.input), rng)), rng, 5, 3)

    return make


def _lost_sign(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Clip", _layer(m, bits(m, m.input), rng), m.const(-1.0), m.const(1.0))
    return _layer(m, x, rng, 5, 3)


def _nan(m: Model, rng: np.random.Generator) -> str:
    w = pm1(rng, 6, 5)
    w[2, 1] = np.nan
    return m.op("MatMul", bits(m, m.input), m.const(w))


def _not_exact(m: Model, rng: np.random.Generator) -> str:
    w = pm1(rng, 6, 5)
    w[0, 0] = 1e-30
    return _layer(m, bits(m, m.op("MatMul", bits(m, m.input), m.const(w))), rng, 5, 3)


def _two_layers_meet(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.input)
    x = m.op("Mul", _layer(m, x, rng), _layer(m, x, rng))
    return _layer(m, bits(m, x), rng, 5, 3)


def _two_scales(m: Model, rng: np.random.Generator) -> str:
    a = quant(m, _layer(m, bits(m, m.input), rng), 2, 1, 0, 0.43)
    b = quant(m, _layer(m, bits(m, m.input), rng), 2, 1, 0, 0.7123)
    return _layer(m, bits(m, m.op("Add", a, b)), rng, 5, 3)


def _norm_before_add(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, _layer(m, bits(m, m.input), rng, 6, 300))
    y = bits(m, _layer(m, x, rng, 300, 300))
    y = m.batch_norm(_layer(m, y, rng, 300, 300), rng, 300)
    return _layer(m, bits(m, m.op("Add", x, y)), rng, 300, 3)


def _tied_average(m: Model, rng: np.random.Generator) -> str:
    x = m.op("Unsqueeze", bits(m, _layer(m, bits(m, m.input), rng, 6, 6)), m.const([1], np.int64))
    x = m.op("ReduceMean", m.op("Reshape", x, m.const([1, 2, 3], np.int64)), axes=[2], keepdims=0)
    return _layer(m, bits(m, _layer(m, x, rng, 2, 5)), rng, 5, 3)


def _norm_after_wide(m: Model, rng: np.random.Generator) -> str:
    x = m.op("MatMul", bits(m, m.input), m.const(rng.normal(size=(6, 5))))
    return _layer(m, m.batch_norm(x, rng, 5), rng, 5, 3)


def _smallest(m: Model, rng: np.random.Generator) -> str:
    x = _layer(m, bits(m, m.input), rng)
    return m.op("TopK", x, m.const([1], np.int64), outputs=2, axis=-1, largest=0)


def _weights_from_input(m: Model, rng: np.random.Generator) -> str:
    return m.op("MatMul", bits(m, m.input), m.op("Transpose", bits(m, m.input), perm=[1, 0]))


def _scaling_factor(m: Model, rng: np.random.Generator) -> str:
    """XNOR-Net: the sums of sign(x) times the mean of |x|."""
    x = m.batch_norm(_layer(m, bits(m, m.input), rng), rng, 5)
    factor = m.op("ReduceMean", m.op("Abs", x), axes=[1], keepdims=1)
    return bits(m, m.op("Mul", _layer(m, m.op("Sign", x), rng, 5, 3), factor))


def _straight_through(m: Model, rng: np.random.Generator) -> str:
    return _layer(m, m.op("Add", m.input, m.op("Sub", m.op("Sign", m.input), m.input)), rng)


REFUSALS = (
    Refusal("real features into a layer", "nothing states its integers", lambda m, r: bits(m, _layer(m, m.input, r))),
    Refusal("ReLU between layers", "ReLU networks are not threshold networks", _between("Relu")),
    Refusal("a smooth function between layers", "no step function lies between the layers", _between("Sigmoid")),
    Refusal("BinaryNet's `.data` trick", "the Sign was lost on export", _lost_sign),
    Refusal("an operator that is unknown", "recurrent layers", lambda m, r: m.op("LSTM", m.input, m.const(1))),
    Refusal("mask assignment", "torch.where", lambda m, r: m.op("NonZero", _layer(m, bits(m, m.input), r))),
    Refusal("NaN or infinity", "a constant is nan", _nan),
    Refusal("weights of too many sizes", "differ too much in size", _not_exact),
    Refusal("products of two layers", "two tensors that depend on the input are multiplied", _two_layers_meet),
    Refusal("activations of different scales", "scales 0.43 and 0.7123", _two_scales),
    Refusal("BatchNormalization before an addition", "neither an integer sum nor an activation", _norm_before_add),
    Refusal("a tie of averages over three places", "the model's own rounding decides a step", _tied_average),
    Refusal("BatchNormalization between layers with wide sums", "not one integer sum", _norm_after_wide),
    Refusal("TopK of the smallest", "largest=0 is not supported", _smallest),
    Refusal("weights that are not constants", "is not a constant", _weights_from_input),
    Refusal("XNOR-Net's K", "the mean of |x| that XNOR-Net multiplies", _scaling_factor),
    Refusal("a spiking neuron that is reset to zero", "reset by subtraction", lambda m, r: leaky(m, r, zero=True)),
    Refusal("straight-through on real features", "first state the input with input=", _straight_through),
    Refusal(
        "a tie before an odd zero point",
        "ONNX's evaluators give different integers",
        lambda m, r: qlinear_matmul(m, bits(m, m.input), r, 5),
    ),
    Refusal(
        "a last ArgMax tie",
        "ties that go to the last index",
        lambda m, r: m.op("ArgMax", _layer(m, bits(m, m.input), r), axis=-1, select_last_index=1),
    ),
)
