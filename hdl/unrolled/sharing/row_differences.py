"""Rows made from other rows: the sum of a row is that of a row much like it, and twice the bits of other sign.

With l the row's literal of a bit that the other row has inverted, l + 1 = ~l + 2 l: so such a bit is two, one that the
other row's word has in it and one in the next column. Of a bit that only the other row has, 1 = l + ~l.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.unrolled.claims import Step
from threshc.hdl.unrolled.sharing.common_terms import common_terms
from threshc.hdl.unrolled.sharing.shared_parts import SharedPart, append
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor, Entries, Row, Sharing, entries, ones
from threshc.hdl.unrolled.sharing.spanning_tree import Parent, from_roots


class RowDifferences(Sharing):
    """Adds up rows along a spanning tree; what two differences have in common is added up once."""

    def __init__(self, net: LutNet, rows: Sequence[Row], compressor: type[ColumnCompressor]) -> None:
        super().__init__(net, rows, compressor)
        self._width = max(row.width for row in rows)
        self._common = min(row.width for row in rows)

    def build_along(self, parents: Sequence[Parent | None]) -> None:
        """Fills in the rows, each from its parent in the spanning tree."""
        whole = [entries(row.columns) for row in self._rows]
        found = [
            (own, []) if parent is None else difference(own, whole[parent.row], parent.inverted, self._width)
            for own, parent in zip(whole, parents, strict=True)
        ]
        parts = self._parts([own for own, _ in found])
        inner = {parent.row for parent in parents if parent is not None}
        words: dict[int, SharedPart] = {}
        for r in from_roots(list(parents)):
            part, parent, row = parts[r], parents[r], self._rows[r]
            part.steps[:0] = found[r][1]
            if parent is not None:
                append(part, words[parent.row], parent.inverted)
            if r in inner:
                words[r] = self._word(row, part)
            else:
                self._finish(row, [part if row.width == self._width else part.below(row.width)], [])

    def _parts(self, rows: Sequence[Entries]) -> list[SharedPart]:
        """Returns what each row has to add up; common terms are added up once."""
        keys = sorted({key for row in rows for key in row})
        left, uses = common_terms(_matrix(rows, keys))
        readers = Counter(use.part for one in uses for use in one)
        parts: dict[int, SharedPart] = {}
        for k in range(len(left) - 1, -1, -1):
            plain = [(c, 2 * node + int(left[k, at] < 0)) for at, (c, node, _) in enumerate(keys) if left[k, at]]
            part = SharedPart((1,) * max(1, readers[k]), plain)
            for use in uses[k]:
                append(part, parts[use.part], use.inverted)
            if k >= len(rows) and len(part.plain) + len(part.pending) > 2:
                above = [(c, lit) for c, lit in part.plain if c >= self._common]  # no compressor sees these
                part.plain = [(c, lit) for c, lit in part.plain if c < self._common]
                part = self._compressor(self._net, part, self._common).reduce()
                part.plain += above
            parts[k] = part
        return [parts[k] for k in range(len(rows))]

    def _word(self, row: Row, part: SharedPart) -> SharedPart:
        """Returns the word of a row that others are made from: an entry per column, by steps that may be inverted."""
        missing = (row.constant - part.constant(1)) % (1 << self._width)
        part.plain += [(c, 1) for c in range(self._width) if missing >> c & 1]
        row.ones = [c for c in ones(part) if c < row.width]
        word = self._compressor(self._net, part, self._width).whole()
        row.steps = word.steps if row.width == self._width else word.below(row.width).steps
        row.word = [0] * row.width
        for c, lit in word.plain:
            if c < row.width:
                row.word[c] = lit
        return word


def difference(row: Entries, parent: Entries, inverted: bool, width: int) -> tuple[Entries, list[Step]]:
    """Returns what a row has beside its parent's sum, and the steps that take the parent's literals out of the
    row's."""
    left: Entries = {}
    steps: list[Step] = []
    for column, node, again in sorted({*row, *parent}):
        have = row.get((column, node, again), 0)
        given = parent.get((column, node, again), 0) * (-1 if inverted else 1)
        if have == given:
            continue
        if not given:
            left[column, node, again] = have
            continue
        lit, other = 2 * node + (given < 0), 2 * node + (given > 0)
        # The literal 0 makes the step one that may be inverted, see `SharedPart`.
        if not have:
            left[column, node, again] = -given
            steps.append(Step(column, ((1,), (0,)), [(column, (lit,)), (column, (other,))]))
            continue
        steps.append(Step(column, ((other,), (1,), (0,)), [(column, (lit,))]))
        if column + 1 < width:
            left[column + 1, node, again + _DOUBLED] = have
            steps[-1].outputs.append((column + 1, (other,)))
    return left, steps


_DOUBLED = 1 << 20  # apart from entries that the column has of its own


def _matrix(rows: Sequence[Entries], keys: Sequence[tuple[int, int, int]]) -> NDArray[np.int8]:
    """Returns the signs as a matrix (rows, keys) of 1, -1, 0."""
    places = {key: k for k, key in enumerate(keys)}
    signs = np.zeros((len(rows), len(keys)), np.int8)
    for r, row in enumerate(rows):
        for key, sign in row.items():
            signs[r, places[key]] = sign
    return signs
