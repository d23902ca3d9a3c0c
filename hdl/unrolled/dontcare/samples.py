"""Random inputs through a circuit: patterns that are seen do occur, so only tables that miss some need a cut."""

from __future__ import annotations

import random

from threshc.hdl.proof.bits import apply
from threshc.hdl.proof.patterns import drawn
from threshc.hdl.unrolled.dontcare.view import View

SAMPLES = 4096


def samples(view: View) -> tuple[list[int], int]:
    """Returns (the values of every node over all samples as an integer, the constant 1). Ones have probability 1/8 to
    7/8, by block of samples, so that sums come near their thresholds. What adders make is drawn at random."""
    rng = random.Random(1)
    every = (1 << SAMPLES) - 1
    values = [0] * len(view.alias)
    ordered = set[int]()
    for word in view.words:
        if word.ordered:
            left = every
            for bit in word.bits:
                left &= drawn(rng, SAMPLES) | drawn(rng, SAMPLES)
                values[bit] = left
            ordered.update(word.bits)
    for node in range(1, len(values)):
        if view.alias[node] != node:
            values[node] = values[view.alias[node]]
        elif view.operands[node]:
            values[node] = apply(view.tables[node], [values[x] for x in view.operands[node]], every)
        elif node not in ordered:
            values[node] = drawn(rng, SAMPLES)
    return values, every
