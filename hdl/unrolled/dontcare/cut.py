"""Cuts below some nodes, all of whose values are tried. What lies below a cut may take any value, so more patterns are
considered than occur, never fewer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from threshc.hdl.unrolled.dontcare.view import View

MOST = 1 << 12
"""The most assignments of a cut."""
_STEPS = 40


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes of a cut that take the patterns which they take over all values of `leaves`; (n,), (n,) is a free bit."""

    nodes: tuple[int, ...]
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Node `node` is `table` over nodes `operands` for all values of `cut` that occur. One operand: the node is that
    one, or its inverse; a constant keeps its operands, for their stage."""

    node: int
    operands: tuple[int, ...]
    table: int
    cut: tuple[Group, ...]


class Cut:
    """Groups, and the functions of all nodes above them over every assignment of the groups."""

    def __init__(self, view: View, leaves: Iterable[int]) -> None:
        self._view = view
        self.groups: list[Group] = []
        self._known, size = {0: 0}, 1
        for word, nodes in sorted(_by_word(view, leaves).items()):
            patterns = view.patterns(word, nodes)
            ones = (1 << size) - 1
            times = sum(1 << (i * size) for i in range(len(patterns)))
            self._known = {n: column * times for n, column in self._known.items()}
            for k, node in enumerate(nodes):
                self._known[node] = sum(ones << (i * size) for i, p in enumerate(patterns) if p >> k & 1)
            size *= len(patterns)
            free = len(nodes) == 1 and len(patterns) == 2
            self.groups.append(Group(nodes, nodes if free else view.words[word].bits))
        self.every = (1 << size) - 1

    def function(self, node: int) -> int:
        """Returns the values of a node over all assignments, as the bits of an integer."""
        alias = self._view.alias[node]
        self._view.settle(alias, self._known, self.every)
        return self._known[alias]


def cut_below(view: View, targets: Iterable[int], most: int = MOST) -> Cut | None:
    """Returns a cut below nodes, grown where paths meet again: step by step, the leaf whose operands cost least.

    None where the nodes themselves take more than `most` values.
    """
    leaves = {view.alias[n] for n in targets} - {0}
    if _cost(view, leaves) > most:
        return None
    for _ in range(_STEPS):
        grown = [
            leaves - {n} | {x for x in view.operands[n] if x} for n in leaves if view.operands[n] and view.owner[n] < 0
        ]
        costs = [(_cost(view, one), -max(leaves - one, default=0), k) for k, one in enumerate(grown)]
        best = min(costs, default=(most + 1, 0, 0))
        if best[0] > most:
            break
        leaves = grown[best[2]]
    return Cut(view, leaves)


def _by_word(view: View, leaves: Iterable[int]) -> dict[int, tuple[int, ...]]:
    groups: dict[int, list[int]] = {}
    for n in sorted(leaves):
        groups.setdefault(view.owner[n] if view.owner[n] >= 0 else -1 - n, []).append(n)
    return {word: tuple(nodes) for word, nodes in groups.items()}


def _cost(view: View, leaves: set[int]) -> int:
    owned = [n for n in leaves if view.owner[n] >= 0]
    size = 1 << (len(leaves) - len(owned))
    for word, nodes in _by_word(view, owned).items():
        size *= len(view.patterns(word, nodes))
    return size
