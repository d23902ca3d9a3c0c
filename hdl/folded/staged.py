"""Tables with registers between them: a combinational net cut into stages of a few levels each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from threshc.hdl.folded.sevens import Seven
from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import MappedCells, flipped, merged

Place = tuple[int, int]
"""A node, and how many registers lie between it and the inputs' cycle."""
_SHARED = 5
"""Most nets that two tables of one cell read."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A pipeline without enables and resets: what comes in leaves `latency` cycles later.

    inputs: how many; nodes 1 to `inputs` are these. cells: node to the nodes that its table reads, and the table, in
    topological order. stage: of every node, the registers between the inputs and it. flips: nodes that carry the
    inverse of what literals say. outputs: literals, lowest bit first; all leave from registers. sevens: counters on a
    carry chain, whose nodes are cells too; pairs: cells of one depth that read at most five nodes together, where
    tables of six inputs can have two outputs.
    """

    inputs: int
    cells: MappedCells
    stage: dict[int, int]
    flips: frozenset[int]
    outputs: tuple[int, ...]
    latency: int
    sevens: tuple[Seven, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()

    @property
    def tables(self) -> int:
        """Look-up tables, those with two outputs counted once; a carry chain's places are none."""
        return len(self.cells) - 3 * len(self.sevens) - len(self.pairs)

    def inverted(self, lit: int) -> bool:
        """Returns whether the net of a literal's node carries its inverse."""
        return bool(lit & 1) != (lit >> 1 in self.flips)

    def last_stages(self) -> dict[int, int]:
        """Returns up to which stage each node is needed: as many registers as that is beyond its own stage."""
        last = dict(self.stage)
        for node, (operands, _) in self.cells.items():
            for x in operands:
                last[x] = max(last[x], self.stage[node])
        for lit in self.outputs:
            if lit > 1:
                last[lit >> 1] = self.latency
        return last

    @property
    def registers(self) -> int:
        """Flip-flops."""
        return sum(last - self.stage[node] for node, last in self.last_stages().items())


def staged(net: LutNet, outputs: Sequence[int], *, inputs: int, levels: int, sevens: Sequence[Seven] = ()) -> Staged:
    """Maps a net to tables of `inputs` inputs, and puts a register behind every `levels` of them and at the outputs. A
    counter on a chain is one level, tables and chain together."""
    kept = {lit >> 1: lit for seven in sevens for lit in seven.counted}
    kept |= {lit >> 1: lit for seven in sevens for lit in seven.kept}
    circuit = Circuit(net, outputs=[*(kept.get(lit >> 1, lit) for lit in outputs), *kept.values()])
    cells, flips = flipped(circuit, merged(circuit, inputs))
    assert all(bool(lit & 1) == (lit >> 1 in flips) for seven in sevens for lit in seven.kept)
    counted = {s: [lit >> 1 for lit in s.counted] for s in sevens}
    together = {node: counted[s] for s in sevens for node in (*s.tables, *s.outputs)}
    depth = dict.fromkeys(range(1, net.inputs + 1), 0)
    for node, (operands, _) in cells.items():
        depth[node] = 1 + max(depth[x] for x in together.get(node, operands))
    stage = {node: max(0, d - 1) // levels for node, d in depth.items()}
    latency = max((stage[lit >> 1] + (depth[lit >> 1] > 0) for lit in outputs if lit > 1), default=0)
    pairs = _pairs(cells, depth, sevens) if inputs >= 6 else ()
    return Staged(net.inputs, cells, stage, frozenset(flips), tuple(outputs), latency, tuple(sevens), pairs)


def _pairs(cells: MappedCells, depth: dict[int, int], sevens: Sequence[Seven]) -> tuple[tuple[int, int], ...]:
    """Cells for one table with two outputs: those of a chain's second place, then those that read most in common. Only
    of one depth, so that none reads what the other makes."""
    found = [(seven.selects[1], seven.data[1]) for seven in sevens]
    taken = {node for seven in sevens for node in (*seven.tables, *seven.outputs)}
    free = {node: set(cells[node][0]) for node in cells if node not in taken and len(cells[node][0]) <= _SHARED}
    readers: dict[tuple[int, int], list[int]] = {}
    for node, reads in free.items():
        for x in (*reads, -1):
            readers.setdefault((x, depth[node]), []).append(node)
    for common in range(_SHARED, -1, -1):
        for node, reads in free.items():
            for other in (n for x in (reads if common else (-1,)) for n in readers[x, depth[node]]):
                both = len(reads | free[other])
                enough = both <= _SHARED and len(reads) + len(free[other]) - both >= common
                if enough and node != other and taken.isdisjoint((node, other)):
                    found.append((node, other))
                    taken |= {node, other}
                    break
    return tuple(found)
