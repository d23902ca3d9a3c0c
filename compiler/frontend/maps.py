"""Coded activations as (H, W, C) maps of bits, the form in which windows slide over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.grid import Floats
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.sums import level_blur, level_grid
from threshc.compiler.frontend.symbolic import IntArray
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import ONE, ZERO, Loc, Value


@dataclass(frozen=True, slots=True, eq=False)
class BitMap:
    """A map of C channels as bits (H, W, B): channel c is base[c] + sum over its bits b of delta[b], times unit[c].

    channel, delta (B,): which channel a bit belongs to and what it adds, in units. Channels that are a constant at some
    places (padding that the model writes as its own operator) have a further bit that is 1 there.
    """

    bits: Value
    size: tuple[int, int]
    channel: IntArray
    delta: IntArray
    base: IntArray
    unit: Floats  # (C,)
    blur: Floats  # (C,) how far one rounding takes the model's numbers from those of the map
    level: IntArray  # (B,) the level that the bit opens; -1 for bits that mark constants
    table: Array  # (C, K + 1)
    count: IntArray  # (C,)


def bit_map(builder: Builder, coded: Coded, where: str, own_units: bool = False) -> BitMap:
    """Returns the map of a tensor (1, C, H, W) or (1, C, L), its channels in one unit, or each in its own.

    Raises CompileError where a channel differs between places.
    """
    shape = coded.shape if len(coded.shape) == 4 else (*coded.shape, 1)
    if len(shape) != 4 or shape[0] != 1:
        raise fail(
            f"a tensor of shape {list(coded.shape)} is not one map", where=where, hint="use (N, C, H, W) tensors"
        )
    channels, places = shape[1], shape[2] * shape[3]
    levels, unit = level_grid(coded, channels if own_units else 1)
    unit = np.resize(unit, channels)
    count = coded.count.reshape(channels, places)
    blur = level_blur(coded, levels, np.repeat(unit, places)).reshape(channels, places).max(axis=1)
    levels = levels.reshape(channels, places, -1)
    full = count.max(axis=1)
    lead = (count == full[:, None]).argmax(axis=1)  # a place where the channel has all its levels
    rows = np.arange(channels)
    constant = (count == 0) & (full > 0)[:, None]
    levels_of = levels[rows, lead]
    used = np.arange(levels.shape[2]) <= full[:, None]
    other_levels = ((levels != levels_of[:, None, :]) & used[:, None, :]).any(axis=2) | (count != full[:, None])
    differs = other_levels & ~constant
    if differs.any():
        c, p = (int(i) for i in np.argwhere(differs)[0])
        raise fail(
            "an activation does not have the same values at every place of the map",
            where=f"{where}, tensor {coded.tensor!r}, channel {c}, place {[p // shape[3], p % shape[3]]}",
            why="the weights of a convolution are the same everywhere",
            hint="use one scale and one threshold per channel",
        )
    channel, level = np.repeat(rows, full), np.concatenate([np.arange(k) for k in full])
    index = coded.index.reshape(channels, places, -1)
    positions = [np.where(constant[c], ZERO, index[c, :, k]) for c, k in zip(channel, level, strict=True)]
    delta = levels_of[channel, level + 1] - levels_of[channel, level]
    for c in np.flatnonzero(constant.any(axis=1)).tolist():
        value = np.unique(levels[c, constant[c], 0])
        if len(value) > 1:
            raise fail("a channel is padded with different constants", where=where, hint="pad with one constant")
        positions.append(np.where(constant[c], ONE, ZERO))
        channel, level = np.append(channel, c), np.append(level, -1)
        delta = np.append(delta, int(value[0]) - int(levels_of[c, 0]))
    flat = np.stack(positions, axis=1) if positions else np.full((places, 1), ZERO)
    arranged = flat.reshape(shape[2], shape[3], -1)
    bits = gathered(builder, coded.bits, arranged, builder.shape(coded.bits), Loc("", coded.tensor))
    table = coded.table.reshape(channels, places, -1)[rows, lead]
    return BitMap(bits, (shape[2], shape[3]), channel, delta, levels_of[:, 0], unit, blur, level, table, full)
