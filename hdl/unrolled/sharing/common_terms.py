"""Common terms of rows, two by two: the largest term that two rows, or terms, share up to sign is added up once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST = 3  # bits of a part: of two, nothing is left to add up


@dataclass(frozen=True, slots=True)
class Use:
    """A term that a row, or an earlier term, has in it; `inverted`: its opposite."""

    part: int
    inverted: bool


def common_terms(signs: NDArray[np.int8]) -> tuple[NDArray[np.int8], list[list[Use]]]:
    """Takes common terms out of rows and returns (what is left, the terms that each row and term is made of).

    signs: (rows, bits) of 1, -1, 0. What is left is (rows + terms, bits): first the rows, then the terms, each made
    only of terms after it. Greedy, as in common subexpression elimination for constant matrices: the largest first.
    """
    left = signs.astype(np.float32)
    uses: list[list[Use]] = [[] for _ in left]
    alike = np.stack([_alike(left, row) for row in range(len(left))])
    while True:
        i, j = divmod(int(alike.argmax()), len(left))
        if alike[i, j] < _LEAST:
            return left.astype(np.int8), uses
        product = left[i] * left[j]
        sign = 1 if (product > 0).sum() >= (product < 0).sum() else -1
        shared = product == sign
        part = np.where(shared, left[i], 0)
        left[i, shared] = left[j, shared] = 0
        left = np.vstack([left, part[None]])
        new = len(left) - 1
        uses.append([])
        uses[i].append(Use(new, False))
        uses[j].append(Use(new, sign < 0))
        alike = np.pad(alike, ((0, 1), (0, 1)))
        for k in (i, j, new):
            alike[k] = alike[:, k] = _alike(left, k)


def _alike(signs: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    """Returns the size of the largest common term of a row and each other one, up to sign; 0 for itself."""
    either = np.abs(signs) @ np.abs(signs[row])
    found: NDArray[np.float32] = (either + np.abs(signs @ signs[row])) / 2
    found[row] = 0
    return found
