"""The strategies of sharing that are tried on the rows of a layer; the smallest circuit is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.unrolled.sharing.row_differences import RowDifferences
from threshc.hdl.unrolled.sharing.row_groups import RowTree, paired
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor, Row, Sharing
from threshc.hdl.unrolled.sharing.spanning_tree import spanning_tree

Strategy = Callable[[LutNet, Sequence[Row], type[ColumnCompressor]], None]
_MANY = 16_384  # synapses up to which more than groups is tried, at effort 1
_TRIES, _QUICK = 8, 4096  # random strategies that are tried at effort 1: at most, and times synapses
_ALIKE, _VERY_ALIKE = 0.45, 0.25  # of the bits: those to be added up from which differences are not tried
_SPACIOUS = 8  # levels between registers from which differences, which are deep, may pay
_DEPTHS = (12, 5, 3)  # rows from the first one of a spanning tree to the last


def strategies(
    columns: Sequence[Sequence[Sequence[int]]], inputs: int, effort: int, limit: int = 0
) -> Iterator[Strategy]:
    """Yields strategies in order: grouped rows; row differences, if rows are similar, else one group of all rows and
    pairwise common terms; then random variants of these, as many as `effort` allows.

    columns: of each row and column, literals over nodes 1 to `inputs`. effort: 0 for estimates, else 1 to 100.
    limit: the most levels between registers, 0 for no registers.
    """
    synapses = sum(len(column) for row in columns for column in row)
    tries = _tries(synapses, effort)
    signs = signs_of(columns, inputs)
    grouped = paired(signs)
    yield _group(grouped)
    depths = _depths(signs, synapses, effort) if not limit or limit >= _SPACIOUS else ()
    for deepest in depths:
        yield _span(signs, deepest)
    if not depths and len(columns) > 2 and synapses <= effort * _MANY:
        yield _group(tuple(range(len(columns))))
        if tries:
            yield _span(signs, 0)
    for k in range(tries):
        if depths and k % 2 == 0:
            yield _span(signs, depths[k // 2 % len(depths)], Random(k))
        else:
            shuffle = Random(k)
            yield _group(paired(signs, shuffle) if k % 2 else grouped, shuffle)


def expected_strategies(synapses: int, effort: int) -> int:
    """Returns how many strategies rows of so many literals will have, about: known before the rows are looked at."""
    return 1 + 2 * (synapses <= effort * _MANY) + _tries(synapses, effort)


def _tries(synapses: int, effort: int) -> int:
    return effort * min(_TRIES, _QUICK // max(1, synapses))


def _depths(signs: NDArray[np.int8], synapses: int, effort: int) -> tuple[int, ...]:
    """Returns how many rows from the first one differences may go; nothing where rows are not alike."""
    share = spanning_tree(signs, _DEPTHS[0])[1] / max(1, int(np.count_nonzero(signs)))
    if effort and synapses <= effort * _MANY:
        return _DEPTHS if share <= _ALIKE else ()
    return _DEPTHS[-1:] if share <= (_VERY_ALIKE if effort else _ALIKE) else ()


def _group(tree: RowTree, shuffle: Random | None = None) -> Strategy:
    return lambda net, rows, compressor: Sharing(net, rows, compressor).build(tree, shuffle)


def _span(signs: NDArray[np.int8], deepest: int, noise: Random | None = None) -> Strategy:
    parents, _ = spanning_tree(signs, deepest, noise)
    return lambda net, rows, compressor: RowDifferences(net, rows, compressor).build_along(parents)


def signs_of(columns: Sequence[Sequence[Sequence[int]]], inputs: int) -> NDArray[np.int8]:
    """Returns signs (rows, bits of all columns), int8: 1 for a bit, -1 for an inverted one, 0 for none."""
    signs = np.zeros((len(columns), max(map(len, columns)), inputs + 1), np.int8)
    for r, row in enumerate(columns):
        for c, column in enumerate(row):
            lits = np.array(column, np.int64)
            signs[r, c, lits >> 1] = 1 - 2 * (lits & 1)
    return signs.reshape(len(columns), -1)
