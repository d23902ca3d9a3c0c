"""What a circuit computes, node by node, in plain Python integers: bit k of each is sample k."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.mapping import MappedCells
from threshc.hdl.proof.bits import apply, variables


class Values:
    """Every node of a circuit over samples, registers taken as wires.

    inputs: the samples of each input; every: the constant 1. cells: tables in place of the circuit's own, for the nodes
    that mapping left; flips: nodes that carry their inverse there.
    """

    def __init__(
        self,
        circuit: Circuit,
        inputs: Sequence[int],
        every: int,
        cells: MappedCells | None = None,
        flips: Iterable[int] = (),
    ) -> None:
        luts = circuit.luts
        self.every, self._flips = every, frozenset(flips)
        self._of = [0, *inputs, *[0] * (len(luts.operands) - len(inputs) - 1)]
        tables: Mapping[int, tuple[tuple[int, ...], int]] = (
            {n: (o, luts.tables[n]) for n, o in enumerate(luts.operands) if o} if cells is None else cells
        )
        adders = {adder.bits[0]: adder for adder in circuit.adders}
        for node in range(luts.inputs + 1, len(luts.operands)):
            if node in circuit.registers:
                self._of[node] = self._of[circuit.registers[node]]
            elif node in tables:
                operands, truth = tables[node]
                self._of[node] = apply(truth, [self._of[x] for x in operands], every)
            elif node in adders:
                carry = self.literal(adders[node].carry)
                for k, bit in enumerate(adders[node].bits):
                    a, b = (self.literal(w[k]) if k < len(w) else 0 for w in (adders[node].a, adders[node].b))
                    self._of[bit], carry = a ^ b ^ carry, a & b | carry & (a | b)

    def literal(self, lit: int) -> int:
        """A literal over all samples."""
        return self._of[lit >> 1] ^ (self.every if (lit & 1) ^ (lit >> 1 in self._flips) else 0)

    def literals(self, lits: Iterable[int]) -> list[int]:
        """See `literal`."""
        return [self.literal(lit) for lit in lits]


def columns(words: NDArray[np.uint8], bits: int) -> list[int]:
    """Samples (N, bytes), bit j of one at bit j, as one integer for each of the lowest bits."""
    unpacked = np.unpackbits(words, axis=1, bitorder="little")[:, :bits]
    return [int.from_bytes(np.packbits(column, bitorder="little").tobytes(), "little") for column in unpacked.T]


def rows(values: Sequence[int], count: int) -> NDArray[np.uint8]:
    """The first `count` samples of bits that are integers, (count, bits)."""
    return np.array([[value >> k & 1 for value in values] for k in range(count)], np.uint8).reshape(count, len(values))


def on_all_inputs(circuit: Circuit, cells: MappedCells | None = None, flips: Iterable[int] = ()) -> list[int]:
    """The outputs of a circuit of few inputs, each as its truth table."""
    every, columns = variables(circuit.luts.inputs)
    return Values(circuit, columns, every, cells, flips).literals(circuit.outputs)
