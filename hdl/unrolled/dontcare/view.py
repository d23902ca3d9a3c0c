"""A circuit as its functions see it: registers looked through, and bits that belong to one small word known as such."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.proof.bits import apply, variables

WIDEST = 11
"""Most bits of a word whose values are all enumerated."""
_FAR = 200


@dataclass(frozen=True, slots=True)
class Word:
    """Bits that are enumerated together. ordered: bit k + 1 is never 1 where bit k is 0, as the comparisons of one
    feature with ascending thresholds; else they take all values."""

    bits: tuple[int, ...]
    ordered: bool = False


class View:
    """alias[n]: the node that a register delays, else n itself; stage[n]: registers before node n; reads[n]: what a
    table reads; operands[n]: the same, registers looked through; owner[n]: the word that node n is a function of alone,
    -1 for none.

    Where words overlap, bits belong to the last one.
    """

    def __init__(self, circuit: Circuit, words: Iterable[Word]) -> None:
        luts, registers = circuit.luts, circuit.registers
        count = len(luts.operands)
        self.inputs, self.tables, self.reads = luts.inputs, luts.tables, luts.operands
        self.alias, self.stage = list(range(count)), [0] * count
        self.operands: list[tuple[int, ...]] = [()] * count
        for node in range(luts.inputs + 1, count):
            if node in registers:
                self.alias[node] = self.alias[registers[node]]
                self.stage[node] = self.stage[registers[node]] + 1
            elif luts.operands[node]:
                self.operands[node] = tuple(self.alias[x] for x in luts.operands[node])
                self.stage[node] = max(self.stage[x] for x in luts.operands[node])
        self._own(words)

    def _own(self, words: Iterable[Word]) -> None:
        self.words: list[Word] = []
        self.owner = [-1] * len(self.alias)
        for word in words:
            for bit in word.bits:
                self.owner[bit] = len(self.words)
            self.words.append(word)
        for node, operands in enumerate(self.operands):
            owners = {self.owner[x] for x in operands}
            if self.owner[node] < 0 and len(owners) == 1:
                self.owner[node] = owners.pop()
        self._values: dict[int, tuple[int, dict[int, int]]] = {}
        self._patterns: dict[tuple[int, tuple[int, ...]], list[int]] = {}

    def cut(self, node: int, operands: Iterable[int]) -> set[int] | None:
        """Returns the operands of a mapped cell, and what else its node's tables read on the way: mapping leaves out
        operands that do not matter. None where that is far."""
        found = {self.alias[x] for x in operands}
        lowest, seen, stack = min(found), set[int](), [node]
        while stack:
            x = stack.pop()
            if x in seen or x in found or x == 0:
                continue
            seen.add(x)
            if len(seen) > _FAR:
                return None
            if x < lowest or not self.operands[x]:
                found.add(x)
            else:
                stack += self.operands[x]
        return found

    def settle(self, root: int, known: dict[int, int], every: int) -> None:
        """Adds the function of a node, and of what it depends on, to `known`, which holds those of some cut."""
        stack = [root]
        while stack:
            node = stack[-1]
            if node in known:
                stack.pop()
                continue
            operands = self.operands[node]
            assert operands, "the cut does not reach below the node"
            waiting = [x for x in operands if x not in known]
            stack += waiting
            if not waiting:
                known[node] = apply(self.tables[node], [known[x] for x in operands], every)

    def patterns(self, word: int, nodes: tuple[int, ...]) -> list[int]:
        """Returns the values that nodes of one word take together, node k at bit k; of none (-1 and below), a free
        bit's."""
        if word < 0:
            return [0, 1]
        key = (word, nodes)
        if key not in self._patterns:
            every, values = self._word(word)
            for node in nodes:
                self.settle(node, values, every)
            self._patterns[key] = [at for at, _ in split([values[x] for x in nodes], every)]
        return self._patterns[key]

    def _word(self, number: int) -> tuple[int, dict[int, int]]:
        if number not in self._values:
            bits = self.words[number].bits
            if self.words[number].ordered:  # sample k has the lowest k bits
                every = (1 << (len(bits) + 1)) - 1
                values = {bit: every ^ ((1 << (k + 1)) - 1) for k, bit in enumerate(bits)}
            else:
                every, columns = variables(len(bits))
                values = dict(zip(bits, columns, strict=True))
            self._values[number] = every, {0: 0, **values}
        return self._values[number]


def split(functions: list[int], every: int) -> list[tuple[int, int]]:
    """Returns the patterns that functions take together (function k at bit k), ascending, with the samples that have
    them."""
    found = [(0, every)] if every else []
    for k, function in enumerate(functions):
        low = [(at, samples & ~function) for at, samples in found]
        high = [(at | 1 << k, samples & function) for at, samples in found]
        found = [(at, samples) for at, samples in (*low, *high) if samples]
    return found
