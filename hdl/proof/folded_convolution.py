"""A convolution of a folded chain against the network: what every step reads, weights, begins of sums by padding.

A layer's memory is read back as a dense one's is (`folded_memory.py`), once for every set of threshold bits. Which
chunk of a sample a step reads is said by the window's geometry, which the induction proves of the circuit; of which
bits the network's sum is, by its Window. The two are compared at every position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Sum, Window
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_memory import FoldedLayerClaim, check_range, decode_words, read_words, words_of
from threshc.hdl.proof.folded_stream import ANY, ZERO, Carried
from threshc.hdl.proof.routes import window

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ConvolutionClaim:
    """A layer at every position of a window. layer: as at one, chunks being the steps of a pass; a pass goes over all
    taps and `chunks` / `blocks` chunks of each pixel, as many passes over each block. Taps beyond the map are 0.

    height, width, chunks: of the map, in pixels, and of a pixel; kernel, stride, pads, dilation: as the IR's Window.
    starts: the text of the memory of threshold bits, whose words are those of one pattern behind those of the other, ""
    where they stand in the layer's own. patterns: of every position, row by row.
    """

    layer: FoldedLayerClaim
    height: int
    width: int
    chunks: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilation: tuple[int, int]
    blocks: int
    starts: str
    patterns: tuple[int, ...]

    def reads(self) -> Iterator[Integers]:
        """Yields for every position which chunk of a sample each step of a pass over each block reads, -1 for padding:
        (blocks, steps)."""
        (top, left, bottom, right), (dh, dw), (kh, kw) = self.pads, self.dilation, self.kernel
        each = self.chunks // self.blocks
        parts = np.arange(self.chunks).reshape(self.blocks, 1, each)
        taps = np.arange(kh * kw)
        for y in range(-top, self.height + bottom - dh * (kh - 1), self.stride[0]):
            for x in range(-left, self.width + right - dw * (kw - 1), self.stride[1]):
                rows, columns = y + taps // kw * dh, x + taps % kw * dw
                real = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
                found = (rows * self.width + columns)[:, None] * self.chunks + parts
                yield np.where(real[:, None], found, -1).reshape(self.blocks, -1)


def decoded(claim: ConvolutionClaim) -> tuple[Integers, Integers]:
    """Returns (weights, starts): (rows, columns), of the bits of a pass, and (patterns, rows), what sums begin with.

    Raises Unproved where a memory's text is not what it should be.
    """
    layer, count = claim.layer, max(claim.patterns) + 1
    depth, extra = layer.groups * layer.chunks, len(layer.code.exponents)
    if not claim.starts:
        if count > 1:
            raise Unproved("threshold bits are those of one pattern, and positions have several")
        weights, start = decode_words(layer, words_of(layer))
        return weights, np.repeat(start[None], count, axis=0)
    layer.code.check()
    own = read_words(layer.memory, depth, layer.pe * (layer.code.bits - extra)).reshape(depth, layer.pe, -1)
    more = read_words(claim.starts, count * depth, layer.pe * extra).reshape(count, depth, layer.pe, -1)
    found = [decode_words(layer, np.concatenate([own, some], axis=2).reshape(depth, -1)) for some in more]
    return found[0][0], np.stack([start for _, start in found])


def sum_of_window(network: Network, value: int, order: Callable[[int], Integers]) -> tuple[int, Sum, Integers]:
    """Returns the first Sum behind a value, which number it is, and of what it is at every position (`named` of
    `check_convolution`). order: of a value's elements which of the stream's bits each is.

    Raises Unproved where it is not of a map of pixels.
    """
    for v, op in enumerate(network.ops):
        if v > value and isinstance(op, Sum):
            source = network.ops[op.x]
            over = source if isinstance(source, Window) else Window(op.x, (1, 1))
            shape = network.types[over.x].shape
            if len(shape) != 3:
                raise Unproved("the network's next layer is not a convolution")
            named = window(over, order(over.x).reshape(shape) + 2)
            return v, op, named.reshape(-1, named.shape[-1])
    raise Unproved("the network has no further layer")


def check_convolution(claim: ConvolutionClaim, carried: Carried, named: Integers, op: Sum, compare: Compare) -> Carried:
    """Returns what leaves the layer, bit r of position p being p * channels + r.

    named: (positions, columns), of every input of the sum at every position which of the stream's bits it is, plus 2,
    or the constant 0 or 1. Raises Unproved unless the answers are those of the Compare.
    """
    layer, bits = claim.layer, carried.bits
    if len(bits) != claim.height * claim.width * claim.chunks or min(claim.chunks, claim.blocks) < 1:
        raise Unproved(f"it takes {claim.height * claim.width * claim.chunks} beats of a sample, not {len(bits)}")
    if layer.groups % claim.blocks or claim.chunks % claim.blocks or layer.answer != "bits":
        raise Unproved("its passes are not those of blocks of a pixel's chunks")
    if layer.chunks * claim.blocks != claim.chunks * claim.kernel[0] * claim.kernel[1]:
        raise Unproved("a pass does not go over all taps")
    if len(claim.patterns) != len(named) or min(claim.patterns) < 0:
        raise Unproved(f"it has {len(claim.patterns)} positions, the network's window {len(named)}")
    if (bits == ANY).any():
        raise Unproved("it takes bits that may be anything")
    weights, starts = decoded(claim)
    for start in starts:
        check_range(layer, weights, start)
    seen = _placed(claim, bits, named)
    _check_sums(claim, weights, starts, seen, op, compare)
    rows = len(compare.row)
    found = np.full((len(named), layer.rows), ANY, np.int64)
    found[:, :rows] = np.arange(len(named) * rows).reshape(len(named), rows)
    return Carried(found.reshape(-1, layer.pe))


Seen = dict[bytes, tuple[Integers, Integers, int]]
"""Positions that are alike: the column that each bit of a pass over a block is, -1 for none, (blocks, bits); of every
column whether it is 0, 1 or neither (2); and the pattern."""


def _placed(claim: ConvolutionClaim, bits: Integers, named: Integers) -> Seen:
    """The kinds of positions. Raises Unproved where a pass reads what the network's sum does not, or twice."""
    seen: Seen = {}
    column = np.full(int(max(bits.max(initial=0), named.max(initial=0))) + 3, -1, np.int64)
    for reads, inputs, pattern in zip(claim.reads(), named, claim.patterns, strict=True):
        real = inputs > 1
        column[inputs[real]] = np.flatnonzero(real)
        if len(np.unique(inputs[real])) != real.sum():
            raise Unproved("the network's window has a bit twice")
        read = np.where(reads[..., None] >= 0, bits[reads], ZERO).reshape(claim.blocks, -1)
        found = np.where(read >= 0, column[np.maximum(read, 0) + 2], -1)
        column[inputs[real]] = -1
        if (found[read >= 0] < 0).any():
            raise Unproved("a pass reads what is not under the network's window")
        used = found[found >= 0]
        if len(np.unique(used)) != len(used) or len(used) != real.sum():
            raise Unproved("a pass reads a bit twice, or none reads it")
        kind = np.minimum(inputs, 2)
        seen.setdefault(found.tobytes() + kind.tobytes() + bytes([pattern & 255, pattern >> 8]), (found, kind, pattern))
    return seen


