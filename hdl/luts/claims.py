"""What the builder says about the netlist; nothing is taken on trust, see `threshc.hdl.proof`."""

from __future__ import annotations

from dataclasses import dataclass

from threshc.hdl.luts.steps import Step, Term


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


__all__ = ["Claim", "Selection", "Step", "Term"]
