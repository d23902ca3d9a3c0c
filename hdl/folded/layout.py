"""What the beats of a stream carry: of every place, which element of a value, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ZERO, JUNK = -1, -2
"""Places that carry no element: always 0, and anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """elements: (beats, places), of every place of a sample's beats the element that it carries, `ZERO` or `JUNK`."""

    elements: NDArray[np.int64]

    @property
    def beats(self) -> int:
        """Transfers per sample."""
        return int(self.elements.shape[0])

    @property
    def width(self) -> int:
        """Places of a beat."""
        return int(self.elements.shape[1])

    @property
    def last(self) -> int:
        """Places of the last beat up to the last one that carries something."""
        return int(np.flatnonzero(self.elements[-1] >= 0).max(initial=-1)) + 1

    def joined(self, count: int, width: int) -> Layout:
        """Returns what `count` beats each, side by side from the lowest place on, make of it, `width` places wide."""
        words = -(-self.beats // count)
        filled = np.pad(self.elements, ((0, words * count - self.beats), (0, 0)), constant_values=ZERO)
        return Layout(
            np.pad(filled.reshape(words, -1), ((0, 0), (0, width - count * self.width)), constant_values=ZERO)
        )

    def parted(self, width: int) -> Layout:
        """Returns what parts of `width` places each make of it, of the last beat only those that carry something."""
        parts = -(-self.width // width)
        filled = np.pad(self.elements, ((0, 0), (0, parts * width - self.width)), constant_values=ZERO)
        dropped = parts - -(-self.last // width)
        return Layout(filled.reshape(-1, width)[: self.beats * parts - dropped])

    def cleared(self) -> Layout:
        """Returns the same with 0 in all places that may carry anything."""
        return Layout(np.where(self.elements == JUNK, ZERO, self.elements))

    def tiled(self, times: int, count: int) -> Layout:
        """Returns the beats of `times` parts of a sample that are alike, one behind the other: of the next part every
        element is `count` further. Nothing in them may be anything."""
        assert not (self.elements == JUNK).any()
        by = count * np.arange(times)[:, None, None]
        found = np.where(self.elements < 0, self.elements, self.elements + by)
        return Layout(found.reshape(-1, self.width))


def in_order(count: int, width: int) -> Layout:
    """Returns beats of `width` places that carry elements 0 to `count` - 1 in order; what is left of the last beat may
    be anything."""
    beats = -(-count // width)
    elements = np.full(beats * width, JUNK, np.int64)
    elements[:count] = np.arange(count)
    return Layout(elements.reshape(beats, width))
