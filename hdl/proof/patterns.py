"""Random patterns through two circuits: which nodes could be equal."""

from __future__ import annotations

import random

from threshc.hdl.proof.bits import apply
from threshc.hdl.proof.circuit import Circuit

_PATTERNS = 4096
_CANDIDATES = 8


def drawn(rng: random.Random, samples: int) -> int:
    """Returns the value of a bit in so many samples, a multiple of eight: 1 with probability 1/8 to 7/8, by block."""
    word, blocks = 0, 8
    size = samples // blocks
    for block in range(blocks):
        a, b, c = (rng.getrandbits(size) for _ in range(3))
        shapes = (a & b & c, a & b, a & (b | c), a, a, a | (b & c), a | b, a | b | c)
        word |= shapes[block] << (block * size)
    return word


class Words:
    """Random patterns through both circuits. Ones have probability 1/8 to 7/8, by block, so that sums come near all
    thresholds; what registers sample is drawn afresh once it is proved, for the same reason."""

    def __init__(self, inputs: int) -> None:
        self._random = random.Random(1)
        self._every = (1 << _PATTERNS) - 1
        first = {0: 0, **{k + 1: self._fresh() for k in range(inputs)}}
        self._words = [dict(first), dict(first)]
        self._known: dict[int, list[int]] = {}

    def _fresh(self) -> int:
        return drawn(self._random, _PATTERNS)

    def simulate(self, want: Circuit, ours: list[int], got: Circuit, theirs: list[int]) -> None:
        """Simulates nodes of both circuits; `candidates` chooses among ours and the inputs from then on."""
        self._known = {}
        self._run(want, ours, self._words[0])
        self._run(got, theirs, self._words[1])
        for node in [*range(want.inputs + 1), *ours]:
            word = self._words[0][node]
            other = word ^ self._every
            self._known.setdefault(min(word, other), []).append(2 * node + (word > other))

    def _run(self, circuit: Circuit, nodes: list[int], words: dict[int, int]) -> None:
        for node in nodes:
            operands, truth = circuit.tables[node]
            words[node] = apply(truth, [words[x] for x in operands], self._every)

    def candidates(self, node: int) -> list[int]:
        """Returns the first literals with the patterns of a node of the netlist."""
        word = self._words[1][node]
        flip = int(word > word ^ self._every)
        return [lit ^ flip for lit in self._known.get(min(word, word ^ self._every), [])[:_CANDIDATES]]

    def refresh(self, ours: set[int], equal: dict[int, int]) -> None:
        """Makes new patterns for nodes, and for the netlist's nodes that equal literals of them."""
        for node in sorted(ours):
            if node:
                self._words[0][node] = self._fresh()
        for node, lit in equal.items():
            if lit >> 1 in ours:
                word = self._words[0][lit >> 1]
                self._words[1][node] = word ^ self._every if lit & 1 else word
