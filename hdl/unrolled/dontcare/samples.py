"""Random inputs through a circuit: patterns that are seen do occur, so only tables that miss some need a cut."""

from __future__ import annotations

import random

from threshc.hdl.proof.bits import apply
from threshc.hdl.unrolled.dontcare.view import View

SAMPLES = 4096
_BLOCKS = 8


def samples(view: View) -> tuple[list[int], int]:
    """(the values of every node over all samples as an integer, the constant 1). Ones have probability 1/8 to 7/8, by
    block of samples, so that sums come near their thresholds. What adders make is drawn at random."""
    rng = random.Random(1)
    every = (1 << SAMPLES) - 1
    values = [0] * len(view.alias)
    drawn = set[int]()
    for word in view.words:
        if word.ordered:
            left = every
            for bit in word.bits:
                left &= _draw(rng) | _draw(rng)
                values[bit] = left
            drawn.update(word.bits)
    for node in range(1, len(values)):
        if view.alias[node] != node:
            values[node] = values[view.alias[node]]
        elif view.operands[node]:
            values[node] = apply(view.tables[node], [values[x] for x in view.operands[node]], every)
        elif node not in drawn:
            values[node] = _draw(rng)
    return values, every


def _draw(rng: random.Random) -> int:
    word, size = 0, SAMPLES // _BLOCKS
    for block in range(_BLOCKS):
        a, b, c = (rng.getrandbits(size) for _ in range(3))
        shapes = (a & b & c, a & b, a & (b | c), a, a, a | (b & c), a | b, a | b | c)
        word |= shapes[block] << (block * size)
    return word
