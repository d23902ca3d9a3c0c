"""Functions of a few variables as integers: bit i is the value where variable j is bit j of i."""

from __future__ import annotations

from functools import lru_cache


class Unproved(Exception):
    """The certificate does not hold; the text says where. hint: what can be tried, "" where nothing can be advised."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


@lru_cache(32)
def variables(count: int) -> tuple[int, tuple[int, ...]]:
    """Returns (the function 1, the functions of the variables)."""
    every = (1 << (1 << count)) - 1
    return every, tuple(every // ((1 << (1 << j)) + 1) << (1 << j) for j in range(count))


def apply(table: int, operands: list[int], every: int) -> int:
    """Returns a table over functions."""
    if not operands:
        return every if table & 1 else 0
    half = 1 << (len(operands) - 1)
    low, high = table & ((1 << half) - 1), table >> half
    select, rest = operands[-1], operands[:-1]
    if low == high:
        return apply(low, rest, every)
    zero = apply(low, rest, every)
    one = every ^ zero if low ^ high == (1 << half) - 1 else apply(high, rest, every)
    return (one & select) | (zero & ~select)


def add_up(words: list[tuple[int, int]], digits: int) -> list[int]:
    """Returns the sum of functions, each times 2**shift, as `digits` functions, lowest first. It must fit."""
    total = [0] * digits
    for shift, carry in words:
        for p in range(shift, digits):
            if not carry:
                break
            total[p], carry = total[p] ^ carry, total[p] & carry
        else:
            assert not carry, "the sum does not fit"
    return total
