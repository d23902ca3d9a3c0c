"""What a heap compressor did, step by step, so that a checker can add it all up again."""

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
