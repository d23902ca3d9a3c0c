"""Rows: preprocessing and quantizers of the input, written in the model."""

from __future__ import annotations

import numpy as np
from onnx_models import Model
from pattern import bits, conv, pattern, quant
from patterns_ends import input_row

MEAN, STD, VAR = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225], [0.9, 1.1, 1.0]])
PLANES = "the input's own bits, and a threshold wherever the quantizer leaves them"
COUNTED = "its thresholds are counted, and the count enters in binary: 8 columns for 255 levels"


def scaled(m: Model, x: str, mean: object, std: object) -> str:
    return m.op("Div", m.op("Sub", m.op("Div", x, m.const(255.0)), m.const(mean)), m.const(std))


input_row(
    "a scale and an offset per feature in the model",
    "weights are multiplied by whole numbers in the ratio of the scales, as written",
    "uint8",
    lambda m, x: scaled(m, x, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.3, 0.25, 0.2, 0.3, 0.5, 1.0]),
)
input_row("a narrow quantizer of pixels", PLANES, "uint8/255", lambda m, x: quant(m, x, 8, 1, 1, 1 / 128))
input_row(
    "2x - 1 and a quantizer",
    PLANES,
    "uint8/255",
    lambda m, x: quant(m, m.op("Sub", m.op("Mul", x, m.const(2.0)), m.const(1.0)), 8, 1, 0, 1 / 128),
)
input_row("a narrow quantizer of int8", PLANES, "int8/128", lambda m, x: quant(m, x, 8, 1, 1, 1 / 128))
input_row("a quantizer of another scale", COUNTED, "uint8*0.003", lambda m, x: quant(m, x, 8, 0, 0, 1 / 256))
input_row("a clip of the input", "read at every integer", "uint8", lambda m, x: m.op("Max", x, m.const(64.0)))


def normalized(name: str, note: str, encoding: str, pads: int, opens: str = "nodes") -> None:
    """A row: (x / 255 - mean[c]) / std[c] into a convolution."""

    def make(m: Model, rng: np.random.Generator) -> str:
        x = m.op("Transpose", m.input, perm=[0, 3, 1, 2]) if opens == "NHWC" else m.input
        if opens == "BatchNormalization":
            x = m.op("BatchNormalization", x, *(m.const(v) for v in (1 / STD, MEAN * 0, MEAN, VAR)))
        else:
            x = scaled(m, x, MEAN.reshape(3, 1, 1), STD.reshape(3, 1, 1))
        x = m.batch_norm(conv(m, x, rng, 4, 3, 3, 3, pads=[pads] * 4), rng, 4)
        return m.op("Flatten", bits(m, x))

    pattern("Inputs", name, note, (5, 5, 3) if opens == "NHWC" else (3, 5, 5), encoding)(make)


normalized("mean and deviation per channel into Conv", "one scale per channel", "uint8", 0)
normalized("mean and deviation per channel into a padded Conv", "one value of the padding per channel", "uint8", 1)
normalized("the same behind Transpose from NHWC", "", "uint8", 1, "NHWC")
normalized(
    "BatchNormalization of the input into a padded Conv",
    "the root of the variance is read to 40 bits, of which float32 holds 24",
    "uint8/255",
    1,
    "BatchNormalization",
)


@pattern("Inputs", "a quantizer of the input into a padded Conv", PLANES, (2, 5, 5), "uint8/255")
def _(m: Model, rng: np.random.Generator) -> str:
    x = quant(m, m.op("Sub", m.op("Mul", m.input, m.const(2.0)), m.const(1.0)), 8, 1, 0, 1 / 128)
    x = conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1])
    return m.op("Flatten", bits(m, m.batch_norm(x, rng, 3)))


@pattern("Inputs", "a quantizer of another scale into Conv", COUNTED, (2, 5, 5), "int8*0.0061")
def _(m: Model, rng: np.random.Generator) -> str:
    x = conv(m, quant(m, m.input, 8, 1, 1, 1 / 128), rng, 12, 2, 3, 3, pads=[1, 0, 1, 0])
    return m.op("Flatten", bits(m, m.batch_norm(x, rng, 12)))


@pattern("Inputs", "QuantizeLinear, Clip, DequantizeLinear of the input", PLANES, (2, 5, 5), "uint8/255")
def _(m: Model, rng: np.random.Generator) -> str:
    scale, zero = m.const(1 / 127), m.const(0, np.int8)
    x = m.op("Clip", m.op("QuantizeLinear", m.input, scale, zero), m.const(-127, np.int8), m.const(127, np.int8))
    x = conv(m, m.op("DequantizeLinear", x, scale, zero), rng, 3, 2, 3, 3, pads=[1, 1, 1, 1])
    return m.op("Flatten", bits(m, m.batch_norm(x, rng, 3)))
