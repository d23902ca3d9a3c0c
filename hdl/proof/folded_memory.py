"""The weight memory of a folded layer read back: from its text to the integers that it means.

With `folded_core` and the schedule, what a layer answers for row r is the sign of, or all of,
start_r + sum_i w_ri x_i over the bits x_i of a sample: `decode` returns start and w, `check_range` raises unless the
accumulator holds every sum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_core import Code

Bits = NDArray[np.uint8]
Integers = NDArray[np.int64]
_HEX = re.compile("[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class FoldedLayerClaim:
    """A folded layer: a word of the memory for each of `groups` times `chunks` steps, group by group, with the words of
    `pe` neurons side by side, the first lowest; chunk k of a sample holds its bits k * inputs and on. begin: what
    accumulators begin with, `bits` wide in two's complement. answer: the sum's sign, or the sum, or, for `levels`, the
    sign and, for each of the row's `added`, bit `bits` of its sum with the sum's bits, of which the highest one is
    inverted. memory: the text. elements: of `levels`, which bit of the network's Compare each of a row's bits is, -1
    for none; there may be fewer rows of them.

    planes: bits of an input, in a chunk the lowest first; a pass adds those of all its chunks plane by plane, the
    highest first, inverted where is_signed, with the same words, and doubles the sum in between; with the lowest one
    alone it adds threshold bits."""

    code: Code
    pe: int
    chunks: int
    groups: int
    begin: int
    bits: int
    answer: Literal["bits", "sums", "levels"]
    memory: str
    planes: int = 1
    is_signed: bool = False
    added: tuple[tuple[int, ...], ...] = ()
    elements: tuple[tuple[int, ...], ...] = ()

    @property
    def rows(self) -> int:
        """Neurons."""
        return self.pe * self.groups

    @property
    def columns(self) -> int:
        """Bits of a sample that each reads."""
        return self.beat_bits * self.chunks

    @property
    def beat_bits(self) -> int:
        """Bits of a chunk."""
        return self.code.inputs * self.planes


def words_of(layer: FoldedLayerClaim) -> Bits:
    """Returns the bits of the memory's words, (groups * chunks, pe * bits of a word), the lowest first.

    Raises Unproved where the text is not `groups` times `chunks` words of their width in hexadecimal digits.
    """
    layer.code.check()
    return read_words(layer.memory, layer.groups * layer.chunks, layer.pe * layer.code.bits)


def read_words(memory: str, count: int, width: int) -> Bits:
    """Returns the bits of a memory's words, (count, width), the lowest first.

    Raises Unproved where the text is not so many words of this width in hexadecimal digits.
    """
    lines = memory.split("\n")
    digits = 2 * -(-width // 8)
    if len(lines) != count + 1 or lines[-1]:
        raise Unproved(f"the memory has {len(lines) - 1} words, not {count}")
    text = "".join(lines)
    if any(len(line) != digits for line in lines[:-1]) or not _HEX.fullmatch(text):
        raise Unproved(f"the memory has words that are not {digits} hexadecimal digits")
    raw = np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, digits // 2)
    bits = np.unpackbits(raw[:, ::-1], axis=1, bitorder="little")
    if bits[:, width:].any():
        raise Unproved("the memory has bits beyond its width")
    return bits[:, :width]


def decode(layer: FoldedLayerClaim) -> tuple[Integers, Integers]:
    """Returns (weights, start): (rows, columns), of every bit of a sample, and (rows,), what every sum begins with.

    Raises Unproved as `words_of` does.
    """
    return decode_words(layer, words_of(layer))


def decode_words(layer: FoldedLayerClaim, words: Bits) -> tuple[Integers, Integers]:
    """Returns the same of words as `words_of` returns them."""
    code, pe = layer.code, layer.pe
    word = words.reshape(layer.groups, layer.chunks, pe, code.bits)
    word = word.transpose(0, 2, 1, 3).reshape(layer.rows, layer.chunks, code.bits)
    weights = np.zeros((layer.rows, layer.chunks, code.inputs), np.int64)
    most = (1 << layer.planes) - 1  # how often a lane counts that all planes have
    start = np.full(layer.rows, layer.begin << (layer.planes - 1), np.int64)
    for lane in code.lanes:
        off = np.full(word.shape[:2], lane.flip, np.uint8)  # what it is where the input is 0, and where it is 1
        for place in lane.sign:
            off ^= word[..., place]
        on = off ^ 1
        if lane.mask >= 0:
            on, off = on & word[..., lane.mask], off & word[..., lane.mask]
        if lane.inverted:
            on, off = on ^ 1, off ^ 1
        weights[..., lane.input] += (on.astype(np.int64) - off) << lane.column
        start += most * off.sum(axis=1, dtype=np.int64) << lane.column
    for k, exponent in enumerate(reversed(code.exponents)):
        start += word[..., -1 - k].sum(axis=1, dtype=np.int64) << exponent
    powers = 1 << np.arange(layer.planes, dtype=np.int64)
    if layer.is_signed:  # 1 - x in place of x
        start += powers[-1] * weights.sum(axis=(1, 2))
        powers[-1] *= -1
    return (weights[..., None] * powers).reshape(layer.rows, layer.columns), start


def check_range(layer: FoldedLayerClaim, weights: Integers, start: Integers) -> None:
    """Raises Unproved unless every sum of every row fits the accumulator in two's complement."""
    low = int((start + np.minimum(weights, 0).sum(axis=1)).min())
    high = int((start + np.maximum(weights, 0).sum(axis=1)).max())
    if low < -1 << (layer.bits - 1) or high >= 1 << (layer.bits - 1):
        raise Unproved(f"sums from {low} to {high} do not fit an accumulator of {layer.bits} bits")
