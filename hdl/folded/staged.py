"""Tables with registers between them: a combinational net cut into stages of a few levels each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import MappedCells, flipped, merged

Place = tuple[int, int]
"""A node, and how many registers lie between it and the inputs' cycle."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A pipeline without enables and resets: what comes in leaves `latency` cycles later.

    inputs: how many; nodes 1 to `inputs` are these. cells: node to the nodes that its table reads, and the table, in
    topological order. stage: of every node, the registers between the inputs and it. flips: nodes that carry the
    inverse of what literals say. outputs: literals, lowest bit first; all leave from registers.
    """

    inputs: int
    cells: MappedCells
    stage: dict[int, int]
    flips: frozenset[int]
    outputs: tuple[int, ...]
    latency: int

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


def staged(net: LutNet, outputs: Sequence[int], *, inputs: int, levels: int) -> Staged:
    """Maps a net to tables of `inputs` inputs, and puts a register behind every `levels` of them and at the outputs."""
    circuit = Circuit(net, outputs=list(outputs))
    cells, flips = flipped(circuit, merged(circuit, inputs))
    depth = dict.fromkeys(range(1, net.inputs + 1), 0)
    for node, (operands, _) in cells.items():
        depth[node] = 1 + max(depth[x] for x in operands)
    stage = {node: max(0, d - 1) // levels for node, d in depth.items()}
    latency = max((stage[lit >> 1] + (depth[lit >> 1] > 0) for lit in outputs if lit > 1), default=0)
    return Staged(net.inputs, cells, stage, frozenset(flips), tuple(outputs), latency)
