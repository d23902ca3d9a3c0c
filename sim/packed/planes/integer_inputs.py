"""Rows that add and subtract integers, such as 8-bit pixels under a window (`number_sums.py` says how they are added).

Integers are taken three at a time (the colours of a pixel). All sums of two or three of them are made once, for all
positions of a window that see them, and each row adds one number for three integers, as in the method of the four
Russians (Arlazarov et al., 1970).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.planes.layout import AGAINST, NUMBER, NUMBER_LEVELS, NUMBERS, VALUE
from threshc.sim.packed.planes.row_sums import Columns, Rows, places
from threshc.sim.packed.planes.tables import ZERO_PLANE, Planes, Tables

Vector = NDArray[np.int64]

_GROUP = 3
_SUBSETS = (0b001, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111)
"""The sums of a group that rows ask for, in the order of their planes."""

_MOST_INTEGERS = 30
"""Integers per row, at most: their sums are to stay in the nearest cache."""

_LEAST_ROWS = 8


def bits_of(weights: NDArray[np.int64], digits: int) -> int:
    """Returns the bits per integer where the columns of weights (R, C) are those of integers that every row adds or
    subtracts.

    0 where they are not, or where this way does not pay; digits: of the comparison.
    """
    rows, width = weights.shape
    if rows < _LEAST_ROWS or digits > NUMBER_LEVELS[-1]:
        return 0
    for bits in (8, 7, 6):
        if width % bits or width // bits > _MOST_INTEGERS:
            continue
        taps = weights.reshape(rows, -1, bits)
        if (np.abs(taps[..., 0]) == 1).all() and (taps == taps[..., :1] << np.arange(bits)).all():
            return bits
    return 0


def emit_integer_inputs(tables: Tables, x: Planes, patch: int, rows: Rows, bits: int, levels: int) -> Planes:
    """Appends the steps for planes x (P, C); planes (P, R). Weights are 0, or 2 for the lowest bit of an integer."""
    wanted = rows.weights[:, ::bits] > 0
    count, taps = wanted.shape
    groups = -(-taps // _GROUP)
    assert taps * ((1 << bits) - 1) < 1 << (levels - 1)  # VALUE stores a zero above the digits of U
    integers = np.full((len(x), _GROUP * groups, NUMBER), ZERO_PLANE)
    integers[:, :taps, :bits] = x.reshape(len(x), taps, bits)
    different, which = np.unique(integers.reshape(len(x) * groups, -1), axis=0, return_inverse=True)
    several = [np.flatnonzero([s >> k & 1 for k in range(_GROUP)]) for s in _SUBSETS[_GROUP:]]
    none = [0] * len(several)
    sums = _emit(Columns(tables, different, patch, True), several, none, none, VALUE, NUMBER_LEVELS[0])
    single = integers.reshape(len(x), groups, _GROUP, NUMBER)
    numbers = np.concatenate([single, sums[which.reshape(len(x), groups), :, :NUMBER]], axis=2)
    columns = Columns(tables, numbers.reshape(len(x), -1), patch, True)
    first = len(_SUBSETS) * np.arange(groups)
    every = [first + _SUBSETS.index((1 << _GROUP) - 1)]
    minus_s = _emit(columns, every, [0], [-1], VALUE, levels, scratch=True)  # ~S = -1 - S
    padded = np.zeros((count, groups * _GROUP), np.int64)
    padded[:, :taps] = wanted
    subset = padded.reshape(count, groups, _GROUP) @ (1 << np.arange(_GROUP))
    number = np.array([_SUBSETS.index(max(s, 1)) for s in range(1 << _GROUP)])
    lists = [(first + number[s])[s > 0] for s in subset]
    return _emit(columns, lists, rows.constant, rows.flip, AGAINST, levels, int(minus_s[0, 0, 0]))[..., 0]


def room(weights: NDArray[np.int64]) -> int:
    """Returns planes of a patch for rows of weights (R, C)."""
    width = int(weights.shape[1])
    bits = bits_of(weights, 0)
    return max(2 * width, -(-width // bits // _GROUP) * len(_SUBSETS) * NUMBER) if bits else 2 * width


def _emit(
    columns: Columns, lists: Sequence[Vector], constant: Sequence[int], flip: Sequence[int], mode: int, levels: int,
    against: int = 0, scratch: bool = False,
) -> Planes:  # fmt: skip
    """Append a NUMBERS step: a row adds up a list of numbers, of `NUMBER` columns each; planes (P, R, size)."""
    tables, count = columns.tables, len(lists)
    plus, _ = columns.literals(np.zeros(columns.width, np.bool_))
    order = np.argsort([len(x) for x in lists], kind="stable")
    row0, run0, masks = len(tables.starts), len(tables.runs), []
    for r in order:
        tables.numbers(plus[NUMBER * lists[r]])
        start = constant[r] >> 1
        masks.append([-((start >> k) & 1) for k in range(levels - 1)] + [-(constant[r] & 1), flip[r]])
    size = levels if mode == VALUE else 1
    out = tables.allocate((1 if scratch else columns.positions) * count * size)
    columns.step(
        NUMBERS, False, mode == AGAINST, levels=levels, mode=mode, rows=count, row0=row0, run0=run0,
        mask0=tables.mask_rows(masks), against=against, out=out, pitch=0 if scratch else count * size,
    )  # fmt: skip
    return places(out, columns.positions, order, size)
