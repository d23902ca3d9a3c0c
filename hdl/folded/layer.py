"""One folded layer as numbers: what its memory holds, how its sums begin, how many cycles it takes. No circuit yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.signs import Bits, Coding, coding, decode, encode

Answer = Literal["bits", "sums"]
Store = Literal["block", "lut", "spram"]


@dataclass(frozen=True, eq=False)
class FoldedLayer:
    """PE neurons at a time add SIMD inputs a cycle: s_r = start_r + sum_i w_ri x_i, with w of +-1 and x of 0 and 1.

    negative: (rows, columns), 1 where a weight is -1. start: (rows,) int64, what sums begin with: less a threshold,
    or a bias. answer: `bits` are s_r >= 0, `sums` are s_r in two's complement. pe divides rows; columns beyond the last
    are inputs of 0. inputs: of the family's look-up tables, 4 or 6.

    The circuit counts set lanes (`signs.py`), so sums begin with start_r less the number of weights -1. All rows begin
    with the smallest of these, `base`, which the accumulator is reset to; what a row has beyond it comes as further
    bits of its weight words, of weights 2**e for e in `exponents`, added up over all chunks. So there is no memory of
    thresholds and no comparator.
    """

    name: str
    negative: Bits
    start: NDArray[np.int64]
    pe: int
    simd: int
    answer: Answer = "bits"
    inputs: int = 4

    def __post_init__(self) -> None:
        assert self.rows % self.pe == 0

    @property
    def rows(self) -> int:
        """Neurons."""
        return int(self.negative.shape[0])

    @property
    def columns(self) -> int:
        """Inputs of each."""
        return int(self.negative.shape[1])

    @property
    def chunks(self) -> int:
        """Beats in: each holds SIMD inputs."""
        return -(-self.columns // self.simd)

    @property
    def groups(self) -> int:
        """Beats out: each holds the answers of PE neurons."""
        return self.rows // self.pe

    @property
    def interval(self) -> int:
        """Cycles that a sample takes where nothing waits."""
        return self.chunks * self.groups

    @property
    def code(self) -> Coding:
        """The coding of weights in memory."""
        return coding(self.simd, self.inputs)

    @cached_property
    def begin(self) -> NDArray[np.int64]:
        """The begin of each row's count of set lanes, (rows,)."""
        found: NDArray[np.int64] = self.start - self.negative.sum(axis=1, dtype=np.int64)
        return found

    @property
    def base(self) -> int:
        """The begin of every accumulator."""
        return int(self.begin.min())

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        """Weights 2**e of the further bits of a row's words."""
        return threshold_exponents(self.chunks, int(self.begin.max()) - self.base)

    @property
    def bits(self) -> int:
        """Bits of an accumulator: every sum of every row fits, in two's complement."""
        lowest, highest = self.base, int(self.begin.max()) + self.columns
        return max((-lowest - 1).bit_length() if lowest < 0 else 0, max(highest, 0).bit_length()) + 1

    @property
    def word_bits(self) -> int:
        """Bits of a weight word of one PE."""
        return self.simd + len(self.exponents)

    @property
    def out_bits(self) -> int:
        """Bits of a beat out."""
        return self.pe * (self.bits if self.answer == "sums" else 1)

    def words(self) -> Bits:
        """Returns the contents of the weight memory: a row per step (group-major, `interval` of them), PE words side by
        side, of each the recoded weights first, (interval, pe * word_bits)."""
        negative = np.zeros((self.rows, self.chunks * self.simd), np.uint8)
        negative[:, : self.columns] = self.negative
        code = encode(negative.reshape(self.rows, self.chunks, self.simd), self.code)
        more = spread(self.begin - self.base, self.exponents, self.chunks)
        word = np.concatenate([code, more], axis=-1).reshape(self.groups, self.pe, self.chunks, -1)
        return np.ascontiguousarray(word.transpose(0, 2, 1, 3).reshape(self.interval, -1))

    def contents(self, words: Bits) -> tuple[Bits, NDArray[np.int64]]:
        """Returns what words of this layer's shape mean: `negative` and `start`. The inverse of `words`."""
        word = words.reshape(self.groups, self.chunks, self.pe, self.word_bits).transpose(0, 2, 1, 3)
        word = word.reshape(self.rows, self.chunks, self.word_bits)
        negative = decode(word[..., : self.simd], self.code).reshape(self.rows, -1)
        weights = np.int64(1) << np.array(self.exponents, np.int64)
        begin = self.base + (word[..., self.simd :].astype(np.int64) @ weights).sum(axis=1)
        return negative[:, : self.columns], begin + negative.sum(axis=1, dtype=np.int64)


def threshold_exponents(chunks: int, span: int) -> tuple[int, ...]:
    """Returns exponents whose powers of two, each taken 0 to `chunks` times, make every sum from 0 to `span`."""
    found, total = [], 0
    while chunks * total < span:
        found.append((1 + chunks * total).bit_length() - 1)
        total += 1 << found[-1]
    return tuple(found)


def spread(values: NDArray[np.int64], exponents: tuple[int, ...], chunks: int) -> Bits:
    """Returns bits (.., chunks, exponents) whose weighted sum over all chunks is each of the values (..)."""
    bits = np.zeros((*values.shape, chunks, len(exponents)), np.uint8)
    left = values
    for k in reversed(range(len(exponents))):
        times = np.minimum(chunks, left >> exponents[k])
        left = left - (times << exponents[k])
        bits[..., k] = np.arange(chunks) < times[..., None]
    assert not left.any()
    return bits
