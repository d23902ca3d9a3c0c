"""A convolution of the IR as a folded layer: its window, its channels in blocks, what padding adds to its sums."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Sum, Value, Window
from threshc.hdl.folded.given import Entry
from threshc.hdl.folded.layer import BITS, Answer, FoldedLayer
from threshc.hdl.folded.layout import Layout
from threshc.hdl.folded.pieces import Dense, bits_read, factor, narrow, of_integers, refused
from threshc.hdl.folded.walk import Walk
from threshc.hdl.folded.weights import weight_code


@dataclass(frozen=True, slots=True, eq=False)
class Conv(Dense):
    """A convolution of a map. weights: (rows, taps * channels), of rows of a group 0 beyond its channels.

    shape: height, width and channels; window: of the taps; starts: (patterns, rows), what sums begin with at positions
    of each of `patterns`, (rows, columns) of them; groups: of channels, each read by as many rows, in order."""

    shape: tuple[int, int, int]
    window: Window
    starts: NDArray[np.int64]
    patterns: NDArray[np.int64]
    groups: int

    @property
    def inputs(self) -> int:
        """Channels of a pixel: SIMD are of these, of one group or of several."""
        return self.shape[2]

    def first(self, simd: int) -> int:
        """Returns how many inputs a beat has best where the layer is the first one: SIMD or all of a pixel."""
        return self.shape[2] if self.shape[2] % simd else simd

    def chunks(self, pe: int, simd: int, beats: int = 0) -> int:
        """Returns the steps of a pass. beats: that a pixel comes in, 0 for as few as there can be."""
        found = beats or -(-self.shape[2] // simd)
        return self.taps * found // self.blocks(pe, simd, whole=found * simd == self.shape[2])

    @property
    def taps(self) -> int:
        """Pixels under the window."""
        return math.prod(self.window.kernel)

    @property
    def positions(self) -> int:
        """Places at which it is applied."""
        return self.patterns.size

    def blocks(self, pe: int, simd: int, *, whole: bool = True) -> int:
        """Returns in how many blocks the channels are read, each by passes of its own: as many as there are groups, or
        fewer, of several groups each, so that PE neurons and SIMD inputs are of one block. whole: beats are full."""
        rows, channels = len(self.start), self.shape[2]
        for count in range(self.groups if whole else 1, 1, -1):
            if self.groups % count == 0 and rows // count % pe == 0 and channels // count % simd == 0:
                return count
        return 1

    def parts(self, pe: int, simd: int) -> int:
        """Returns in how many blocks its channels are read, each by neurons of its own."""
        return self.blocks(pe, simd, whole=not self.shape[2] % simd)

    def way(self, pe: int, simd: int, beats: int = 0) -> Walk:
        """Returns the way over the map. beats: that a pixel comes in, 0 for as few as there can be."""
        chunks = beats or -(-self.shape[2] // simd)
        return self.walk(self.blocks(pe, simd, whole=chunks * simd == self.shape[2]), chunks)

    def of_block(self, blocks: int) -> NDArray[np.signedinteger]:
        """Returns the weights of the channels of each row's block, (rows, taps, channels of a block)."""
        rows = len(self.start)
        each = self.weights.reshape(blocks, rows // blocks, -1, blocks, self.shape[2] // blocks)
        return np.concatenate([each[k, :, :, k] for k in range(blocks)])

    def walk(self, blocks: int, chunks: int) -> Walk:
        """Returns the way over the map, of whose pixels each comes in so many chunks."""
        height, width, _ = self.shape
        w, patterns = self.window, self.patterns if len(self.starts) > 1 else None
        return Walk(height, width, chunks, w.kernel, w.stride, w.pads, w.dilation, blocks, patterns)

    def folded(self, pe: int, simd: int, answer: Answer, inputs: int, carried: Layout) -> FoldedLayer:
        """Returns the layer as `Dense.folded` does. carried: bits of a pixel in the beats that it takes."""
        lanes = carried.elements.ravel()[:: self.numbers.bits] // self.numbers.bits
        blocks = self.blocks(pe, simd, whole=bool((lanes >= 0).all()))
        weights = self.of_block(blocks)
        code = weight_code(weights, inputs)
        lanes = lanes[: len(lanes) // blocks]  # those of other blocks are alike
        rows = np.where(lanes < 0, code.padding, weights[:, :, lanes]).astype(self.weights.dtype)
        more = (0, -len(rows) % pe)
        rows = np.pad(rows.reshape(len(rows), -1), (more, (0, 0)), mode="edge")
        starts = np.pad(self.starts, ((0, 0), more), mode="edge")
        added = starts - starts[0] if len(starts) > 1 else None
        walk = self.walk(blocks, carried.beats)
        return FoldedLayer(self.layer.name, rows, starts[0], pe, simd, answer, inputs, code, self.numbers, walk, added)


def convolution(network: Network, layer: Layer, entry: Entry, bits: Value) -> Conv:
    """Returns a layer of kind `conv`, which reads the value `bits`.

    Raises CompileError where it cannot be folded.
    """
    op = network.ops[layer.value]
    assert isinstance(op, Sum)
    readers = [network.ops[v] for v in layer.readers]
    if len(readers) != 1 or not isinstance(compare := readers[0], Compare):
        kinds = ", ".join(type(r).__name__ for r in readers) or "nothing"
        raise refused(layer, f"its sums are read by {kinds}", "one Compare reads a folded convolution")
    window = network.ops[op.x] if layer.window is not None else Window(op.x, (1, 1))
    assert isinstance(window, Window)
    height, width, channels = network.types[window.x].shape
    order = bits_read(network, window.x, bits, layer)
    if not np.array_equal(order, np.arange(len(order))) or (bits == entry.value and entry.places is not None):
        raise refused(
            layer,
            "its pixels are not in the order in which the stream brings them",
            "rows of pixels, each with all its channels, are folded so far",
        )
    taps = math.prod(window.kernel)
    every = op.weights.astype(np.int64)
    weights, pads = every[:, : taps * channels], every[:, taps * channels :]
    numbers, raw = BITS, weights.reshape(len(weights), taps, channels)
    if isinstance(network.ops[bits], Bitplanes):
        weights, numbers = of_integers(weights, network.types[0], layer)
    patterns, masks = _masks(window, height, width)
    added = masks @ (window.fill * raw.sum(axis=2) + (pads if window.is_pad else 0)).T
    rows, by = compare.row, factor(weights, axis=1)[compare.row]
    starts = ((op.bias + added)[:, rows] - compare.threshold) // by
    starts, which = np.unique(starts, axis=0, return_inverse=True)
    weights = narrow(weights[rows] // by[:, None])
    channels //= numbers.bits
    shape = height, width, channels
    groups = _groups(weights.reshape(len(rows), taps, channels))
    return Conv(
        layer,
        layer.readers[0],
        weights,
        starts[0],
        numbers,
        shape,
        window,
        starts,
        which.ravel()[patterns],
        groups,
    )


def _masks(window: Window, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which set of padded taps each position has, (rows, columns), and these sets, (sets, taps) of 0 and 1."""
    walk = Walk(height, width, 1, window.kernel, window.stride, window.pads, window.dilation)
    masks, which = np.unique(walk.pads_of.reshape(walk.positions, -1), axis=0, return_inverse=True)
    return which.reshape(walk.shape), masks.astype(np.int64)


def _groups(weights: NDArray[np.signedinteger]) -> int:
    """In how many groups channels are read, (rows, taps, channels): rows of a group weigh those of others 0."""
    rows, _, channels = weights.shape
    some = (weights != 0).any(axis=1)
    for count in range(math.gcd(rows, channels), 1, -1):
        if rows % count == 0 and channels % count == 0:
            of_row = np.arange(rows)[:, None] // (rows // count)
            if not some[of_row != np.arange(channels) // (channels // count)].any():
                return count
    return 1
