"""Don't-cares: patterns that the inputs of a table never take, used to make tables smaller or to do without them.

Nothing but patterns that cannot occur is used, so every node keeps its value for every input of the network, and
replacements are independent of each other. Each is proved here by trying all values of a cut below it, and is
a `Replacement` with that cut, which `threshc.hdl.proof.dontcare` proves again from the certificate.
"""

from __future__ import annotations

from collections.abc import Iterable

from threshc.compiler.progress import Progress, silent
from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.mapping import MappedCells, merged, roots, trimmed
from threshc.hdl.logic.tables import MOST_INPUTS, full
from threshc.hdl.unrolled.dontcare.apply import upright, with_replacements
from threshc.hdl.unrolled.dontcare.cut import Cut, Replacement, cut_below
from threshc.hdl.unrolled.dontcare.samples import samples
from threshc.hdl.unrolled.dontcare.tables import smallest
from threshc.hdl.unrolled.dontcare.view import View, Word, split

_ALIKE = 4  # nodes with the same samples that a node is compared with
_EVERY = 1024  # cells between two words of progress


def find(circuit: Circuit, words: Iterable[Word], size: int, progress: Progress = silent) -> list[Replacement]:
    """Returns replacements for tables of up to `size` inputs, as `threshc.hdl.logic.mapping.merged` maps them, by node.

    words: bits whose values are enumerated together. Time grows with the cells, as cuts are bounded. Where tables are
    small, those of six inputs that could be one of them are looked for first.
    """
    view, kept, found = View(circuit, words), trimmed(circuit), dict[int, Replacement]()
    seen = samples(view)
    for most in sorted({MOST_INPUTS, size}, reverse=True):
        after, inverted = with_replacements(kept, found.values())
        now = trimmed(after)
        cells = upright(merged(now, most), inverted)
        search = _Search(view, seen, cells, set(roots(now)), size)
        order = sorted((n for n in cells if most == size or len(cells[n][0]) > size), reverse=True)
        for k, node in enumerate(order):
            if k % _EVERY == 0:
                progress(f"don't-cares of all layers ({k:,} of {len(order):,} cells)")
            if node in search.cells:
                search.visit(node, most)
        found |= search.found
    reached = _reached(kept, found)
    return [found[node] for node in sorted(found) if node in reached]


def _reached(circuit: Circuit, found: dict[int, Replacement]) -> set[int]:
    """The nodes that the outputs depend on where replacements are made and nothing is folded."""
    reached: set[int] = set()
    stack = list(roots(circuit))
    while stack:
        node = stack.pop()
        if node not in reached:
            reached.add(node)
            stack += found[node].operands if node in found else circuit.luts.operands[node]
    return reached


def lut_count(cells: MappedCells, size: int) -> int:
    """Returns the look-up tables of `size` inputs that cells take; wider ones are split into halves and a
    multiplexer."""
    return sum(price(len(operands), size) for operands, _ in cells.values())


def price(inputs: int, size: int) -> int:
    """Tables of `size` inputs that one of `inputs` takes."""
    return int(inputs > 1) if inputs <= size else 2 * price(inputs - 1, size) + 1


class _Search:
    """The mapped cells while replacements are found, readers before what they read."""

    def __init__(self, view: View, seen: tuple[list[int], int], cells: MappedCells, ends: set[int], size: int) -> None:
        self.view, self.cells, self.size = view, cells, size
        self.found: dict[int, Replacement] = {}
        self._samples, self._every = seen
        self._ends = ends
        self._readers: dict[int, set[int]] = {}
        self._alike: dict[tuple[int, int], list[int]] = {}
        self._depth: dict[int, int] = {}
        for node, (operands, _) in sorted(self.cells.items()):
            self._depth[node] = 1 + max((self._depth.get(x, 0) for x in operands), default=0)
            self._alike.setdefault(self._key(node), []).append(node)
            for x in operands:
                self._readers.setdefault(x, set()).add(node)

    def visit(self, node: int, most: int) -> None:
        """Finds what can be done for one cell: with `most` above the size of tables, one that fits."""
        if not self._is_another(node):
            self._shrink(node, self.size if most > self.size else most)

    def _key(self, node: int) -> tuple[int, int]:
        values = self._samples[node]
        return self.view.stage[node], min(values, values ^ self._every)

    def _is_another(self, node: int) -> bool:
        """Whether the node is a constant, or an earlier node or its inverse."""
        if self._samples[node] in (0, self._every):
            cut = cut_below(self.view, [node])
            value = cut.function(node) if cut else -1
            if cut and value in (0, cut.every):
                operands = self.view.reads[node]
                self._replace(node, operands, full(len(operands)) if value else 0, cut, ())
                return True
        for other in self._alike[self._key(node)][:_ALIKE]:
            if other >= node or other not in self.cells or self._depth[other] > self._depth[node]:
                continue
            cut = cut_below(self.view, [node, other])
            if cut is None:
                continue
            inverted = cut.function(node) ^ cut.function(other)
            if inverted in (0, cut.every):
                self._replace(node, (other,), 1 if inverted else 2, cut, (other,))
                return True
        return False

    def _shrink(self, node: int, most: int) -> None:
        """Leaves out inputs that no pattern which occurs needs, so that at most `most` are left."""
        operands, table = self.cells[node]
        inputs = len(operands)
        seen = _patterns([self._samples[x] for x in operands], self._every)
        if seen == full(inputs) or len(smallest(table, seen, inputs, _fewer)[0]) >= min(inputs, most + 1):
            return
        below = self.view.cut(node, operands)
        cut = None if below is None else cut_below(self.view, below)
        if cut is None:
            return
        function, care, truth = cut.function(node), 0, 0
        for at, rows in split([cut.function(x) for x in operands], cut.every):
            if function & rows not in (0, rows):
                return  # not a function of its operands, on assignments that never occur
            care |= 1 << at
            truth |= (function & rows > 0) << at
        kept, truth = smallest(truth, care, inputs, lambda kept: self._gain(operands, kept))
        if 0 < len(kept) < inputs and len(kept) <= most:
            rest = tuple(operands[k] for k in kept)
            self._replace(node, rest, truth, cut, rest)

    def _gain(self, operands: tuple[int, ...], kept: tuple[int, ...]) -> tuple[int, ...]:
        freed = sum(len(self._readers[x]) == 1 for k, x in enumerate(operands) if k not in kept and self._is_free(x))
        return freed - price(len(kept), self.size), -len(kept)

    def _is_free(self, node: int) -> bool:
        return node in self.cells and node not in self._ends

    def _replace(self, node: int, operands: tuple[int, ...], table: int, cut: Cut, reads: tuple[int, ...]) -> None:
        before = self.cells[node][0]
        self.found[node] = Replacement(node, operands, table, tuple(cut.groups))
        self.cells[node] = reads, table if reads else table & 1
        for x in before:
            self._readers[x].discard(node)
        for x in reads:
            self._readers.setdefault(x, set()).add(node)
        self._remove(list(before))

    def _remove(self, stack: list[int]) -> None:
        """Takes out cells that nothing reads any more."""
        while stack:
            node = stack.pop()
            if self._is_free(node) and not self._readers.get(node):
                for x in self.cells.pop(node)[0]:
                    self._readers[x].discard(node)
                    stack.append(x)


def _fewer(kept: tuple[int, ...]) -> tuple[int, ...]:
    """Prefers fewer inputs."""
    return (-len(kept),)


def _patterns(functions: list[int], every: int) -> int:
    """Bit i is set where the functions take pattern i together."""
    return sum(1 << at for at, _ in split(functions, every))
