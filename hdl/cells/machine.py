"""Gates and memories simulated cycle by cycle, 64 samples to a machine word.

Every table becomes selections `select ? one : zero` after its decision diagram; equal ones, of whichever table, are
made once. So the inner loop knows one operation. Where memories are read, a cycle has phases: the selections that need
no reading, the readings that they are enough for, the selections that need those, and so on.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.memories import Memories

Words = NDArray[np.uint64]
_ALL = ~np.uint64(0)


class Machine:
    """A netlist with the state of its flip-flops, which start with their initial values."""

    def __init__(self, gates: Gates, lanes: int = 1) -> None:
        """lanes: machine words, of 64 samples each, that are simulated side by side."""
        self.gates, self.lanes = gates, lanes
        sources = [n for bits in gates.inputs.values() for n in bits if n != gates.clock]
        sources += [f.q for f in gates.flops]
        sources += [net for block in gates.blocks for port in block.reads for net, _ in port.data]
        self._at = {net: k for k, net in enumerate(dict.fromkeys([0, 1, *sources]))}
        self._first = len(self._at)
        self._made: dict[tuple[int, int, int], int] = {}
        for gate in gates.gates:
            self._at[gate.net] = self._select(gate.table, [self._at[x] for x in gate.operands])
        phases = self._in_phases()
        self._program = np.array(list(self._made), np.int32).reshape(-1, 3)
        self._ends = np.array([sum(p <= k for p in phases[self._first :]) for k in range(max(phases) + 1)], np.int64)
        self._memories = Memories(gates.blocks, self._at, phases.__getitem__, lanes)
        self._q = self.nets([f.q for f in gates.flops])
        self._d = self.nets([f.next for f in gates.flops])
        self._words = np.zeros((self._first + len(self._program), lanes), np.uint64)
        self._words[1] = _ALL
        self._words[self._q] = np.where([f.init for f in gates.flops], _ALL, np.uint64(0))[:, None]

    @property
    def selections(self) -> int:
        """The work of a cycle."""
        return len(self._program)

    def nets(self, word: list[int]) -> NDArray[np.int64]:
        """Returns the nets of a word, as `run` takes them."""
        return np.array([self._at[net] for net in word], np.int64)

    def run(self, drive: NDArray[np.int64], stimulus: Words, watch: NDArray[np.int64]) -> Words:
        """Returns words (cycles, watched, lanes): what nets `watch` carry in each cycle, before its clock edge, while
        nets `drive` carry stimulus (cycles, driven, lanes)."""
        out = np.empty((len(stimulus), len(watch), self.lanes), np.uint64)
        program = self._words, self._program, self._ends, self._first, self._q, self._d
        _kernel()(*program, drive, stimulus, watch, out, self._memories.arguments)
        return out

    def _in_phases(self) -> list[int]:
        """Sorts the selections by phase. Returns the phase of every word."""
        ports = {self._at[net]: port for b in self.gates.blocks for port in b.reads for net, _ in port.data}
        phases = [0] * self._first
        made = list(self._made)

        def of(word: int) -> int:
            if word in ports and not phases[word]:  # its address was made before whatever reads the word
                phases[word] = 1 + max((of(self._at[net]) for net, _ in ports[word].address), default=0)
            return phases[word]

        for selection in made:
            phases.append(max(map(of, selection)))
        for word in ports:
            of(word)
        order = sorted(range(len(made)), key=lambda k: phases[self._first + k])
        moved = {self._first + old: self._first + new for new, old in enumerate(order)}
        self._made = {
            (moved.get(a, a), moved.get(b, b), moved.get(c, c)): self._first + new
            for new, (a, b, c) in enumerate(made[old] for old in order)
        }
        self._at = {net: moved.get(word, word) for net, word in self._at.items()}
        return phases[: self._first] + [phases[self._first + old] for old in order]

    def _select(self, table: int, operands: list[int]) -> int:
        if not operands:
            return table & 1
        half = 1 << (len(operands) - 1)
        low, high = table & ((1 << half) - 1), table >> half
        zero, one = (self._select(t, operands[:-1]) for t in (low, high))
        if zero == one:
            return zero
        if (zero, one) == (0, 1):
            return operands[-1]
        return self._made.setdefault((operands[-1], one, zero), self._first + len(self._made))


@cache
def _kernel() -> Any:
    from threshc.hdl.cells.cycles import run

    return run
