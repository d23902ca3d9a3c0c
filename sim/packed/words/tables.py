"""Collects the steps and tables of a word plan (`words_layout`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.planes.csd import signed_digits
from threshc.sim.packed.words.layout import FIELDS, GATHER, NEURONS, SIGNS, SUM

Addresses = NDArray[np.int64]

ZERO_BIT, ONE_BIT = 0, 64
_MAX_FAN_IN = (1 << 15) - 1
"""Of the rows whose sums fit the words of `words/signs.py`."""


class WordTables:
    """Append-only tables; every method returns where its data went. Regions of the workspace are never reused."""

    def __init__(self) -> None:
        self.words = 2
        self.program: list[tuple[int, ...]] = []
        self.tables: list[NDArray[np.int64]] = []
        self.table_count = 0
        self.weights: list[NDArray[np.uint64]] = []
        self.weight_count = 0
        self.limits: list[NDArray[np.uint8]] = []
        self.limit_count = 0
        self.clean: dict[int, int] = {}
        """Bit address of a word boundary -> how many bits follow it before nothing but zeros fill the last word."""

    def allocate(self, words: int) -> int:
        """Returns new words, zero until something writes them; the first one's number."""
        self.words += words
        return self.words - words

    def step(self, op: int, **fields: int) -> None:
        """Appends a step."""
        self.program.append(tuple(op if name == "op" else fields.get(name, 0) for name in FIELDS))

    def table(self, values: NDArray[np.integer]) -> int:
        """Appends words."""
        flat = np.asarray(values, np.int64).ravel()
        self.tables.append(flat)
        self.table_count += flat.size
        return self.table_count - flat.size

    def limit(self, limits: NDArray[np.uint8]) -> int:
        """Appends limits of a PACK step."""
        self.limits.append(limits)
        self.limit_count += limits.size
        return self.limit_count - limits.size

    def gather(self, source: Addresses) -> Addresses:
        """Copies bits (P, C) together, each position from a word boundary on with zeros behind it, and returns their
        addresses."""
        positions, width = source.shape
        words = -(-width // 64)
        out = self.allocate(positions * words)
        place = 64 * words * np.arange(positions)[:, None] + np.arange(width)
        counts, runs = _runs(source.ravel(), place.ravel(), positions * words)
        self.step(GATHER, rows=positions * words, table=self.table(counts), width=self.table(runs), out=out)
        self.clean |= {64 * (out + p * words): width for p in range(positions)}
        moved: Addresses = 64 * out + place
        return moved

    def rows(self, x: Addresses) -> Addresses:
        """Returns the same bits as evenly spaced rows of whole words with zeros behind them, copied if they are not."""
        width = x.shape[1]
        first = x[:, 0]
        gaps = np.diff(first)
        even = not len(gaps) or (gaps[0] > 0 and gaps[0] % 64 == 0 and (gaps == gaps[0]).all())
        joined = (first % 64 == 0).all() and (x == first[:, None] + np.arange(width)).all()
        tidy = width % 64 == 0 or all(self.clean.get(int(a)) == width for a in first)
        return x if even and joined and tidy else self.gather(x)

    def sum(self, x: Addresses, weights: NDArray[np.int64], start: NDArray[np.int64], mode: int) -> int:
        """Returns a SUM step: start (R,) + weights (R, C) times bits x (P, C); the first word of the results.

        NEURONS: ceil(R / 64) words per position; NUMBERS: R rounded up to eights.
        """
        x = self.rows(x)
        positions, width = x.shape
        digits = signed_digits(weights)
        masked = len(digits) > 1 or not weights.all()
        rows = len(weights)
        pitch = -(-rows // 64) if mode == NEURONS else 8 * -(-rows // 8)
        out = self.allocate(positions * pitch)
        first = x[:, 0] >> 6
        stride = int(first[1] - first[0]) if positions > 1 else 0
        place = {"x": int(first[0]), "stride": stride, "positions": positions, "out": out, "pitch": pitch}
        done = 0
        if mode == NEURONS and not masked and width <= _MAX_FAN_IN:
            done = min(rows, 32 * (rows // 32 + (rows % 32 > 16)))
            if done:
                at, groups = self._append(pack_signs(weights[:done] > 0, start[:done]))
                self.step(SIGNS, width=-(-width // 32), blocks=groups, weights=at, **place)
        if done < rows:
            at, blocks = self._append(pack_weights(digits[:, done:], start[done:], masked))
            self.step(
                SUM, mode=mode, rows=rows - done, width=-(-width // 64), digits=len(digits), blocks=blocks,
                weights=at, masked=int(masked), skip=done // 8, **place,
            )  # fmt: skip
        return out

    def _append(self, packed: NDArray[np.uint64]) -> tuple[int, int]:
        """Append weights (blocks, words); the first one's number, and how many blocks they are."""
        at = self.weight_count
        self.weights.append(packed.ravel())
        self.weight_count += packed.size
        return at, len(packed)


def pack_signs(plus: NDArray[np.bool_], start: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Weights +-1 (R, C), set where positive, start values (R,) as (groups, words of a group): see `words/signs.py`."""
    rows, width = plus.shape
    groups, parts = -(-rows // 32), -(-width // 32)
    bits = np.zeros((32 * groups, 32 * parts), bool)
    bits[:rows, :width] = plus
    body = np.packbits(bits, axis=-1, bitorder="little").view("<u4").reshape(groups, 16, 2, parts)
    ends = np.zeros(32 * groups, np.int64)  # rows that fill up a group never fire
    ends[:rows] = -1 - start - plus.sum(axis=1)
    packed = np.empty((groups, parts + 1, 2, 16), np.uint32)
    packed[:, 0] = ends.astype(np.int32).view(np.uint32).reshape(groups, 16, 2).transpose(0, 2, 1)
    packed[:, 1:] = body.transpose(0, 3, 2, 1)
    return packed.reshape(groups, -1).view(np.uint64)


def pack_weights(digits: NDArray[np.int8], start: NDArray[np.int64], masked: bool) -> NDArray[np.uint64]:
    """Digits (D, R, C) and start values (R,) as (blocks, words of a block): see `words/tiles.py`."""
    count, rows, width = digits.shape
    blocks, words, parts = -(-rows // 8), -(-width // 64), 2 if masked else 1
    planes = np.zeros((parts, count, 8 * blocks, words * 64), np.uint8)
    planes[0, :, :rows, :width] = digits > 0
    if masked:
        planes[1, :, :rows, :width] = digits != 0
    bits = np.packbits(planes, axis=-1, bitorder="little").view("<u8").astype(np.uint64)
    bits = bits.reshape(parts, count, blocks, 8, words)[:, ::-1]
    plus = (digits > 0).sum(axis=2, dtype=np.int64)
    total = start + (plus << np.arange(count)[:, None]).sum(axis=0)
    ends = np.full(8 * blocks, -1, np.int64)  # rows that fill up a block never fire
    ends[:rows] = total
    body = bits.transpose(2, 1, 4, 0, 3).reshape(blocks, -1)
    return np.concatenate([body, ends.view(np.uint64).reshape(blocks, 8)], axis=1)


def _runs(source: Addresses, place: Addresses, words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Runs of consecutive bits for each of `words` target words: how many of each (words,), and
    their address, mask and shift (runs, 3)."""
    kept = source != ZERO_BIT
    source, place = source[kept], place[kept]
    source = np.where(source == ONE_BIT, ONE_BIT + place % 64, source)
    new = np.ones(len(source), bool)
    new[1:] = (np.diff(source) != 1) | (np.diff(place) != 1) | (place[1:] % 64 == 0)
    first = np.flatnonzero(new)
    length = np.diff(np.append(first, len(source)))
    long = np.flatnonzero((length > 56) & (source[first] % 8 != 0))  # one unaligned load yields 57 bits
    starts = np.sort(np.concatenate([first, first[long] + 56]))
    length = np.diff(np.append(starts, len(source)))
    masks = np.full(len(starts), -1, np.int64)
    short = length < 64
    masks[short] = (np.int64(1) << length[short]) - 1
    runs = np.stack([source[starts], masks, place[starts] % 64], axis=1)
    return np.bincount(place[starts] // 64, minlength=words), runs
