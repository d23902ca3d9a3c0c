"""Collects the steps and tables of a plan while a network is lowered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.sim.packed.planes.layout import COPY, FIELDS, STEP

Planes = NDArray[np.int64]

ZERO_PLANE, ONE_PLANE = 0, 1


def _by_turns(planes: Planes) -> Planes:
    """Both halves of a list by turns.

    From end to end, all 784 planes of a first layer come from the second-level cache at 2.3 cycles each, so at 1.8.
    """
    half = len(planes) // 2
    pairs = np.stack([planes[:half], planes[half : 2 * half]], axis=1)
    return np.append(pairs.ravel(), planes[2 * half :])


class Tables:
    """Append-only tables; every method returns where its data went."""

    def __init__(self) -> None:
        self.planes = 2
        self.program: list[tuple[int, ...]] = []
        self.lits: list[Planes] = []
        self.literals = 0
        self.starts: list[int] = []
        self.runs: list[int] = []
        self.masks: list[NDArray[np.int64]] = []
        self.mask_count = 0
        self.tables: list[NDArray[np.int32]] = []
        self.table_count = 0
        self.limits: list[NDArray[np.uint8]] = []
        self.limit_count = 0
        self.complements: dict[int, int] = {ZERO_PLANE: ONE_PLANE, ONE_PLANE: ZERO_PLANE}

    def allocate(self, planes: int) -> int:
        """Returns new planes; the first one's number."""
        self.planes += planes
        return self.planes - planes

    def step(self, op: int, **fields: int) -> None:
        """Appends a step (see `layout`)."""
        self.program.append(tuple(op if name == "op" else fields.get(name, 0) for name in FIELDS))

    def table(self, planes: ArrayLike) -> int:
        """Appends plane numbers."""
        flat = np.asarray(planes, np.int32).ravel()
        self.tables.append(flat)
        self.table_count += flat.size
        return self.table_count - flat.size

    def digits(self, number: int, width: int) -> int:
        """Appends the lowest `width` binary digits of a number as 0 / -1."""
        return self.mask_rows([[-((number >> k) & 1) for k in range(width)]])

    def mask_rows(self, rows: Sequence[Sequence[int]]) -> int:
        """Appends words."""
        flat = np.array(rows, np.int64).ravel()
        self.masks.append(flat)
        self.mask_count += flat.size
        return self.mask_count - flat.size

    def limit(self, limits: NDArray[np.uint8]) -> int:
        """Appends limits of a PACK step."""
        self.limits.append(limits)
        self.limit_count += limits.size
        return self.limit_count - limits.size

    def row(self, lists: Sequence[Planes]) -> None:
        """Appends a row's literals (plane numbers), from the highest list to the lowest, in whole blocks of four."""
        self.runs += reversed(self._lists([_by_turns(planes) for planes in lists]))

    def triple(self, lists: Sequence[Planes]) -> None:
        """Appends the seven lists of three rows, in the order of the phases."""
        self.runs += self._lists(lists)

    def numbers(self, planes: Planes) -> None:
        """Appends a row's list of numbers, each by the first of its planes."""
        self._lists([planes])
        self.runs.append(len(planes))

    def _lists(self, lists: Sequence[Planes]) -> list[int]:
        """Append lists; their blocks of four."""
        self.starts.append(self.literals)
        fours = [-(-len(planes) // 4) for planes in lists]
        for planes, count in zip(lists, fours, strict=True):
            padded = np.full(4 * count, ZERO_PLANE, np.int64)
            padded[: len(planes)] = planes
            self.lits.append(padded)
            self.literals += padded.size
        return fours

    def complement(self, planes: Planes) -> Planes:
        """Returns planes that hold the complements, made where they do not exist yet."""
        missing = [int(p) for p in np.unique(planes) if int(p) not in self.complements]
        if missing:
            first = self.allocate(len(missing))
            self.step(COPY, rows=len(missing), table=self.table(missing), mode=1, out=first)
            self.complements |= {p: first + i for i, p in enumerate(missing)}
            self.complements |= {first + i: p for i, p in enumerate(missing)}
        return np.array([self.complements[int(p)] for p in planes.ravel()], np.int64).reshape(planes.shape)

    def steps(self) -> NDArray[np.void]:
        """Returns the program so far."""
        return np.array(self.program, STEP)
