"""What the builder asserts of the netlist, and each step of a heap compressor: for `threshc.hdl.proof` to check."""

from __future__ import annotations

from dataclasses import dataclass, field

Term = tuple[int, ...]
"""The parity of one or two literals."""


@dataclass(slots=True)
class Step:
    """Terms of one column replaced by terms of the same weight and above: inputs all weigh 2**column, each output is
    (column, term). Their sums are equal modulo 2**width of the heap."""

    column: int
    inputs: tuple[Term, ...]
    outputs: list[tuple[int, Term]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Claim:
    """The literals `columns[c]` of weight 2**c add up, by `steps`, to the unsigned word `word` modulo 2**len(word)."""

    columns: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]
    word: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """One match of the arg-max tree: the larger of two words (the left one among equals), and its index."""

    larger: int
    left: tuple[tuple[int, ...], tuple[int, ...]]
    right: tuple[tuple[int, ...], tuple[int, ...]]
    best: tuple[tuple[int, ...], tuple[int, ...]]
