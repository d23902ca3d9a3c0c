"""How often every neuron fires and changes, counted while a network runs: exact, a few instructions per neuron."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
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
        self._rows = rows
        self._tables: list[NDArray[np.int64]] = []
        self._between = np.zeros(self._rows, np.int64)  # changes from one table's samples to the next one's
        self._last: NDArray[np.int64] | None = None

    @property
    def ones(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare, in network order: how many samples set each bit, in the shape of the Compare."""
        return self._shaped(self._total(0))

    @property
    def toggles(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare: how often each bit differed from the sample before."""
        return self._shaped(self._total(1) + self._between)

    def _total(self, column: int) -> NDArray[np.int64]:
        total = np.zeros(self._rows, np.int64)
        for table in self._tables:
            total += table[column, : self._rows]
        return total

    def _shaped(self, flat: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        parts = []
        for slot in self._slots:
            first = slot.row - self._first_row
            parts.append(flat[first : first + int(np.prod(slot.shape))].reshape(slot.shape))
        return tuple(parts)

    def table(self, k: int) -> NDArray[np.int64]:
        """Counters (see `stats`) of the k-th part of the samples; they count on from call to call."""
        while len(self._tables) <= k:
            self._tables.append(np.zeros((4, -(-self._rows // 8) * 8), np.int64))
        return self._tables[k]

    def add(self, spans: Sequence[tuple[int, int]]) -> None:
        """Tables 0, 1, .. have counted the samples of these spans."""
        for (start, end), table in zip(spans, self._tables, strict=False):
            self.samples += end - start
            if self._last is not None:
                self._between += self._last ^ (table[3, : self._rows] & 1)
            self._last = table[2, : self._rows] >> ((end - start - 1) % 64) & 1
