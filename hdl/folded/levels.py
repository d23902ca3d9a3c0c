"""Further thresholds of a folded layer's sums, behind its accumulators: so a weight is stored and read once for all.

Sums of a pass stand in registers until the next pass ends. Meanwhile they are compared with the numbers of a small
memory, a few thresholds of each neuron in a cycle: pass by pass, in the order of the layer's groups. Nothing stalls
here, so it only makes an answer some cycles later. The first threshold of a row is where its sums begin: the sign.
"""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from threshc.hdl.folded.layer import FoldedLayer


class Levels(wiring.Component):
    """The comparators of a layer's PE neurons.

    * sums: of the neurons, in two's complement with the highest bit inverted; they stay for `compares` cycles
    * step: these are such a cycle
    * answer: in the last of these cycles, of every neuron whether its sum is at least 0 and each of its thresholds

    For proofs: at, the word of the memory that is compared with next but one; word, the one that is compared with now;
    early, what the cycles before the last one have found.
    """

    def __init__(self, layer: FoldedLayer) -> None:
        self.layer = layer
        self.table = level_words(layer)
        width = layer.pe * layer.bits
        super().__init__({"sums": In(width), "step": In(1), "answer": Out(layer.out_bits)})
        self.at = Signal(range(len(self.table)), init=min(1, len(self.table) - 1), name="at")
        first = self.table[0]
        self.word = Signal(len(first), init=sum(int(bit) << k for k, bit in enumerate(first)), name="word")
        self.early = [Signal(layer.pe * layer.compared, reset_less=True) for _ in range(layer.compares - 1)]

    def elaborate(self, platform: object) -> Module:
        m, layer, at, depth = Module(), self.layer, self.at, len(self.table)
        following = [Const(sum(int(bit) << k for k, bit in enumerate(column)), depth) for column in self.table.T]
        if depth > 1:
            with m.If(self.step):
                m.d.sync += [
                    self.word.eq(Cat(*(bits.bit_select(at, 1) for bits in following))),
                    at.eq(at + 1 if depth & (depth - 1) == 0 else Mux(at == depth - 1, 0, at + 1)),
                ]
        wide = layer.bits + 1
        found: list[Value] = []
        for k in range(layer.pe):
            own = self.sums[k * layer.bits : (k + 1) * layer.bits]
            for j in range(layer.compared):
                total = Signal(wide, name=f"less_{k}_{j}")
                m.d.comb += total.eq(own + self.word.word_select(k * layer.compared + j, wide))
                found.append(total[-1])
        now = Cat(*found)
        stages = [*self.early, now]
        for early, later in zip(self.early, stages[1:], strict=True):
            m.d.sync += early.eq(later)
        m.d.comb += self.answer.eq(Cat(*(self._neuron(k, stages) for k in range(layer.pe))))
        return m

    def _neuron(self, k: int, stages: list[Value]) -> Value:
        layer = self.layer
        bits = [stage[k * layer.compared + j] for stage in stages for j in range(layer.compared)]
        return Cat(self.sums[(k + 1) * layer.bits - 1], *bits[: layer.levels - 1])


def level_words(layer: FoldedLayer) -> NDArray[np.uint8]:
    """Returns the words that sums are compared with, (groups * compares, bits of a word): of every neuron `compared`
    numbers of bits + 1 bits each."""
    wide, numbers = layer.bits + 1, level_numbers(layer)
    short = layer.compares * layer.compared - numbers.shape[1]
    numbers = np.pad(numbers, ((0, 0), (0, short)))
    bits = (numbers[..., None] >> np.arange(wide) & 1).astype(np.uint8)
    bits = bits.reshape(layer.groups, layer.pe, layer.compares, -1).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(bits.reshape(layer.groups * layer.compares, -1))


def level_numbers(layer: FoldedLayer) -> NDArray[np.int64]:
    """Returns the numbers that are added to sums instead of comparing them, (rows, T - 1), 0 to 2**bits each.

    The bit above the highest of sum and number says that the sum, whose top bit is inverted, reaches 2**bits less the
    number: 0 where no sum does, 2**bits where all do.
    """
    assert layer.needs is not None
    half = 1 << (layer.bits - 1)
    found: NDArray[np.int64] = half - np.clip(layer.needs, -half, half)
    return found
