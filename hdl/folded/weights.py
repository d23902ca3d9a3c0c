"""How an integer weight becomes lanes: the bits of it that memory holds, and what the circuit makes of them.

A lane is one bit times a power of two, made of one bit of an input and bits of memory:
* x ^ w, for a weight of +-1: the exclusive or costs next to nothing (`threshc.hdl.folded.signs`);
* m & x or its inverse, for a weight of 0 and 1, or 0 and -1;
* m & (x ^ w), for a sign w and a bit m of a magnitude: one table of three bits.
A negative weight counts lanes that are 1 where the input is 0, so that a sum of lanes is the sum of weights times
inputs and a number that the weights say (`rest`), which goes into what sums begin with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
Integers = NDArray[np.int64]

_TABLES = {
    4: {"sign": 1.75, "one": 2.2, "mask": 2.33, "odd mask": 0},
    6: {"sign": 0.92, "one": 0.96, "mask": 1.03, "odd mask": 0.5},
}
"""Tables of a lane with its part of the adder tree, by the inputs of a table (docs/research/folded.md). Of six, two
masks share one, so that an odd number takes half a one more."""


@dataclass(frozen=True, slots=True)
class WeightCode:
    """A weight as a sum of `signs` numbers +-1, +-2, +-4, .., which is odd, and of 0 or `one` (1 or -1, 0 for none);
    or as a sign and `masks` bits of its magnitude."""

    signs: int = 1
    one: int = 0
    masks: int = 0

    @property
    def bits(self) -> int:
        """Bits of memory that a weight takes."""
        return self.signs + abs(self.one) + (self.masks + 1 if self.masks else 0)

    @property
    def most(self) -> int:
        """The sum of a weight's lanes where all are 1."""
        return (1 << self.signs) - 1 + abs(self.one) + (1 << self.masks) - 1

    @property
    def padding(self) -> int:
        """A weight whose lanes are all 0 where the input is, if `one` is not -1."""
        return (1 << self.signs) - 1

    @property
    def range(self) -> tuple[int, int]:
        """The smallest and the largest weight."""
        low, high = 1 - (1 << self.signs) + min(self.one, 0), (1 << self.signs) - 1 + max(self.one, 0)
        return low - (1 << self.masks) + 1, high + (1 << self.masks) - 1

    def luts(self, inputs: int) -> float:
        """Returns about how many tables of so many inputs the lanes of a weight take, and their part of the adders."""
        each = _TABLES[6 if inputs >= 6 else 4]
        odd = self.masks % 2 * each["odd mask"]
        return self.signs * each["sign"] + abs(self.one) * each["one"] + self.masks * each["mask"] + odd

    def holds(self, weights: NDArray[np.signedinteger]) -> bool:
        """Returns whether it has all of the weights."""
        low, high = self.range
        if weights.size == 0:
            return True
        odd = not self.signs or bool(self.one) or bool((weights & 1).all())
        return low <= int(weights.min()) and int(weights.max()) <= high and odd

    def bits_of(self, weights: NDArray[np.signedinteger]) -> list[Bits]:
        """Returns for every bit of memory that of each weight, 1 for a sign that is negative; shapes are that of
        `weights`. Signs come first, then `one`, masks, and the sign of these."""
        minus, some = self._parts(weights)
        found = [_bit(minus, k) for k in range(self.signs)]
        if self.one:
            found.append(some.astype(np.uint8))
        if self.masks:
            size = np.abs(weights.astype(np.int64))
            found += [*(_bit(size, k) for k in range(self.masks)), (weights < 0).astype(np.uint8)]
        return found

    def rest(self, weights: NDArray[np.signedinteger]) -> Integers:
        """Returns the sums of each weight's lanes where the input is 0, int64."""
        if self.masks:
            return np.maximum(-weights.astype(np.int64), 0)
        minus, _ = self._parts(weights)
        return minus + (self.one < 0)

    def _parts(self, weights: NDArray[np.signedinteger]) -> tuple[Integers, Integers]:
        """Of each weight the sum of the 2**k whose sign is negative, and 1 where `one` is in it."""
        left = weights.astype(np.int64)
        some = abs(self.one) * ((left & 1) ^ (self.signs > 0))
        return ((1 << self.signs) - 1 - left + self.one * some) >> 1, some


SIGNS = WeightCode()
"""Weights of +-1."""


def weight_code(weights: NDArray[np.signedinteger], inputs: int) -> WeightCode:
    """Returns the code of integers, of any shape, that takes fewest tables of so many inputs."""
    low, high = (int(weights.min()), int(weights.max())) if weights.size else (1, 1)
    found = [code for code in _codes(low, high) if code.holds(weights)]
    return min(found, key=lambda code: (code.luts(inputs), code.bits))


def _codes(low: int, high: int) -> Iterator[WeightCode]:
    """The smallest code of every kind that reaches from one number to another."""
    for one in (0, -1, 1):
        signs = max(max(high - (one > 0), 0).bit_length(), max(-low - (one < 0), 0).bit_length(), not one)
        yield WeightCode(signs, one)
    yield WeightCode(0, 0, max(high.bit_length(), (-low).bit_length(), 1))


def _bit(numbers: Integers, k: int) -> Bits:
    return (numbers >> k & 1).astype(np.uint8)
