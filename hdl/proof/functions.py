"""Truth tables of cells, for the checker alone: bit i of a table is its value where operand j is bit j of i."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from threshc.hdl.proof.bits import apply, variables


def table(function: Callable[..., int], inputs: int) -> int:
    """Returns the table of a Python function of `inputs` bits."""
    return sum(bool(function(*(i >> j & 1 for j in range(inputs)))) << i for i in range(1 << inputs))


XOR2, XOR3 = 0b0110, 0b10010110
MAJ = 0b11101000
PARITY = {1: 0b10, 2: XOR2, 3: XOR3, **{n: table(lambda *bits: sum(bits) % 2, n) for n in (4, 5, 6)}}
"""Parity of so many bits."""


def flipped(truth: int, flips: Sequence[int]) -> int:
    """Returns a table with operand j inverted where flips[j] is 1."""
    every, patterns = variables(len(flips))
    return apply(truth, [p ^ every if flip else p for p, flip in zip(patterns, flips, strict=True)], every)


def folded(operands: Sequence[int], truth: int) -> tuple[tuple[int, ...], int]:
    """Returns a table over literals (2 * node + inverted, 0 and 1 the constants) as one over nodes: those that it
    depends on, distinct and ascending."""
    nodes = sorted({lit >> 1 for lit in operands if lit > 1})
    place = {node: k for k, node in enumerate(nodes)}
    kept, found = _folded(tuple(lit if lit < 2 else 2 * place[lit >> 1] + 2 + (lit & 1) for lit in operands), truth)
    return tuple(nodes[k] for k in kept), found


@lru_cache(1 << 16)
def _folded(codes: tuple[int, ...], truth: int) -> tuple[tuple[int, ...], int]:
    """`folded` with variable k as literal 2 * k + 2: (variables that matter, table over them)."""
    count = max((code >> 1 for code in codes), default=0)
    every, patterns = variables(count)
    literals = [0, every]
    for pattern in patterns:
        literals += [pattern, pattern ^ every]
    truth = apply(truth, [literals[code] for code in codes], every)
    kept = list(range(count))
    for k in reversed(range(count)):
        every, patterns = variables(len(kept))
        low = truth & ~patterns[k]
        if low == (truth & patterns[k]) >> (1 << k):
            del kept[k]
            every, fewer = variables(len(kept))
            truth = apply(truth, [*fewer[:k], 0, *fewer[k:]], every)
    return tuple(kept), truth
