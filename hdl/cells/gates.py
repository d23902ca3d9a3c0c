"""A mapped netlist as tables and flip-flops, whatever cells it was made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # proofs of netlists read this file, and nothing of the families
    from threshc.hdl.families.models import Reading, Writing

ZERO, ONE = 0, 1
"""Nets of the constants. Yosys numbers nets from 2."""


class Gate(NamedTuple):
    """A table over distinct nets: bit i of `table` is the output where operand j is bit j of i. `cell` is the index in
    `Gates.cells` of the cell that it is a part of."""

    net: int
    operands: tuple[int, ...]
    table: int
    cell: int


class Flop(NamedTuple):
    """A flip-flop on the one clock: at its rising edge, q takes the value of net `next`. init: after configuration."""

    q: int
    next: int
    init: int
    cell: int


class Block(NamedTuple):
    """A memory: its first contents by flat numbers, and its ports as `threshc.hdl.families.models` has them; what a
    read port makes is at once the word at its address. `cell` as in `Gate`."""

    bits: bytes
    reads: tuple[Reading, ...]
    writes: tuple[Writing, ...]
    cell: int


class Source(NamedTuple):
    """A cell's name in the netlist and its type."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Gates:
    """inputs, outputs: nets of every port, lowest bit first (the clock is an input too); gates: in topological order;
    names: every name of a net, as Yosys kept it; clock: the net that all flip-flops and memories share, None without
    any; blocks: memories."""

    module: str
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    gates: list[Gate]
    flops: list[Flop]
    cells: list[Source]
    clock: int | None
    names: dict[str, list[int]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    @property
    def nets(self) -> int:
        """One more than the highest net."""
        used = [g.net for g in self.gates] + [f.q for f in self.flops]
        used += [net for b in self.blocks for port in b.reads for net, _ in port.data]
        used += [n for port in (*self.inputs.values(), *self.outputs.values()) for n in port]
        return max((*used, 1)) + 1
