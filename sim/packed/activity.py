"""How often every neuron fires and changes, counted while a network runs: exact, a few instructions per neuron."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.sim.packed.layout import STAT_WORDS
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
        self._ones, self._toggles = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self._last: NDArray[np.int64] | None = None

    @property
    def ones(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare, in network order: how many samples set each bit, in the shape of the Compare."""
        return self._shaped(self._ones)

    @property
    def toggles(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare: how often each bit differed from the sample before."""
        return self._shaped(self._toggles)

    def _shaped(self, flat: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        parts = []
        for slot in self._slots:
            first = slot.row - self._first_row
            parts.append(flat[first : first + int(np.prod(slot.shape))].reshape(slot.shape))
        return tuple(parts)

    def table(self) -> NDArray[np.int64]:
        """An empty table of counters for the machine code."""
        return np.zeros((max(1, len(self._ones)), STAT_WORDS), np.int64)

    def add(self, samples: int, tables: Sequence[NDArray[np.int64]]) -> None:
        """Take the counters of the next samples, which lie in the order of the tables."""
        self.samples += samples
        for table in tables:
            found = table[: len(self._ones)]
            self._ones += found[:, :8].sum(axis=1)
            self._toggles += found[:, 8:17].sum(axis=1)
            if self._last is not None:
                self._toggles += self._last ^ found[:, 17]
            self._last = found[:, 18].copy()
