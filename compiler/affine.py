"""Integers that stand for real numbers, and the arithmetic between both: float32, step by step as frameworks do it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail

Move = tuple[Literal["mul", "div", "add"], tuple[float, ...]]
"""One step of float32 arithmetic: with one number, or with one per channel."""
NEUTRAL = {"mul": 1.0, "div": 1.0, "add": 0.0}


@dataclass(frozen=True, slots=True)
class Affine:
    """Integers lo..hi whose real value is float32(i), then every step in turn, each rounded to float32.

    steps: ("mul" | "div" | "add", numbers); one number for all features, or one per channel, always as many. inner:
    where there are several, how many features follow one another in the same channel, so that feature e has channel
    e // inner % channels; 0 while the shape of a sample is not known (`for_shape`).
    """

    lo: int
    hi: int
    steps: tuple[Move, ...] = ()
    inner: int = 0

    @property
    def channels(self) -> int:
        """The number of numbers that the steps have: 1 where all features are alike."""
        return max((len(numbers) for _, numbers in self.steps), default=1)

    def for_shape(self, shape: tuple[int, ...], where: str = "") -> Affine:
        """Returns this encoding for samples of a shape: channels are the first axis or the last one that has so many.

        Raises CompileError where no axis, or both, have as many elements as there are channels.
        """
        count = self.channels
        if count == 1:
            return self
        last = len(shape) > 1 and shape[-1] == count
        first = bool(shape) and shape[0] == count
        if first == last:
            said = f"{count} channels are stated for samples of shape {list(shape)}"
            why = (
                "two axes have so many elements"
                if first
                else "neither the first nor the last axis has so many elements"
            )
            raise fail(
                said, where=where, why=why, hint="state one number per channel of the model's input, or one for all"
            )
        return replace(self, inner=1 if last else prod(shape[1:]))

    def real(self, i: NDArray[np.integer]) -> NDArray[np.float32]:
        """Turns integers of any shape into the float32 values that the model sees; with channels, of whole samples."""
        x: NDArray[np.float32] = np.asarray(i).astype(np.float32)
        shape = x.shape
        if self.channels > 1:
            x = x.reshape(-1, self.channels, self.inner)
        with np.errstate(over="ignore"):
            for move, numbers in self.steps:
                value = self._spread(numbers).astype(np.float32)
                x = x * value if move == "mul" else x / value if move == "div" else x + value
        found: NDArray[np.float32] = x.reshape(shape)
        return found

    def nearest(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Returns the integers of lo..hi whose real values are nearest to finite numbers; shapes as in `real`."""
        shape = x.shape
        if self.channels > 1:
            x = x.reshape(-1, self.channels, self.inner)
        for move, numbers in reversed(self.steps):
            value = self._spread(numbers)
            x = x / value if move == "mul" else x * value if move == "div" else x - value
        return np.clip(np.rint(x), self.lo, self.hi).astype(np.int64).reshape(shape)

    def line(self) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
        """Returns the slope and offset per channel of the real value free of rounding, with the numbers as they are
        written."""
        slopes, offsets = [], []
        for c in range(self.channels):
            slope, offset = Fraction(1), Fraction(0)
            for move, numbers in self.steps:
                value = Fraction(repr(numbers[c % len(numbers)]))
                if move == "add":
                    offset += value
                else:
                    factor = value if move == "mul" else 1 / value
                    slope, offset = slope * factor, offset * factor
            slopes.append(slope)
            offsets.append(offset)
        return tuple(slopes), tuple(offsets)

    def channel(self, size: int) -> NDArray[np.int64]:
        """Returns the channel of each of a sample's features, (size,)."""
        return np.arange(size) // max(self.inner, 1) % self.channels

    def _spread(self, numbers: tuple[float, ...]) -> NDArray[np.float64]:
        return np.array(numbers, np.float64).reshape(-1, *([1] if self.channels > 1 else []))

    def __str__(self) -> str:
        for name, known in NAMED.items():
            if (self.lo, self.hi, self.steps) == (known.lo, known.hi, known.steps):
                return name
        text, summed = _integers(self.lo, self.hi), False
        for move, numbers in self.steps:
            if move == "add":
                below = all(n < 0 for n in numbers)
                text += ("-" if below else "+") + _list(tuple(-n for n in numbers) if below else numbers)
            else:
                text = (f"({text})" if summed else text) + ("*" if move == "mul" else "/") + _list(numbers)
            summed = move == "add"
        return text


NAMED = {
    "bit": Affine(0, 1),
    "bipolar": Affine(0, 1, (("mul", (2.0,)), ("add", (-1.0,)))),
}
"""Encodings with a name of their own."""


def _integers(lo: int, hi: int) -> str:
    signed = lo < 0
    bits = max(hi.bit_length(), (-lo - 1).bit_length() if signed else 0) + signed
    full = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return f"{'' if signed else 'u'}int{bits}" + ("" if (lo, hi) == full else f":{lo}..{hi}")


def _list(numbers: tuple[float, ...]) -> str:
    texts = [repr(float(n)).removesuffix(".0") for n in numbers]
    return texts[0] if len(texts) == 1 else "[" + ",".join(texts) + "]"
