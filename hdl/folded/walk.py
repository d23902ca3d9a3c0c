"""The way of a window over a map of pixels, as numbers: what each position reads, waits for and gives back. No circuit.

Pixels come row by row, each in a number of chunks. A position is a place of the window, positions go row by row too.
It reads its taps out of a buffer in which chunk k of the stream stands at k modulo the places. Numbers that positions
have are those of their row and of their column, most of which are like their neighbours': classes, not a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Walk:
    """height, width: pixels of the map; chunks: of a pixel; kernel, stride, pads, dilation: as those of
    `threshc.compiler.ir.ops.Window`. blocks: equal parts of a pixel's chunks, of which a pass reads one; as many passes
    read each of them, one part after the other.

    patterns: (rows, columns) of positions, which set of begins of sums each has, 0 for all where there is one set.
    """

    height: int
    width: int
    chunks: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    blocks: int = 1
    patterns: Integers | None = None

    @property
    def taps(self) -> int:
        """Pixels under the window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def each(self) -> int:
        """Chunks of a tap that a pass reads."""
        return self.chunks // self.blocks

    @property
    def size(self) -> int:
        """Chunks of a sample."""
        return self.height * self.width * self.chunks

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of positions."""
        return len(self._tops), len(self._lefts)

    @property
    def positions(self) -> int:
        """Places of the window."""
        return len(self._tops) * len(self._lefts)

    @cached_property
    def _tops(self) -> Integers:
        """The row of the window's first tap, of every row of positions; negative in the padding."""
        top, _, bottom, _ = self.pads
        reach = self.dilation[0] * (self.kernel[0] - 1)
        return np.arange(-top, self.height + bottom - reach, self.stride[0])

    @cached_property
    def _lefts(self) -> Integers:
        """Its column, of every column of positions."""
        _, left, _, right = self.pads
        reach = self.dilation[1] * (self.kernel[1] - 1)
        return np.arange(-left, self.width + right - reach, self.stride[1])

    @cached_property
    def first(self) -> Integers:
        """(rows, columns): the number of the chunk that is the first of the window's first tap, were there no edges."""
        found: Integers = (self._tops[:, None] * self.width + self._lefts) * self.chunks
        return found

    @cached_property
    def need(self) -> Integers:
        """(rows, columns): how many chunks of the sample must have come before the position begins."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        bottom = np.minimum(self._tops + dh * (kh - 1), self.height - 1)[:, None]
        right = np.minimum(self._lefts + dw * (kw - 1), self.width - 1)
        pixels = np.maximum(bottom * self.width + right + 1, 1)
        return self._never_back(pixels)

    @cached_property
    def keep(self) -> Integers:
        """(rows, columns): how many chunks of the sample no position reads from this one on."""
        pixels = np.where(
            self._tops[:, None] < 0, 0, self._tops[:, None] * self.width + np.clip(self._lefts, 0, self.width)
        )
        return self._never_back(np.minimum(pixels, self.height * self.width))

    def _never_back(self, pixels: Integers) -> Integers:
        found: Integers = np.maximum.accumulate(pixels.ravel()).reshape(pixels.shape) * self.chunks
        return found

    @property
    def span(self) -> int:
        """Chunks that a buffer must have at once."""
        return int((self.need - self.keep).max())

    @property
    def usual_places(self) -> int:
        """Places of a buffer, a power of two, with which a steady source hardly waits: what a position needs and
        what the first one of the next sample does."""
        return 1 << (self.span + int(self.need[0, 0]) - 1).bit_length()

    @cached_property
    def moves(self) -> Integers:
        """(rows, columns): how far the next position's first tap is from the one that the last pass began with."""
        return self._to_next(self.first, int(self.first[0, 0])) - (self.blocks - 1) * self.each

    @cached_property
    def needs(self) -> Integers:
        """(rows, columns): how many chunks the next position needs beyond those that this one does."""
        return self._to_next(self.need, int(self.need[0, 0]))

    @cached_property
    def frees(self) -> Integers:
        """(rows, columns): how many chunks are given back at the end of a position."""
        return self._to_next(self.keep, 0)

    def _to_next(self, numbers: Integers, first: int) -> Integers:
        return np.diff(numbers.ravel(), append=self.size + first).reshape(numbers.shape)

    @cached_property
    def kinds(self) -> Integers:
        """(rows, columns): the set of begins of the next position."""
        if self.patterns is None:
            return np.zeros(self.shape, np.int64)
        return np.roll(self.patterns.ravel(), -1).reshape(self.shape)

    @cached_property
    def row_pads(self) -> NDArray[np.bool_]:
        """(rows, kh): whether a row of taps is padding."""
        taps = self._tops[:, None] + self.dilation[0] * np.arange(self.kernel[0])
        found: NDArray[np.bool_] = (taps < 0) | (taps >= self.height)
        return found

    @cached_property
    def column_pads(self) -> NDArray[np.bool_]:
        """(columns, kw): whether a column of taps is padding."""
        taps = self._lefts[:, None] + self.dilation[1] * np.arange(self.kernel[1])
        found: NDArray[np.bool_] = (taps < 0) | (taps >= self.width)
        return found

    @cached_property
    def pads_of(self) -> NDArray[np.bool_]:
        """(rows, columns, taps): whether a tap is padding."""
        both = self.row_pads[:, None, :, None] | self.column_pads[None, :, None, :]
        return both.reshape(*self.shape, self.taps)

    @cached_property
    def classes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows of positions that follow each other and are alike in all of these numbers, and columns: how many are in
        each class, in order."""
        numbers = np.stack([self.moves, self.needs, self.frees, self.kinds], axis=-1)
        rows = np.concatenate([numbers.reshape(len(self._tops), -1), self.row_pads], axis=1)
        columns = np.concatenate([numbers.swapaxes(0, 1).reshape(len(self._lefts), -1), self.column_pads], axis=1)
        return _runs(rows), _runs(columns)

    def of_classes(self, numbers: NDArray[np.generic]) -> list[list[int]]:
        """Returns numbers of positions, (rows, columns), as those of a class of rows and a class of columns."""
        rows, columns = (np.cumsum([0, *lengths[:-1]]) for lengths in self.classes)
        found: list[list[int]] = numbers[np.ix_(rows, columns)].tolist()
        return found


def _runs(rows: NDArray[np.generic]) -> tuple[int, ...]:
    """How many rows that are equal follow each other, from the first one on."""
    ends = np.flatnonzero(np.any(rows[1:] != rows[:-1], axis=1)) + 1
    return tuple(np.diff([0, *ends, len(rows)]).tolist())
