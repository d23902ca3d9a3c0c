"""Whether a node of a circuit is a table of other nodes, for all values of some nodes below them."""

from __future__ import annotations

from collections.abc import Sequence

from threshc.hdl.proof.bdd import Diagrams
from threshc.hdl.proof.bits import Unproved, apply, variables
from threshc.hdl.proof.circuit import Circuit

WIDEST = 18
"""Most nodes whose values are all considered."""
_DIAGRAM = 40  # most nodes of wider cuts, some of which are tried by decision diagrams
_NODES = 20_000


def relation(circuit: Circuit, target: int, operands: Sequence[int], table: int, deep: bool = True) -> int | None:
    """Returns 0 where literal `target` is the table over literals `operands`, 1 where it is the inverse, None where
    that is not proved.

    The nodes of a cut below both take all values. The first cut is the operands and what the target reads beside them;
    then a node of the cut is replaced by what it reads, again and again. So bits on which the target depends in form
    only drop out, and so do values that never occur together. The first round replaces the last node that is not an
    operand; a second round, from the first cut again, replaces the node that lets the cut grow least. deep: False
    tries the first cut only.
    """
    kept = {lit >> 1 for lit in operands} - {0}
    start = set(kept)
    if target >> 1 not in kept:
        start |= set(_reads(circuit, target >> 1)) - {0}
    found = _compare(circuit, target, operands, table, sorted(start))
    for choose in (_last, _smallest) if deep and found is None else ():
        cut, node = start, choose(circuit, start, kept)
        while node is not None and found is None:
            cut = (cut - {node}) | (set(_reads(circuit, node)) - {0})
            if len(cut) > _DIAGRAM:
                break
            if len(cut) <= WIDEST:
                found = _compare(circuit, target, operands, table, sorted(cut))
            elif len(cut) % 4 == 0:
                found = _by_diagram(circuit, target, operands, table, sorted(cut))
            node = choose(circuit, cut, kept)
        if found is not None:
            break
    return found


def _last(circuit: Circuit, cut: set[int], kept: set[int]) -> int | None:
    return max((x for x in cut - kept if x in circuit.tables), default=None)


def _smallest(circuit: Circuit, cut: set[int], kept: set[int]) -> int | None:
    grows = {x: len(set(_reads(circuit, x)) - cut - {0}) for x in cut if x in circuit.tables}
    return min(grows, key=lambda x: (grows[x], x in kept, -x), default=None)


def _reads(circuit: Circuit, node: int) -> tuple[int, ...]:
    return circuit.tables[node][0] if node in circuit.tables else (node,)


def _compare(circuit: Circuit, target: int, operands: Sequence[int], table: int, cut: list[int]) -> int | None:
    try:
        want, *values = circuit.evaluate((target, *operands), cut)
    except Unproved:
        return None
    every = variables(len(cut))[0]
    got = apply(table, values, every)
    return 0 if got == want else 1 if got == want ^ every else None


def _by_diagram(circuit: Circuit, target: int, operands: Sequence[int], table: int, cut: list[int]) -> int | None:
    diagrams, known = Diagrams(len(cut), _NODES), dict[int, int]()
    try:
        want, *values = (diagrams.literal(circuit, lit, cut, known) for lit in (target, *operands))
        got = diagrams.table(table, values)
        return 0 if got == want else 1 if got == diagrams.choose(want, 0, 1) else None
    except Unproved:
        return None
