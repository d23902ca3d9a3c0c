"""Rows: outputs, inputs, scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx_models import Model
from pattern import FLOAT, INT32, bits, conv, pattern, pm1, quant


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
for _op in ("Relu", "Tanh", "HardSigmoid", "Softplus", "LeakyRelu"):
    head_row(f"{_op} at the end", "scores that it makes equal are equal", lambda m, x, o=_op: m.op(o, x))
head_row(
    "Clip at the end", "scores that it makes equal are equal", lambda m, x: m.op("Clip", x, m.const(-2.0), m.const(5.0))
)
head_row("Quant at the end", "the order is that of the quantized scores", lambda m, x: quant(m, x, 3.0, 1, 0, 2.0))
head_row(
    "Quant, ArgMax",
    "the order is that of the quantized scores",
    lambda m, x: m.op("ArgMax", quant(m, x, 3.0, 1, 0, 2.0), axis=1, keepdims=1),
)
head_row(
    "ArgMax, Add",
    "classes counted from another number than 0",
    lambda m, x: m.op("Add", m.op("ArgMax", x, axis=1, keepdims=1), m.const(1, np.int64)),
)
head_row(
    "ArgMax, Cast, Squeeze, Identity",
    "",
    lambda m, x: m.op(
        "Identity", m.op("Squeeze", m.op("Cast", m.op("ArgMax", x, axis=1), to=INT32), m.const([1], np.int64))
    ),
)
head_row(
    "a bias in units of the sum, times a scale",
    "Brevitas' Int32Bias: whole numbers, also where float32 breaks their ties (said by verify)",
    lambda m, x: m.op("Add", m.op("Mul", x, m.const(0.0331)), m.const(np.float32(0.0331) * np.float32([3, -5, 2, 7]))),
)
head_row(
    "a scale and a bias per class",
    "the order of the real numbers where float32 has no consistent one",
    lambda m, x: m.op("Add", m.op("Mul", x, m.const([0.7, 1.3, 0.9, 1.1])), m.const([0.3, -0.21, 1.7, 0.011])),
)


@pattern("Outputs", "Gemm with alpha and beta", "the real order behind real-valued weights too")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 8))), 0.5)
    return m.op("Gemm", x, m.const(rng.normal(size=(8, 4))), m.const(rng.normal(size=4)), alpha=0.5, beta=2.0)


@pattern("Outputs", "real-valued weights, BatchNormalization, Sigmoid", "the order of the real numbers; verify says so")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 8))), 0.5)
    return m.op("Sigmoid", m.batch_norm(m.op("MatMul", x, m.const(rng.normal(size=(8, 4)))), rng, 4))


@pattern("Outputs", "a step that rises and falls", "one bit: a comparison of the sum of its thresholds")
def _(m: Model, rng: np.random.Generator) -> str:
    x = bits(m, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 6, 8))), 0.5)
    x = m.op("Abs", m.op("MatMul", x, m.const(rng.integers(-3, 4, (8, 4)))))
    return m.op("Where", m.op("Greater", x, m.const(3.0)), m.const(1.0), m.const(-1.0))


head_row(
    "ReduceMax at the end", "the largest score: the or of comparisons", lambda m, x: m.op("ReduceMax", x, axes=[1])
)
head_row("LogSoftmax, ArgMax", "", lambda m, x: m.op("ArgMax", m.op("LogSoftmax", x, axis=-1), axis=1, keepdims=1))
head_row("a step", "raw bits", lambda m, x: bits(m, x))
head_row("several outputs", "bits and scores", lambda m, x: (bits(m, x), x))
head_row("a scale at the end", "Mul, Add", lambda m, x: m.op("Add", m.op("Mul", x, m.const(0.25)), m.const(1.0)))


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
