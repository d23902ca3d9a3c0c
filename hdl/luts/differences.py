"""Rows made from other rows: the sum of a row is that of a row much like it, and twice the bits of other sign.

With l the row's literal of a bit that the other row has inverted, l + 1 = ~l + 2 l: so such a bit is two, one that the
other row's word has in it and one in the next column. Of a bit that only the other row has, 1 = l + ~l.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.luts.groups import Tree, members
from threshc.hdl.luts.net import LutNet
from threshc.hdl.luts.order import Triple
from threshc.hdl.luts.parts import Part, append, restricted
from threshc.hdl.luts.share import Compressor, Entries, Row, Sharing, entries, ones
from threshc.hdl.luts.spanning import Parent, from_roots
from threshc.hdl.luts.steps import Step


class Differences(Sharing):
    """Adds up rows along a spanning tree; the differences share what they have in common as rows do."""

    def __init__(self, net: LutNet, rows: Sequence[Row], compressor: type[Compressor]) -> None:
        super().__init__(net, rows, compressor)
        self._width = max(row.width for row in rows)
        self._left: dict[int, tuple[list[Part], list[Triple]]] = {}

    def follow(
        self,
        parents: Sequence[Parent | None],
        group: Callable[[NDArray[np.int8]], Tree],
        shuffle: Random | None = None,
    ) -> None:
        """Fills in the rows. group: the tree of rows that share, of the signs of the differences."""
        whole = [entries(row.columns) for row in self._rows]
        found = [
            (own, []) if parent is None else difference(own, whole[parent.row], parent.inverted, self._width)
            for own, parent in zip(whole, parents, strict=True)
        ]
        differences = [entry for entry, _ in found]
        tree = group(_matrix(differences))
        rows = members(tree)
        self._descend(tree, restricted(self._bits([differences[r] for r in rows], shuffle), range(len(rows))), [])
        inner = {parent.row for parent in parents if parent is not None}
        words: dict[int, Part] = {}
        for r in from_roots(list(parents)):
            parts, triples = self._left[r]
            part, parent = parts[0] if parts else Part((1,)), parents[r]
            part.steps[:0] = found[r][1]
            if parent is not None:
                append(part, words[parent.row], parent.inverted)
            if r in inner:
                words[r] = self._word(self._rows[r], part, triples)
            else:
                super()._finish(self._rows[r], [part.below(self._rows[r].width)], triples)

    def _finish(self, row: Row, parts: list[Part], triples: list[Triple]) -> None:
        self._left[self._rows.index(row)] = parts, triples

    def _place_constants(self, rows: list[int], parts: list[Part]) -> None:
        """Constants are left to the rows: what is best for pairs is not where words come from other rows."""

    def _word(self, row: Row, part: Part, triples: list[Triple]) -> Part:
        """Of a row that others are made from: an entry per column, by steps that may be inverted."""
        missing = (row.constant - part.constant(1)) % (1 << self._width)
        part.plain += [(c, 1) for c in range(self._width) if missing >> c & 1]
        row.ones = [c for c in ones(part) if c < row.width]
        compressor = self._compressor(self._net, part, self._width)
        compressor.follow(triples)
        word = compressor.whole()
        row.steps, row.word = word.below(row.width).steps, [0] * row.width
        for c, lit in word.plain:
            if c < row.width:
                row.word[c] = lit
        return word


def difference(row: Entries, parent: Entries, inverted: bool, width: int) -> tuple[Entries, list[Step]]:
    """What a row has beside its parent's sum, and the steps that take the parent's literals out of the row's."""
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
        # The literal 0 makes the step one that may be inverted, see `Part`.
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


def _matrix(rows: Sequence[Entries]) -> NDArray[np.int8]:
    """Signs of (rows, entries)."""
    places = {key: k for k, key in enumerate(sorted({key for row in rows for key in row}))}
    signs = np.zeros((len(rows), len(places)), np.int8)
    for r, row in enumerate(rows):
        for key, sign in row.items():
            signs[r, places[key]] = sign
    return signs
