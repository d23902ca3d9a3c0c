"""How often every neuron fires and changes, counted while a network runs: exact, a few instructions per neuron."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.sim.packed.layout import LANES, STAT_WORDS
from threshc.sim.packed.plan import plan


class Activity:
    """Ones, and changes from one sample to the next, of every Compare bit over all samples that went by.

    Hand one object to any number of `packed.run` calls in the order of the samples; not to several threads at once.
    """

    def __init__(self, network: Network) -> None:
        self._slots = plan(network).bits
        self._first_row = plan(network).output_rows[0]
        rows = plan(network).hidden_rows
        self.samples = 0
        self._rows = max(1, rows)
        self._tables: list[NDArray[np.int64]] = []
        self._between = np.zeros(self._rows, np.int64)  # changes from one table's samples to the next one's
        self._last: NDArray[np.int64] | None = None

    @property
    def ones(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare, in network order: how many samples set each bit, in the shape of the Compare."""
        return self._shaped(np.sum([t[:, :8].sum(axis=1) for t in self._tables], axis=0) + 0 * self._between)

    @property
    def toggles(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare: how often each bit differed from the sample before."""
        return self._shaped(np.sum([t[:, 8:16].sum(axis=1) for t in self._tables], axis=0) + self._between)

    def _shaped(self, flat: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        parts = []
        for slot in self._slots:
            first = slot.row - self._first_row
            parts.append(flat[first : first + int(np.prod(slot.shape))].reshape(slot.shape))
        return tuple(parts)

    def table(self, k: int) -> NDArray[np.int64]:
        """Counters for the machine code, of the k-th part of the samples; they count on from call to call."""
        while len(self._tables) <= k:
            self._tables.append(np.zeros((self._rows, STAT_WORDS), np.int64))
        return self._tables[k]

    def add(self, spans: Sequence[tuple[int, int]]) -> None:
        """Tables 0, 1, .. have counted the samples of these spans."""
        for (start, end), table in zip(spans, self._tables, strict=False):
            self.samples += end - start
            if self._last is not None:
                self._between += self._last ^ (table[:, 24] & 1)
            at = (end - start - 1) % LANES
            self._last = table[:, 16 + at // 64] >> (at % 64) & 1
