"""What comes into a folded circuit: features that are compared with constants, or whose bits the first layer takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Value
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.folded.layout import JUNK, ZERO, Layout, in_order

_SPARSEST = 4
"""Comparisons of the input that the circuit may have for one of the network's, where all features have the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """The input. features: how many, of `bits` bits each; thresholds: (features, m), that each is compared with, m = 0
    where they are summed. kept: (features, m), which of these there are, None for all; what no number reaches stands in
    place of the others. places: of every comparison of the network, which of these it is, None for all in order."""

    features: int
    bits: int
    is_signed: bool
    thresholds: NDArray[np.int64]
    value: Value
    places: NDArray[np.int64] | None = None
    kept: NDArray[np.bool_] | None = None

    @property
    def each(self) -> int:
        """Most bits of a feature behind the comparisons."""
        return int(self.thresholds.shape[1]) or self.bits

    @property
    def comparisons(self) -> int:
        """Comparisons of all features together."""
        return self.thresholds.size if self.kept is None else int(self.kept.sum())

    def beats(self, count: int) -> tuple[list[list[list[int]]], Layout]:
        """Returns what the features of each of a sample's beats of `count` are compared with, one beat where all are
        compared with the same; and what the beats carry behind that. Every beat has as many comparisons."""
        m = self.thresholds.shape[1]
        if not m:
            return [], in_order(self.features * self.bits, count * self.bits)
        shape = (-(-self.features // count) * count, m)
        alike = np.array_equal(self.thresholds, np.resize(self.thresholds[:count], self.thresholds.shape))
        need = np.full(shape, 1 << (self.bits - self.is_signed))  # no number reaches it
        need[: self.features] = self.thresholds
        elements = np.full(shape, JUNK if alike else ZERO, np.int64)
        kept = np.ones_like(self.thresholds, bool) if self.kept is None else self.kept
        elements[: self.features] = ZERO
        elements[: self.features][kept] = np.arange(self.comparisons)
        places = elements.reshape(-1, count, m)
        used: NDArray[np.bool_] = np.any(places >= 0, axis=0)
        found = [
            [row[lanes].tolist() for row, lanes in zip(beat, used, strict=True)]
            for beat in need.reshape(-1, count, m)[: 1 if alike else None]
        ]
        return found, Layout(places[:, used])


def entry_of(network: Network) -> tuple[Entry, Value]:
    """Returns what comes in, and the value that has its bits.

    Raises CompileError where the input's numbers are read otherwise than by one Compare, or as their bits.
    """
    given, t = network.ops[0], network.types[0]
    assert isinstance(given, Input)
    count = int(np.prod(t.shape))
    if not isinstance(t, Ints):
        return Entry(count, 1, False, np.zeros((count, 0), np.int64), 0), 0
    users = network.users()[0]
    bits = len(plane_weights(t.lo, t.hi))
    if len(users) == 1 and isinstance(network.ops[users[0]], Bitplanes):
        return Entry(count, bits, t.lo < 0, np.zeros((count, 0), np.int64), users[0]), users[0]
    if len(users) != 1 or not isinstance(compare := network.ops[users[0]], Compare):
        raise fail(
            "the input's numbers are read in more than one way",
            where=option("fold"),
            why="folded first layers sum them, or are behind comparisons of them with constants",
            hint=f"compile or build it without {option('fold')}: unrolled circuits take it",
        )
    each, left = divmod(len(compare.row), count)
    if not left and np.array_equal(compare.row, np.repeat(np.arange(count), each)):
        return Entry(count, bits, t.lo < 0, compare.threshold.reshape(count, each), users[0]), users[0]
    all_of_them, which = np.unique(compare.threshold, return_inverse=True)
    each = len(all_of_them)
    if count * each <= _SPARSEST * len(compare.row):
        places = compare.row * each + which
        return Entry(count, bits, t.lo < 0, np.tile(all_of_them, (count, 1)), users[0], places), users[0]
    return _own(compare, count, bits, t.lo < 0, users[0]), users[0]


def _own(compare: Compare, features: int, bits: int, is_signed: bool, value: Value) -> Entry:
    """Features that are compared with numbers of their own, each with other many."""
    pairs, places = np.unique(np.stack([compare.row, compare.threshold], axis=1), axis=0, return_inverse=True)
    counts = np.bincount(pairs[:, 0], minlength=features)
    kept = np.arange(counts.max()) < counts[:, None]
    thresholds = np.full(kept.shape, 1 << (bits - is_signed))
    thresholds[kept] = pairs[:, 1]
    return Entry(features, bits, is_signed, thresholds, value, places.ravel(), kept)


def entry_or_numbers(network: Network) -> tuple[Entry, Value]:
    """Returns what comes in before layers that stay unrolled: compared where folded layers could take it, else the
    numbers."""
    try:
        entry, bits = entry_of(network)
    except CompileError:
        entry, bits = None, 0
    if entry is None or entry.places is not None:
        t = network.types[0]
        assert isinstance(t, Ints)
        count = int(np.prod(t.shape))
        bits = len(plane_weights(t.lo, t.hi))
        return Entry(count, bits, t.lo < 0, np.zeros((count, 0), np.int64), 0), 0
    return entry, bits