def _check_sums(
    claim: ConvolutionClaim, weights: Integers, starts: Integers, seen: Seen, op: Sum, compare: Compare
) -> None:
    """Raises Unproved unless at every kind of positions the sums are the network's, up to a factor of each row."""
    layer, row, count = claim.layer, compare.row, len(compare.row)
    wanted = op.weights[row].astype(np.int64)
    parts = weights.reshape(claim.blocks, layer.rows // claim.blocks, -1)
    held = []
    for found, _, _ in seen.values():
        own = np.zeros((*parts.shape[:2], wanted.shape[1]), np.int64)
        for block, (columns, part) in enumerate(zip(found, parts, strict=True)):
            own[block][:, columns[columns >= 0]] = part[:, columns >= 0]
        held.append(own.reshape(layer.rows, -1)[:count])
    scale = np.ones(count, np.int64)
    for (_, kind, _), own in zip(seen.values(), held, strict=True):
        total = np.abs(own).sum(axis=1)
        scale = np.maximum(scale, np.abs(wanted[:, kind == 2]).sum(axis=1) // np.maximum(total, 1))
    for (_, kind, pattern), own in zip(seen.values(), held, strict=True):
        bias = op.bias[row] - compare.threshold + wanted[:, kind == 1].sum(axis=1)
        wrong = (np.where(kind == 2, wanted, 0) != scale[:, None] * own).any(axis=1)
        wrong |= starts[pattern, :count] != bias // scale
        if wrong.any():
            raise Unproved(f"the memory has other weights or another threshold in row {int(wrong.argmax())}")
