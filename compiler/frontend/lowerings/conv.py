"""Convolution: a sliding window, then the same exact sums at every place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import Context, Known, constant, lowers, symbolic
from threshc.compiler.frontend.geometry import Geometry, geometry
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.channels_last import first
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, need
from threshc.compiler.frontend.kernels.spatial import conv_tail
from threshc.compiler.frontend.lowerings.composition import composed
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.lowerings.fields import concatenated
from threshc.compiler.frontend.lowerings.input_numbers import input_numbers
from threshc.compiler.frontend.lowerings.moves import channels_first, channels_last
from threshc.compiler.frontend.maps import BitMap, bit_map
from threshc.compiler.frontend.numbers import Numbers, room_beside
from threshc.compiler.frontend.sum_map import SumMap, map_of_bits, map_of_sums
from threshc.compiler.frontend.sums import check_size, check_type, sums_leaf, weight_grid
from threshc.compiler.frontend.symbolic import Expr, Leaf, apply, leaf_expr
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import Gather, Loc, Window


@lowers("Conv")
def conv(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Lowers a convolution of any kernel, stride, dilation, group and pads over (1, C, H, W) or (1, C, L)."""
    return convolution(context, node, args)


@lowers("channels_last:Conv")
def conv_channels_last(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Returns the same of (1, .., C) with a kernel (R, .., C / group)."""
    x = channels_first(context, node, symbolic(node, args, 0))
    kernel, plain = first(constant(node, args, 1, "kernel")), replace(node, domain="")
    return channels_last(node, convolution(context, plain, [x, kernel, *args[2:]]))


def convolution(context: Context, node: Node, args: Sequence[Known | None]) -> Expr:
    """Lowers Conv and the bias that may follow its sums."""
    x, weights = symbolic(node, args, 0), constant(node, args, 1, "kernel")
    groups = int(node.attrs.get("group", 1))
    if (
        weights.ndim != len(x.shape)
        or x.shape[0] != 1
        or x.shape[1] != weights.shape[1] * groups
        or len(weights) % groups
    ):
        raise fail(
            f"a kernel of shape {list(weights.shape)} in {groups} groups does not fit a map of shape {list(x.shape)}",
            where=node.where,
            hint="export the model again",
        )
    window = geometry(node, x.shape[2:], weights.shape[2:])
    total = leaf_expr(window_sums(context, node, x, weights, groups, window))
    if len(args) < 3 or args[2] is None:
        return total
    tail = Kernel(lambda n, a: [conv_tail(need(a, 0), need(a, 1))], Kind.CHANNELWISE, lambda n, a, k, s: 1)
    return apply(node, tail, (total, constant(node, args, 2, "bias")), node.outputs[0])


def window_sums(
    context: Context, node: Node, x: Expr, weights: Array, groups: int, window: Geometry, divide: int = 1
) -> Leaf:
    """Returns the leaf of sums under a window: weights (R, C / groups, ..kernel) float32; the real sums over
    `divide`."""
    flat = weights.reshape(len(weights), -1)
    uses, room = len(weights) * window.taps // groups, room_beside(flat, node.where)
    field = _read(context, node, x, any(window.pads), uses, room)
    n, row_unit = weight_grid(flat, node.where)
    n = n.reshape(len(n), weights.shape[1], window.taps)
    base, reach = (_per_group(b, groups, len(n)) for b in (field.base, field.reach))
    size = (np.abs(n.astype(np.float64)).sum(axis=2) * reach).sum(axis=1)
    check_size([(size[:, None], np.ones(1, np.int64))], node.where)
    check_type(weights.dtype, size, row_unit * field.unit[0] / field.over, node.where, again=not x.stepped)
    w, column = field.under(n, groups, node.where)
    at_tap = np.einsum("rct,rc->rt", n, base)
    marked = any(window.pads) and bool(at_tap.any())
    if marked:
        w = np.concatenate([w, -at_tap], axis=1)
        marks = window.taps * field.width + np.arange(window.taps)
        column = None if column is None else np.concatenate([column, np.tile(marks, (len(n), 1))], axis=1)
    loc = Loc(node.name, x.tensor)
    bits = context.builder.add(
        Window(field.bits, window.kernel, window.stride, window.pads, window.dilation, 0, marked, loc)
    )
    width = context.builder.shape(bits)[-1]
    if window.out == (1, 1):  # a single place: plain features from here on
        bits = context.builder.add(Gather((bits,), np.arange(width), loc))
    shape = (1, len(n), *window.out[: len(x.shape) - 2])
    unit, over = row_unit * field.unit[0], field.over * divide
    constant_part = (n.sum(axis=2) * _per_group(field.shift, groups, len(n))).sum(axis=1) * row_unit / divide
    base_sum, name = at_tap.sum(axis=1), node.outputs[0]
    blur = (np.abs(n).max(axis=2) * _per_group(field.blur, groups, len(n))).max(axis=1) * row_unit / divide
    return sums_leaf(bits, w, base_sum, unit, constant_part, shape, name, weights.dtype, column, width, over, blur)


def _read(context: Context, node: Node, x: Expr, padded: bool, uses: int, room: int) -> SumMap:
    """What a window slides over: the input's integers, the sums of a layer without a step behind it, or activations.

    uses: how many weights read each element. room: as in `input_numbers`.
    """
    numbers = input_numbers(context, node, x, padded, room, uses)
    if numbers is not None:
        return map_of_bits(*_integers(context, node, x, numbers))
    found = composed(context, x, padded, uses)
    if found is not None:
        return map_of_sums(context.builder, *found, x.shape, node.where)
    beside = concatenated(context, node, x)
    if beside is not None and not (padded and beside.shift.any()):
        return beside
    field = bit_map(context.builder, binary_input(context, node, x), node.where)
    return map_of_bits(field, np.zeros(len(field.base)))


def _per_group(channel: NDArray[Any], groups: int, rows: int) -> NDArray[Any]:
    """Values of the channels (C,) as those that each row reads, (R, C / groups)."""
    return np.repeat(channel.reshape(groups, -1), rows // groups, axis=0)


def _integers(context: Context, node: Node, x: Expr, numbers: Numbers) -> tuple[BitMap, NDArray[np.float64]]:
    """The input's own integers as a map, and what is added to all values of each channel (C,)."""
    channels = x.shape[1]
    index, delta = (a.reshape(channels, -1, a.shape[1]) for a in (numbers.index, numbers.delta))
    base = numbers.base.reshape(channels, -1)
    shift, blur = (a.reshape(channels, -1) for a in (numbers.shift, numbers.blur))
    differs = (delta != delta[:, :1]).any(axis=2) | (base != base[:, :1]) | (shift != shift[:, :1])
    if differs.any():
        c, place = (int(i) for i in np.argwhere(differs)[0])
        raise fail(
            "a channel of the input is not scaled and shifted the same at every place",
            where=f"{node.where}, tensor {x.tensor!r}, channel {c}, place {place}",
            why="the weights of a convolution are the same everywhere",
            hint="use one scale and one offset per channel, or subtract the image before the samples are made",
        )
    channel, bit = np.nonzero(delta[:, 0])
    height, width = (*x.shape[2:], 1)[:2]
    arranged = index[channel, :, bit].T.reshape(height, width, -1)
    shape = context.builder.shape(numbers.bits)
    bits = gathered(context.builder, numbers.bits, arranged, shape, Loc("", x.tensor))
    unit, none = np.full(channels, numbers.unit), np.zeros((channels, 1), np.float32)
    adds, size, away = delta[channel, 0, bit], (height, width), blur.max(axis=1)
    return BitMap(bits, size, channel, adds, base[:, 0], unit, away, channel * 0, none, base[:, 0] * 0), shift[:, 0]
