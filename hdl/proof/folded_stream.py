"""What the stream between two parts of a folded chain carries, bit by bit, and what converters do with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.proof.bits import Unproved

ZERO, ANY = -1, -2
"""Bits without an element: always 0, and unknown."""


@dataclass(frozen=True, slots=True)
class GatherClaim:
    """`count` beats of `width` bits become one of `out`, the first lowest, zeros above; a sample becomes `words`, the
    last one of but `last` beats."""

    width: int
    out: int
    count: int
    words: int
    last: int


@dataclass(frozen=True, slots=True)
class SplitClaim:
    """A beat of `width` bits, with zeros above, becomes `count` of `out` bits, the lowest first; the last one of a
    sample's `beats` becomes the first `last` of these."""

    width: int
    out: int
    count: int
    beats: int
    last: int


@dataclass(frozen=True, slots=True)
class FillClaim:
    """Beats of `width` bits get zeros above, up to `out`; of the last of a sample's `beats` only the bits of the number
    `kept` stay, the others become 0."""

    width: int
    out: int
    beats: int
    kept: int


Converter = GatherClaim | SplitClaim | FillClaim


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """bits: (beats, width) of a sample, each the number of a bit of the value that the stream carries, or ZERO or
    ANY."""

    bits: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return int(self.bits.shape[1])

    def into(self, width: int) -> None:
        """Raises Unproved unless beats have this width."""
        if width != self.width:
            raise Unproved(f"it takes beats of {width} bits and is given {self.width}")

    def through(self, part: Converter) -> Carried:
        """Returns what leaves a converter, which may see parts of a sample as samples.

        Raises Unproved where it does not fit the stream.
        """
        self.into(part.width)
        short = part.count - part.last if isinstance(part, GatherClaim) else 0
        period = part.words * part.count - short if isinstance(part, GatherClaim) else part.beats
        if not 0 < period < len(self.bits) or len(self.bits) % period:
            return self._whole(part)
        parts = [Carried(bits)._whole(part).bits for bits in self.bits.reshape(-1, period, self.width)]
        return Carried(np.concatenate(parts))

    def _whole(self, part: Converter) -> Carried:
        match part:
            case GatherClaim():
                return self._gathered(part)
            case SplitClaim():
                return self._split(part)
            case FillClaim():
                return self._filled(part)

    def _gathered(self, part: GatherClaim) -> Carried:
        beats, short = len(self.bits), part.count - part.last
        fits = 0 <= short < part.count and part.out >= part.width * part.count
        # Without a short word, samples follow each other whatever their number of words.
        if not fits or (beats % part.count if not short else beats != part.words * part.count - short):
            raise Unproved("a sample's beats do not become whole words")
        bits = np.pad(self.bits, ((0, short), (0, 0)), constant_values=ZERO).reshape(-1, part.count * part.width)
        return Carried(_above(bits, part.out))

    def _split(self, part: SplitClaim) -> Carried:
        beats = len(self.bits)
        fits = 1 <= part.last <= part.count and part.out * part.count >= part.width
        if not fits or (part.last < part.count and beats != part.beats):
            raise Unproved("beats do not become whole parts")
        parts = _above(self.bits, part.out * part.count).reshape(beats * part.count, part.out)
        return Carried(parts[: len(parts) - (part.count - part.last)])

    def _filled(self, part: FillClaim) -> Carried:
        kept = np.array([part.kept >> k & 1 for k in range(part.width)], bool)
        if part.out < part.width or (len(self.bits) != part.beats and not kept.all()):
            raise Unproved("a sample has another number of beats")
        bits = self.bits.copy()
        bits[-1, ~kept] = ZERO
        return Carried(_above(bits, part.out))


def in_order(bits: int, width: int) -> Carried:
    """Returns beats of `width` that carry bits 0, 1, .. in order; the rest of the last beat is unknown. Raises Unproved
    for beats without bits."""
    if width < 1:
        raise Unproved("beats have no bits")
    found = np.full(-(-bits // width) * width, ANY, np.int64)
    found[:bits] = np.arange(bits)
    return Carried(found.reshape(-1, width))


def _above(bits: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    return np.pad(bits, ((0, 0), (0, width - bits.shape[1])), constant_values=ZERO)
