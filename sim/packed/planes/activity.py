"""How often every neuron fires and changes, counted while a network runs: exact, a few instructions per neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.planes.schedule import Schedule, counting_schedule

_KEPT = 16
"""Sizes of batches whose parts are remembered."""

_LAST, _FIRST = 2, 3
"""Rows of a table: the highest bit is the last sample that it counted, the lowest the first one of its last part."""


@dataclass(frozen=True)
class _Counted:
    """What was counted: samples; the tables (see `stats`); what is wrong with the changes between parts; the table that
    has counted the last sample, -1 for none."""

    samples: int
    tables: tuple[NDArray[np.int64], ...]
    between: NDArray[np.int64]
    newest: int


class Activity:
    """Ones, and changes from one sample to the next, of every Compare bit over all samples that went by.

    Hand one object to any number of `packed.run` calls in the order of the samples; not to several threads at once. A
    call that an exception ends has counted all of its samples or none, which `samples` tells.
    """

    def __init__(self, network: Network) -> None:
        self._plan = plan(network)
        self._slots = self._plan.bits
        self._first_row = self._plan.output_rows[0]
        self._rows = self._plan.hidden_rows
        self._counted = _Counted(0, (), np.zeros(self._rows, np.int64), -1)  # replaced as a whole
        self._tables: list[NDArray[np.int64]] = []  # where the next batch is counted
        self._open = False  # a batch has begun and has not ended
        self._schedules: dict[tuple[int, int], Schedule] = {}
        self._before: list[NDArray[np.int64]] | None = None

    @property
    def samples(self) -> int:
        """The number of samples that were counted."""
        return self._counted.samples

    @property
    def ones(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare, in network order: how many samples set each bit, in the shape of the Compare."""
        return self._shaped(self._total(0))

    @property
    def toggles(self) -> tuple[NDArray[np.int64], ...]:
        """Per Compare: how often each bit differed from the sample before."""
        return self._shaped(self._total(1) + self._counted.between)

    def _total(self, column: int) -> NDArray[np.int64]:
        total = np.zeros(self._rows, np.int64)
        for table in self._counted.tables:
            total += table[column, : self._rows]
        return total

    def _shaped(self, flat: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        parts = []
        for slot in self._slots:
            first = slot.row - self._first_row
            parts.append(flat[first : first + int(np.prod(slot.shape))].reshape(slot.shape))
        return tuple(parts)

    def begin(self, samples: int, threads: int) -> Schedule:
        """Returns the parts of the next batch, each with a table of counters (see `stats`) that count on from call to
        call."""
        if self._open:
            self._restore()
        self._open = True
        schedule = self._schedules.get((samples, threads))
        if schedule is None:
            if len(self._schedules) == _KEPT:
                self._schedules.clear()
            schedule = counting_schedule(self._plan, samples, threads, self._table)
            self._schedules[samples, threads] = schedule
        follows = schedule.count == 1 and self._counted.newest == 0
        self._before = None if follows else [self._last(k) for k in range(len(self._tables))]
        return schedule

    def end(self, schedule: Schedule) -> None:
        """The tables have counted the parts of the batch.

        Each compared its first sample with the last one that it knew, which is right only if that came just before.
        """
        newest, between = self._counted.newest, self._counted.between
        if self._before is not None:
            for k in range(schedule.count):
                first = self._tables[k][_FIRST, : self._rows] & 1
                right = first if newest < 0 else self._before[newest] if k == 0 else self._last(k - 1)
                between = between + (right ^ first) - (self._before[k] ^ first)
                newest = k
        tables = tuple(table.copy() for table in self._tables)
        samples = self._counted.samples + schedule.parts[-1][1]
        self._counted = _Counted(samples, tables, between, schedule.count - 1)
        self._open = False

    def _restore(self) -> None:
        """The tables as they were before a batch that did not end."""
        for k, table in enumerate(self._tables):
            table[...] = self._counted.tables[k] if k < len(self._counted.tables) else 0

    def _last(self, k: int) -> NDArray[np.int64]:
        last: NDArray[np.int64] = self._tables[k][_LAST, : self._rows] >> 63 & 1
        return last

    def _table(self, k: int) -> NDArray[np.int64]:
        while len(self._tables) <= k:
            self._tables.append(np.zeros((4, -(-self._rows // 8) * 8), np.int64))
        return self._tables[k]
