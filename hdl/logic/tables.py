"""Truth tables as integers: bit i is the value where input j is bit j of i. At most six inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

MOST_INPUTS = 6


def table(function: Callable[..., int], inputs: int) -> int:
    """Returns the table of a Python function of `inputs` bits."""
    return sum((function(*(i >> j & 1 for j in range(inputs))) & 1) << i for i in range(1 << inputs))


@lru_cache(1 << 16)
def remap(operands: tuple[int, ...], truth: int, inputs: int) -> int:
    """Returns the table over `inputs` distinct variables of a cell whose operand j is `operands[j]`: 0 and 1 are the
    constants, 2 + 2*v + i is variable v, inverted where i is 1."""
    out = 0
    for i in range(1 << inputs):
        at = 0
        for j, code in enumerate(operands):
            value = code if code < 2 else (i >> ((code - 2) >> 1) & 1) ^ (code & 1)
            at |= value << j
        out |= (truth >> at & 1) << i
    return out


@lru_cache(1 << 16)
def cofactors(truth: int, variable: int, inputs: int) -> tuple[int, int]:
    """Returns the tables without a variable, where it is 0 and where it is 1."""
    low = high = position = 0
    for i in range(1 << inputs):
        if i >> variable & 1:
            continue
        low |= (truth >> i & 1) << position
        high |= (truth >> (i | 1 << variable) & 1) << position
        position += 1
    return low, high


@lru_cache(1 << 16)
def vacuous(truth: int, inputs: int) -> int | None:
    """Returns a variable that the table does not depend on, or None."""
    for v in range(inputs):
        low, high = cofactors(truth, v, inputs)
        if low == high:
            return v
    return None


def folded(literals: Sequence[int], truth: int) -> tuple[tuple[int, ...], int]:
    """Returns a table over literals (2 * node + inverted; 0 and 1 are the constants) as one over nodes: those that it
    depends on, distinct and ascending."""
    nodes = sorted({lit >> 1 for lit in literals if lit > 1})
    at = {node: 2 + 2 * k for k, node in enumerate(nodes)}
    codes = tuple(lit if lit < 2 else at[lit >> 1] + (lit & 1) for lit in literals)
    kept, truth = _folded(codes, truth, len(nodes))
    return (tuple(nodes) if len(kept) == len(nodes) else tuple([nodes[k] for k in kept])), truth


@lru_cache(1 << 16)
def _folded(codes: tuple[int, ...], truth: int, inputs: int) -> tuple[tuple[int, ...], int]:
    return without_vacuous(tuple(range(inputs)), remap(codes, truth, inputs))


def without_vacuous(nodes: tuple[int, ...], truth: int) -> tuple[tuple[int, ...], int]:
    """Returns a table over nodes as one over those of them that it depends on."""
    while (v := vacuous(truth, len(nodes))) is not None:
        truth = cofactors(truth, v, len(nodes))[0]
        nodes = (*nodes[:v], *nodes[v + 1 :])
    return nodes, truth


def plain(literals: Sequence[int], truth: int) -> int:
    """Returns the table of literals as one of as many plain operands: inversions and the constants 0 and 1 become part
    of it. Operand j is a variable of its own, also where two literals are equal."""
    codes = tuple(lit if lit < 2 else 2 + 2 * k + (lit & 1) for k, lit in enumerate(literals))
    return remap(codes, truth, len(literals))


def full(inputs: int) -> int:
    """Returns the table that is 1 everywhere."""
    return (1 << (1 << inputs)) - 1


def widen(truth: int, inputs: int, wanted: int) -> int:
    """Returns the same function with further inputs that do not matter."""
    for v in range(inputs, wanted):
        truth |= truth << (1 << v)
    return truth


XOR = {n: table(lambda *b: sum(b), n) for n in range(1, MOST_INPUTS + 1)}
MAJ = table(lambda a, b, c: int(a + b + c > 1), 3)
MUX = table(lambda s, one, zero: one if s else zero, 3)
