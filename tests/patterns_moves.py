"""Rows: real maps that are moved, padded and put side by side before their BatchNormalization and step."""

from __future__ import annotations

import numpy as np
from onnx_models import Model
from pattern import bits, conv, pattern, quant
from patterns_maps import map_row

LATER = "before BatchNormalization and the step"


def _dense_net(m: Model, x: str, rng: np.random.Generator) -> str:
    y, channels = conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), 3
    for growth in (2, 1):
        z = bits(m, m.batch_norm(y, rng, channels))
        y = m.op("Concat", y, conv(m, z, rng, growth, channels, 3, 3, pads=[1, 1, 1, 1]), axis=1)
        channels += growth
    return m.batch_norm(y, rng, channels)


def _mixed(m: Model, x: str, rng: np.random.Generator) -> str:
    y = conv(m, x, rng, 2, 2, 3, 3, pads=[1, 1, 1, 1])
    one = m.const(rng.normal(size=(1, 1, 6, 6)))
    return m.batch_norm(m.op("Concat", x, y, one, m.batch_norm(y, rng, 2), axis=1), rng, 7)


def _shuffle(m: Model, x: str, rng: np.random.Generator) -> str:
    y = conv(m, x, rng, 4, 1, 2, 2, group=2)
    y = m.op("Reshape", y, m.const([-1, 2, 2, 5, 5], np.int64))
    y = m.op("Reshape", m.op("Transpose", y, perm=[0, 2, 1, 3, 4]), m.const([-1, 4, 5, 5], np.int64))
    return m.batch_norm(y, rng, 4)


def _padded(m: Model, x: str, rng: np.random.Generator, value: float, pads: list[int]) -> str:
    y = m.op("Pad", conv(m, x, rng, 3, 2, 2, 2), m.const(pads, np.int64), m.const(value))
    return m.batch_norm(y, rng, 3 + pads[1] + pads[5])


def _split(m: Model, x: str, rng: np.random.Generator) -> str:
    y = conv(m, x, rng, 5, 2, 2, 2)
    last = m.op("Split", y, m.const([2, 3], np.int64), outputs=2, axis=1)
    first = last.removesuffix("_1")
    return m.batch_norm(m.op("Concat", last, m.op("Slice", first, *_ints(m, [0], [1], [1])), axis=1), rng, 4)


def _ints(m: Model, *lists: list[int]) -> list[str]:
    return [m.const(v, np.int64) for v in lists]


def _blocks(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.batch_norm(m.op("DepthToSpace", conv(m, x, rng, 8, 2, 2, 2), blocksize=2), rng, 2)


def _resized(m: Model, x: str, rng: np.random.Generator, real: bool, **attrs: str) -> str:
    y = conv(m, x, rng, 3, 2, 3, 3)
    y = y if real else bits(m, y)
    y = m.op("Resize", y, "", m.const([1, 1, 2, 3]), mode="nearest", **attrs)
    return m.batch_norm(y, rng, 3) if real else conv(m, y, rng, 2, 3, 2, 2)


def _upsampled(m: Model, x: str, rng: np.random.Generator) -> str:
    return m.batch_norm(m.op("Upsample", conv(m, x, rng, 3, 2, 3, 3), m.const([1, 1, 2, 2])), rng, 3)


def _linear_after(m: Model, x: str, rng: np.random.Generator) -> str:
    y = m.op("Concat", conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), x, conv(m, x, rng, 2, 2, 1, 1), axis=1)
    return conv(m, y, rng, 4, 7, 3, 3, pads=[1, 0, 1, 0])


def _largest_of(m: Model, x: str, rng: np.random.Generator) -> str:
    y = m.op("Concat", conv(m, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), x, axis=1)
    return m.batch_norm(m.op("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]), rng, 5)


map_row("Concat of sums and bits, Conv", "without a step between", _linear_after, group="Moves")
map_row("Concat of sums and bits, MaxPool", LATER, _largest_of, group="Moves")
map_row("Concat of sums", f"{LATER}, as BinaryDenseNet has it", _dense_net, group="Moves")
map_row("Concat of sums, bits and constants", LATER, _mixed, group="Moves")
map_row("channel shuffle of sums", f"Reshape, Transpose, Reshape {LATER}", _shuffle, group="Moves")
map_row("Pad of sums", LATER, lambda m, x, r: _padded(m, x, r, 0.5, [0, 0, 1, 0, 0, 0, 0, 1]), group="Moves")
map_row(
    "Pad of channels",
    f"a shortcut without weights, {LATER}",
    lambda m, x, r: _padded(m, x, r, 0.0, [0, 1, 0, 0, 0, 2, 0, 0]),
    group="Moves",
)
map_row("Split, Slice, Concat of sums", LATER, _split, group="Moves")
map_row("DepthToSpace of sums", LATER, _blocks, group="Moves")
map_row(
    "Resize to the nearest, of bits",
    "asymmetric, floor",
    lambda m, x, r: _resized(m, x, r, False, coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    group="Moves",
)
map_row(
    "Resize to the nearest, of sums", f"half_pixel; {LATER}", lambda m, x, r: _resized(m, x, r, True), group="Moves"
)


@pattern("Moves", "Upsample of sums", f"opset 9; {LATER}", (2, 5, 5), opset=9)
def _upsample(m: Model, rng: np.random.Generator) -> str:
    x = quant(m, m.input, 1, 1, 0)
    return m.op("Flatten", quant(m, _upsampled(m, x, rng), 2, 1, 1))
