"""Moves constants of two rows into what the rows share, where that is cheaper than to add them in each row.

Let A be what both rows add, and B what the second row subtracts: the rows are A + B + k0 and A - B + k1. Constants
alpha in A and beta in B leave k0 - alpha - beta and k1 - alpha to the rows.
"""

from __future__ import annotations

from functools import lru_cache

Counts = tuple[int, ...]
_ADDER = 1.7  # LUTs of a full adder, about; one whose sum nobody needs is 1
_WIDEST = 7  # columns up to which every alpha is tried


def shared_constants(
    same: Counts, opposite: Counts, alone: tuple[Counts, Counts], wanted: tuple[int, int]
) -> tuple[int, int]:
    """Returns (alpha, beta) that cost the fewest LUTs, as estimated.

    same, opposite, alone: the entries per column of A, of B and of each row alone, all of one width; wanted: k0 and k1.
    """
    width = len(same)
    mask = (1 << width) - 1
    alphas: list[int] = [0]
    if any(same):
        alphas = list(range(mask + 1)) if width <= _WIDEST else sorted({0, *wanted, wanted[0] & wanted[1]})
    best, chosen = float("inf"), (0, 0)
    for alpha in alphas:
        for beta in sorted({0, (wanted[0] - alpha) & mask}) if any(opposite) else (0,):
            cost_a, left_a = _reduced(_plus(same, alpha))
            cost_b, left_b = _reduced(_plus(opposite, beta))
            cost = cost_a + cost_b
            for own, rest in zip(alone, (wanted[0] - alpha - beta, wanted[1] - alpha), strict=True):
                entries = tuple(map(sum, zip(left_a, left_b, own, strict=True)))
                cost += _carries(_plus(entries, rest & mask))
            if cost < best - 1e-9:
                best, chosen = cost, (alpha, beta)
    return chosen


def _plus(counts: Counts, constant: int) -> Counts:
    return tuple(n + (constant >> c & 1) for c, n in enumerate(counts))


@lru_cache(1 << 12)
def _reduced(counts: Counts) -> tuple[float, Counts]:
    """LUTs of the full adders that leave at most two entries per column, and the entries left."""
    left, cost = list(counts), 0.0
    for c in range(len(left) - 1):
        adders = max(0, (left[c] - 1) // 2)
        left[c] -= 2 * adders
        left[c + 1] += adders
        cost += adders * _ADDER
    return cost, tuple(left)


@lru_cache(1 << 14)
def _carries(counts: Counts) -> float:
    """LUTs of a row that only wants the last carry."""
    cost, into = 0.0, 0
    for n in counts[:-1]:
        into = (n + into) // 2
        cost += (into - 1) * _ADDER + 1 if into else 0
    return cost
