"""One folded layer as numbers: what its memory holds, how its sums begin, how many cycles it takes. No circuit yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.signs import Coding, coding, encode
from threshc.hdl.folded.threshold_bits import spread, threshold_exponents
from threshc.hdl.folded.walk import Walk
from threshc.hdl.folded.weights import SIGNS, Bits, WeightCode

Answer = Literal["bits", "sums", "levels"]
Store = Literal["block", "lut", "spram"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Inputs as integers of `bits` bits, the lowest first, in two's complement if they are signed. One bit: 0 and 1."""

    bits: int = 1
    is_signed: bool = False

    @property
    def most(self) -> int:
        """The largest integer, where none is signed."""
        return (1 << self.bits) - 1

    @property
    def half(self) -> int:
        """The difference between signed ones and the same with the highest bit inverted, which are not signed."""
        return 1 << (self.bits - 1) if self.is_signed else 0


BITS = Numbers()


@dataclass(frozen=True, eq=False)
class FoldedLayer:
    """PE neurons at a time add SIMD inputs a cycle: s_r = start_r + sum_i w_ri x_i, with integers w and x.

    weights: (rows, columns). start: (rows,) int64, what sums begin with: less a threshold, or a bias. answer: `bits`
    are s_r >= 0, `sums` are s_r in two's complement, `levels` are s_r >= 0 and s_r >= needs[r, t] for every t. pe
    divides rows; columns beyond the last are inputs of 0. inputs: of the family's look-up tables, 4 or 6. code: of the
    weights; numbers: what inputs are. serial: what they are where their bits come plane by plane, `numbers` being bits
    then: each step adds a plane of a chunk. needs: (rows, T - 1) int64, of T thresholds a row those behind the first;
    elements: which bit of the network's value each of a row's T bits is, -1 for none, of as many rows as that has.

    The circuit counts lanes (`weights.py`), so sums begin with start_r less what lanes count where inputs are 0. All
    rows begin with the smallest of these, `base`, which the accumulator is reset to; what a row has beyond it comes as
    further bits of its weight words, of weights 2**e for e in `exponents`, added up over all chunks. So there is no
    memory of thresholds and no comparator.

    walk: of a convolution, which does so at many positions: columns are those of the taps of a window, the chunks of
    a tap one after the other, and a sample is a map of pixels. Padded taps read 0. more: (patterns, rows), what
    sums begin with beside `start` at positions of each pattern of the walk; words of these bits stand in a memory of
    their own where there are several. last: the exponent of the last of these bits, None for the largest possible.
    """

    name: str
    weights: NDArray[np.signedinteger]
    start: NDArray[np.int64]
    pe: int
    simd: int
    answer: Answer = "bits"
    inputs: int = 4
    code: WeightCode = SIGNS
    numbers: Numbers = BITS
    walk: Walk | None = None
    more: NDArray[np.int64] | None = None
    serial: Numbers | None = None
    needs: NDArray[np.int64] | None = None
    elements: NDArray[np.int64] | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        assert self.rows % self.pe == 0
        assert (self.needs is not None) == (self.answer == "levels")

    @property
    def rows(self) -> int:
        """Neurons."""
        return int(self.weights.shape[0])

    @property
    def columns(self) -> int:
        """Inputs of each."""
        return int(self.weights.shape[1])

    @property
    def chunks(self) -> int:
        """Steps of a pass: each reads SIMD inputs."""
        return -(-self.columns // self.simd)

    @property
    def groups(self) -> int:
        """Beats out of a position: each holds the answers of PE neurons."""
        return self.rows // self.pe

    @property
    def depth(self) -> int:
        """Words of the weight memory: steps at a position."""
        return self.chunks * self.groups

    @property
    def positions(self) -> int:
        """Places at which the weights are applied."""
        return 1 if self.walk is None else self.walk.positions

    @property
    def patterns(self) -> int:
        """Sets of begins of sums."""
        return 1 if self.more is None else len(self.more)

    @property
    def beats(self) -> int:
        """Beats in of a sample."""
        return self.chunks if self.walk is None else self.walk.size

    @property
    def interval(self) -> int:
        """Cycles that a sample takes where nothing waits."""
        return self.depth * self.positions * self.planes

    @property
    def usual_places(self) -> int:
        """Places of a buffer for which a steady source never waits: for two samples, or as `Walk` says."""
        return 2 * self.chunks if self.walk is None else self.walk.usual_places

    @property
    def coding(self) -> Coding:
        """The coding of signs in memory."""
        return coding(self.simd, self.inputs)

    @cached_property
    def begin(self) -> NDArray[np.int64]:
        """The begin of each row's count of lanes, (patterns, rows)."""
        more = shifts(self.weights, self.chunks * self.simd, self.code, self.whole)
        found: NDArray[np.int64] = self._starts - more
        return found

    @property
    def _starts(self) -> NDArray[np.int64]:
        """What sums begin with, (patterns, rows)."""
        return self.start[None] if self.more is None else self.start + self.more

    @property
    def base(self) -> int:
        """The begin of every accumulator, which doubling between planes makes."""
        return int(self.begin.min()) >> (self.planes - 1) << (self.planes - 1)

    @property
    def accumulator_start(self) -> int:
        """The bits that accumulators begin with: the base in two's complement. Where answers are bits, the top bit is
        inverted, so that it is 1 where the sum is not negative: the answer without an inverter. Where planes come one
        after the other, it is what doubling between them makes that of."""
        whole = self.base + ((self.answer != "sums") << (self.bits - 1))
        return (whole >> (self.planes - 1)) % (1 << self.bits)

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        """Weights 2**e of the further bits of a row's words."""
        return threshold_exponents(self.chunks, self.span, self.last)

    @property
    def last_exponents(self) -> list[int]:
        """The possible values of `last`, [] without threshold bits: sums up to the largest begin can be made."""
        *others, most = threshold_exponents(self.chunks, self.span) or (-1,)
        made = self.chunks * sum(1 << e for e in others)
        return [e for e in range(most + 1) if made + (self.chunks << e) >= self.span]

    @property
    def span(self) -> int:
        """The difference between the largest and the smallest begin of a count."""
        return int(self.begin.max()) - self.base

    @cached_property
    def bits(self) -> int:
        """Bits of an accumulator: every sum of every row fits, in two's complement."""
        return max(accumulator_bits(self.weights, start, self.whole) for start in self._starts)

    @property
    def whole(self) -> Numbers:
        """The kind of an input, all its planes together."""
        return self.serial or self.numbers

    @property
    def planes(self) -> int:
        """Times that a pass goes over the chunks."""
        return 1 if self.serial is None else self.serial.bits

    @property
    def in_bits(self) -> int:
        """Bits of the inputs of a step."""
        return self.simd * self.numbers.bits

    @property
    def beat_bits(self) -> int:
        """Bits of a beat in."""
        return self.simd * self.whole.bits

    @property
    def word_bits(self) -> int:
        """Bits of a weight word of one PE."""
        return self.simd * self.code.bits + len(self.exponents)

    @property
    def own_bits(self) -> int:
        """Bits of such a word that stand in the weight memory: all, but for threshold bits that have their own."""
        return self.word_bits - (len(self.exponents) if self.patterns > 1 else 0)

    @property
    def levels(self) -> int:
        """Thresholds of a row, 1 where all have but one."""
        return 1 if self.needs is None else 1 + self.needs.shape[1]

    @property
    def compared(self) -> int:
        """Thresholds of a row that are compared at once, without the first: as few as are done within a pass."""
        return -(-(self.levels - 1) // self.chunks)

    @property
    def compares(self) -> int:
        """Cycles in which sums are compared with thresholds behind the first."""
        return -(-(self.levels - 1) // self.compared) if self.compared else 0

    @property
    def out_bits(self) -> int:
        """Bits of a beat out, those of a neuron side by side."""
        return self.pe * (self.bits if self.answer == "sums" else self.levels)

    def words(self) -> Bits:
        """Returns the contents of the weight memory: a row per step (group-major, `depth` of them), PE words side by
        side, of each the weights first, (depth, pe * own_bits): for every bit of a weight SIMD bits, signs recoded."""
        weights = np.full((self.rows, self.chunks * self.simd), self.code.padding, self.weights.dtype)
        weights[:, : self.columns] = self.weights
        parts = self.code.bits_of(weights.reshape(self.rows, self.chunks, self.simd))
        signs = [encode(part, self.coding) for part in parts[: self.code.signs]]
        bits = [*signs, *parts[self.code.signs :]]
        if self.patterns == 1:
            bits.append(self._thresholds(0))
        return self._beside(np.concatenate(bits, axis=-1))

    def read_words(self) -> Bits:
        """Returns the weight words in the order in which the steps at a position read them: those of a group for every
        plane."""
        words = self.words().reshape(self.groups, 1, self.chunks, -1)
        return np.repeat(words, self.planes, axis=1).reshape(self.depth * self.planes, -1)

    def starts(self) -> Bits:
        """Returns the contents of the memory of threshold bits where there are several patterns: the rows of one behind
        those of the other, (patterns * depth, pe * exponents)."""
        return np.concatenate([self._beside(self._thresholds(k)) for k in range(self.patterns)])

    def _thresholds(self, pattern: int) -> Bits:
        return spread(self.begin[pattern] - self.base, self.exponents, self.chunks)

    def _beside(self, bits: Bits) -> Bits:
        """Bits of rows and chunks, (rows, chunks, n), as those of steps and PE, (depth, pe * n)."""
        word = bits.reshape(self.groups, self.pe, self.chunks, -1)
        return np.ascontiguousarray(word.transpose(0, 2, 1, 3).reshape(self.depth, -1))


def shifts(weights: NDArray[np.signedinteger], columns: int, code: WeightCode, numbers: Numbers) -> NDArray[np.int64]:
    """Returns how much more than the sum of weights times inputs the lanes of each row count, (rows,), where so many
    columns are added, those beyond the weights being inputs of 0."""
    more = columns - weights.shape[1]
    padding = np.array([code.padding])
    rest = code.rest(weights).sum(axis=1) + more * int(code.rest(padding)[0])
    half = numbers.half * (weights.sum(axis=1, dtype=np.int64) + more * code.padding)
    found: NDArray[np.int64] = numbers.most * rest + half
    return found


def accumulator_bits(weights: NDArray[np.signedinteger], start: NDArray[np.int64], numbers: Numbers) -> int:
    """Returns the bits that hold start_r + sum_i w_ri x_i of every row, in two's complement."""
    low, high = -numbers.half, numbers.most - numbers.half
    plus = np.maximum(weights, 0).sum(axis=1, dtype=np.int64)
    minus = np.minimum(weights, 0).sum(axis=1, dtype=np.int64)
    lowest, highest = int((start + low * plus + high * minus).min()), int((start + high * plus + low * minus).max())
    return max((-lowest - 1).bit_length() if lowest < 0 else 0, max(highest, 0).bit_length()) + 1
