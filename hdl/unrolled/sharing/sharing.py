"""Rows of a layer that share what they add up alike, in a tree of groups of rows, the largest group first.

The bits that all rows of a group take with the same signs, up to a common one, are a part. It is added up once for the
group as far as nothing is lost; the rows add or subtract what is left. Smaller groups do the same with larger parts:
of n bits, two rows have two parts (equal and opposite signs), four rows eight, eight rows 128.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar, Protocol

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.unrolled.claims import Step
from threshc.hdl.unrolled.sharing.adder_order import Triple, common_triples
from threshc.hdl.unrolled.sharing.row_groups import RowTree, members
from threshc.hdl.unrolled.sharing.shared_constants import shared_constants
from threshc.hdl.unrolled.sharing.shared_parts import SharedPart, restrict


class ColumnCompressor(Protocol):
    """Adds up a part in columns of weight 2**c, c < width.

    lowest_worth, worth: LUTs per row and bit at which full adders that several children of a group share pay, in
    column 0 and above.
    """

    lowest_worth: ClassVar[float]
    worth: ClassVar[float]
    steps: list[Step]

    def __init__(self, net: LutNet, part: SharedPart, width: int) -> None: ...

    def add_triples(self, triples: Sequence[Triple]) -> None:
        """Puts full adders over triples of nodes of a column, where all three are there."""

    def reduce(self) -> SharedPart:
        """Returns the part with few entries per column, by steps that may be inverted."""

    def whole(self) -> SharedPart:
        """Returns the part with at most one entry per column, modulo 2**width, by steps that may be inverted."""

    def run(self) -> list[int]:
        """Returns one literal per column, lowest first: the sum modulo 2**width."""


Entries = dict[tuple[int, int, int], int]
"""(column, node, how many of the same before it) to 1, or -1 for an inverted literal."""


def entries(columns: Sequence[Sequence[int]]) -> Entries:
    """Returns the literals of a row's columns."""
    found: Entries = {}
    for c, column in enumerate(columns):
        times: dict[int, int] = {}
        for lit in column:
            again = times[lit >> 1] = times.get(lit >> 1, -1) + 1
            found[c, lit >> 1, again] = -1 if lit & 1 else 1
    return found


class Row:
    """One sum: columns of literals plus a constant, modulo 2**len(columns). Filled in: all constants, steps, word."""

    def __init__(self, columns: list[list[int]], constant: int) -> None:
        self.columns, self.constant = columns, constant
        self.width = len(columns)
        self.ones: list[int] = []
        self.steps: list[Step] = []
        self.word: list[int] = []


class Sharing:
    """Adds up rows with one kind of compressor."""

    def __init__(self, net: LutNet, rows: Sequence[Row], compressor: type[ColumnCompressor]) -> None:
        self._net, self._rows, self._compressor = net, rows, compressor

    def build(self, tree: RowTree, shuffle: Random | None = None) -> None:
        """Fills in the rows of the tree. `shuffle` adds up bits in another order, which makes another circuit."""
        rows = members(tree)
        bits = self._bits([entries(self._rows[r].columns) for r in rows], shuffle)
        self._descend(tree, restrict(bits, range(len(rows))), [])

    def _bits(self, rows: Sequence[Entries], shuffle: Random | None) -> list[SharedPart]:
        """Returns a part per entry, in the order in which they are added up."""
        signs: dict[tuple[int, int, int], list[int]] = {}
        for k, row in enumerate(rows):
            for key, sign in row.items():
                signs.setdefault(key, [0] * len(rows))[k] = sign
        bits = [SharedPart(tuple(of), [(c, 2 * node)]) for (c, node, _), of in sorted(signs.items())]
        if shuffle is not None:
            shuffle.shuffle(bits)
        return bits

    def _descend(self, tree: RowTree, parts: list[SharedPart], triples: list[Triple]) -> None:
        if isinstance(tree, int):
            self._finish(self._rows[tree], parts, triples)
            return
        rows = members(tree)
        if len(tree) == len(rows) == 2:
            self._place_constants(rows, parts)
        parts = [self._reduced(part, rows, triples) for part in parts]
        sizes = [len(members(child)) for child in tree]
        most = (self._compressor.lowest_worth, self._compressor.worth)
        triples = triples + common_triples(parts, sizes, self._net.xor, most)
        at = 0
        for child, size in zip(tree, sizes, strict=True):
            self._descend(child, restrict(parts, range(at, at + size)), triples)
            at += size

    def _reduced(self, part: SharedPart, rows: list[int], triples: list[Triple]) -> SharedPart:
        if part.rows < 2 or len(part.plain) + len(part.pending) < 3:
            return part
        width = min(self._rows[r].width for r, sign in zip(rows, part.signs, strict=True) if sign)
        compressor = self._compressor(self._net, part, width)
        compressor.add_triples(triples)
        return compressor.reduce()

    def _place_constants(self, rows: list[int], parts: list[SharedPart]) -> None:
        width = min(self._rows[r].width for r in rows)
        own = {part.signs: part for part in parts}
        counts = [
            tuple(own[key].counts(width)) if key in own else (0,) * width for key in ((1, 1), (1, -1), (1, 0), (0, 1))
        ]
        first, second = (self._missing(self._rows[r], parts, k) & ((1 << width) - 1) for k, r in enumerate(rows))
        constants = shared_constants(counts[0], counts[1], (counts[2], counts[3]), (first, second))
        for key, constant in zip(((1, 1), (1, -1)), constants, strict=True):
            if constant:
                own[key].plain += [(c, 1) for c in range(width) if constant >> c & 1]

    def _missing(self, row: Row, parts: list[SharedPart], k: int) -> int:
        """Returns the constant of row k of a group, less what the parts have of it."""
        given = sum(part.constant(part.signs[k]) for part in parts if part.signs[k])
        return (row.constant - given) % (1 << row.width)

    def _finish(self, row: Row, parts: list[SharedPart], triples: list[Triple]) -> None:
        missing = self._missing(row, parts, 0)
        part = parts[0] if parts else SharedPart((1,))
        part.plain += [(c, 1) for c in range(row.width) if missing >> c & 1]
        row.ones = ones(part)
        compressor = self._compressor(self._net, part, row.width)
        compressor.add_triples(triples)
        row.word, row.steps = compressor.run(), compressor.steps


def ones(part: SharedPart) -> list[int]:
    """Returns the columns of the constants that the row starts with: those left and those that its steps have taken,
    less those that steps have made."""
    found = [c for c, lit in part.plain if lit == 1]
    found += [step.column for step in part.steps for term in step.inputs if term == (1,)]
    for step in part.steps:
        for c, term in step.outputs:
            if term == (1,):
                found.remove(c)
    return sorted(found)
