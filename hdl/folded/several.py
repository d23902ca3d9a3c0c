"""Several thresholds of a neuron: which bit of the network's Compare is which of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.layout import ZERO

NEVER = 1 << 62
"""A threshold that no sum reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """Several thresholds of rows, (rows, T) each. elements: which bit of the Compare has the result, `ZERO` for none,
    where a row has fewer than others; needs: what the row's sum must reach, 0 of the first one, `NEVER` for none."""

    elements: NDArray[np.int64]
    needs: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Thresholds of a row."""
        return int(self.elements.shape[1])

    @property
    def in_order(self) -> bool:
        """Whether bits are in the order of rows, those of a row side by side."""
        return bool((self.elements.ravel() == np.arange(self.elements.size)).all())

    def by_rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns (row, need) of every bit of the Compare, in their order."""
        row, which = np.nonzero(self.elements != ZERO)
        order = np.argsort(self.elements[row, which])
        return row[order], self.needs[row[order], which[order]]


def several(row: NDArray[np.int64], start: NDArray[np.int64]) -> Several | None:
    """Returns the thresholds of rows in the order in which these come first, None where every row has but one. row: of
    every bit of a Compare; start: what its sum would begin with, if it were compared with 0."""
    rows, first, back = np.unique(row, return_index=True, return_inverse=True)
    if len(rows) == len(row):
        return None
    row = np.argsort(np.argsort(first))[back]
    by_row, begins = np.argsort(row, kind="stable"), np.searchsorted(np.sort(row), np.arange(len(rows)))
    place = np.zeros(len(row), np.int64)
    place[by_row] = np.arange(len(row)) - begins[row[by_row]]
    elements = np.full((len(rows), int(place.max()) + 1), ZERO, np.int64)
    elements[row, place] = np.arange(len(row))
    needs = np.where(elements == ZERO, NEVER, start[elements[:, :1]] - start[elements])
    return Several(elements, needs)
