"""Tables of which only some entries matter."""

from __future__ import annotations

from collections.abc import Callable

from threshc.hdl.logic.tables import cofactors


def smallest(
    table: int, care: int, inputs: int, gain: Callable[[tuple[int, ...]], tuple[int, ...]]
) -> tuple[tuple[int, ...], int]:
    """Returns (the inputs that are kept, the table over them) of a function that agrees with `table` wherever bit i of
    `care` is set; of all sets of inputs that will do, the one with the largest `gain`, the first of equals.

    The other entries of the new table are 0.
    """
    start = tuple(range(inputs))
    found = {start: (table, care)}
    stack = [start]
    while stack:
        kept = stack.pop()
        truth, cares = found[kept]
        for k in range(len(kept)):
            rest = kept[:k] + kept[k + 1 :]
            if rest in found:
                continue
            (low, high), (low_cares, high_cares) = cofactors(truth, k, len(kept)), cofactors(cares, k, len(kept))
            if not (low ^ high) & low_cares & high_cares:
                found[rest] = (low & low_cares) | (high & high_cares), low_cares | high_cares
                stack.append(rest)
    best = max(found, key=gain)
    return best, found[best][0]
