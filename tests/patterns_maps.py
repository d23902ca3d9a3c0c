"""Rows: convolution, pooling, and moves of elements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx_models import Model
from pattern import Build, bits, conv, pattern, pm1


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
