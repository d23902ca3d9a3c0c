"""Gates simulated cycle by cycle, 64 samples to a machine word.

Every table becomes selections `select ? one : zero` after its decision diagram; equal ones, of whichever table, are
made once. So the inner loop knows one operation.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.cells.gates import Gates

Words = NDArray[np.uint64]
_ALL = ~np.uint64(0)


class Machine:
    """A netlist with the state of its flip-flops, which start with their initial values."""

    def __init__(self, gates: Gates, lanes: int = 1) -> None:
        """lanes: machine words, of 64 samples each, that are simulated side by side."""
        self.gates, self.lanes = gates, lanes
        sources = [n for bits in gates.inputs.values() for n in bits if n != gates.clock]
        sources += [f.q for f in gates.flops]
        self._at = {net: k for k, net in enumerate(dict.fromkeys([0, 1, *sources]))}
        self._first = len(self._at)
        self._made: dict[tuple[int, int, int], int] = {}
        for gate in gates.gates:
            self._at[gate.net] = self._select(gate.table, [self._at[x] for x in gate.operands])
        self._program = np.array(list(self._made), np.int32).reshape(-1, 3)
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
        """The nets of a word, as `run` takes them."""
        return np.array([self._at[net] for net in word], np.int64)

    def run(self, drive: NDArray[np.int64], stimulus: Words, watch: NDArray[np.int64]) -> Words:
        """Words (cycles, watched, lanes): what nets `watch` carry in each cycle, before its clock edge, while nets
        `drive` carry stimulus (cycles, driven, lanes)."""
        out = np.empty((len(stimulus), len(watch), self.lanes), np.uint64)
        _kernel()(self._words, self._program, self._first, self._q, self._d, drive, stimulus, watch, out)
        return out

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
    from numba import njit

    return njit(nogil=True, error_model="numpy")(_run)


def _run(words, program, first, q, d, drive, stimulus, watch, out):  # type: ignore[no-untyped-def]
    lanes = words.shape[1]
    state = np.empty((len(q), lanes), np.uint64)
    for cycle in range(len(stimulus)):
        for k in range(len(drive)):
            for w in range(lanes):
                words[drive[k], w] = stimulus[cycle, k, w]
        for k in range(len(program)):
            select, one, zero = program[k, 0], program[k, 1], program[k, 2]
            for w in range(lanes):
                other = words[zero, w]
                words[first + k, w] = other ^ (words[select, w] & (other ^ words[one, w]))
        for k in range(len(watch)):
            for w in range(lanes):
                out[cycle, k, w] = words[watch[k], w]
        for k in range(len(q)):
            for w in range(lanes):
                state[k, w] = words[d[k], w]
        for k in range(len(q)):
            for w in range(lanes):
                words[q[k], w] = state[k, w]
