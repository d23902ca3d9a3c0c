"""A pooling of the IR between folded layers: a window over a map of bits, without a layer's arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Reduce, Value, Window
from threshc.hdl.folded.axis import Axis, axis
from threshc.hdl.folded.given import Entry
from threshc.hdl.folded.layout import Layout
from threshc.hdl.folded.pieces import bits_read, refused
from threshc.hdl.folded.pool import Kind


@dataclass(frozen=True, slots=True, eq=False)
class Pooling:
    """The or / and under a window. value: of the network, that leaves it; shape: height, width and channels of the
    map."""

    layer: Layer
    value: Value
    window: Window
    kind: Kind
    shape: tuple[int, int, int]

    def axes(self, beats: int) -> tuple[Axis, Axis]:
        """Returns its columns and its rows, one behind the other. beats: of a pixel."""
        (kh, kw), (sh, sw), (dh, dw) = self.window.kernel, self.window.stride, self.window.dilation
        top, left, bottom, right = self.window.pads
        columns = axis(beats, self.shape[1], kw, stride=sw, before=left, after=right, dilation=dw)
        depth = columns.outputs * beats
        return columns, axis(depth, self.shape[0], kh, stride=sh, before=top, after=bottom, dilation=dh)

    @property
    def positions(self) -> int:
        """Pixels that leave it."""
        return math.prod(one.outputs for one in self.axes(1))

    def cycles(self, beats: int) -> int:
        """Returns the cycles that a sample takes: those of its slower axis. beats: of a pixel."""
        columns, rows = self.axes(beats)
        return max(self.shape[0] * columns.total * beats, rows.total * rows.depth)

    def picked(self, pixel: Layout) -> tuple[int, ...]:
        """Returns which of the bits of a sample's beats are the map's, () for all. pixel: what its beats carry."""
        places = np.argsort(pixel.elements.ravel(), kind="stable")[-self.shape[2] :]
        size = pixel.elements.size
        every = (np.arange(self.positions)[:, None] * size + places).ravel()
        return () if np.array_equal(every, np.arange(self.positions * size)) else tuple(every.tolist())

    def keeps_zeros(self) -> bool:
        """Returns whether what is 0 everywhere is 0 behind it, too: padding is, or every window has an element to be
        taken together with."""
        return not self.window.fill or (
            self.kind == "and"
            and all(
                any(one.real(first + k * one.dilation) for k in range(one.taps))
                for one in self.axes(1)
                for first in range(0, one.outputs * one.stride, one.stride)
            )
        )


def pooling(network: Network, layer: Layer, entry: Entry, bits: Value) -> Pooling:
    """Reads a pooling behind the value `bits`. Raises CompileError for one that does not slide over a map."""
    op = network.ops[layer.value]
    assert isinstance(op, Reduce)
    if layer.window is None:
        raise refused(layer, "it takes bits together that are not under a window", "")
    window = network.ops[layer.window]
    assert isinstance(window, Window)
    height, width, channels = network.types[window.x].shape
    order = bits_read(network, window.x, bits, layer)
    if not np.array_equal(order, np.arange(len(order))) or (bits == entry.value and entry.places is not None):
        raise refused(
            layer,
            "its pixels are not in the order in which the stream brings them",
            "rows of pixels, each with all its channels, are folded so far",
        )
    if window.is_pad or op.taps != math.prod(window.kernel):
        raise refused(layer, "it takes other bits together than those of a pixel's channels", "")
    return Pooling(layer, layer.value, window, op.kind, (height, width, channels))
