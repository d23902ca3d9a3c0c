"""A balanced adder tree in carry chains and a comparison that is only the carry out of adding a constant."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.claims import Claim
from threshc.hdl.unrolled.heap import Heap
from threshc.hdl.unrolled.netlist import Netlist, Total
from threshc.hdl.unrolled.neurons.base import Architecture, Estimate
from threshc.hdl.unrolled.neurons.costs import full_adders, heap_bits
from threshc.hdl.unrolled.words import carry, constant

WeightedBits = list[tuple[int, int]]
"""(column, literal) of every bit."""
Partial = tuple[int, int, Lits, int, WeightedBits]
"""A partial sum: arrival time, tie breaker, literals, the largest value, and the bits that it is the sum of."""


class AdderTree(Architecture):
    """Full adders make two-bit words of three inputs each, a balanced tree of `+` adds them up.

    The threshold is folded into one constant K = 2**k - t whose carry out of bit k - 1 is the output.
    Latency 0 cycles, throughput one sample per cycle. The only architecture that uses the FPGA's carry chains.
    """

    name: ClassVar[str] = "tree"

    def predict(self, weights: NDArray[np.signedinteger]) -> Estimate:
        """Estimates 1.75 LUTs per bit taken off the heap, which fits what Yosys made of dense iCE40 layers."""
        own, shared = full_adders(weights)
        bits = heap_bits(weights)
        depth = int(np.log2(max(int(bits.max(initial=1)), 2))) + 3
        luts = round(1.75 * own + shared)
        return Estimate(luts, luts, 2 * depth, 2 * depth)

    def carry_bits(self, net: Netlist, heap: Heap, need: Sequence[int], tops: NDArray[np.int64]) -> Lits:
        """Returns the carry out of bit tops[r] - 1 of total + (2**tops[r] - need[r]), or the total's own bit
        tops[r]."""
        widths = np.array([m.bit_length() for m in heap.most], np.int64)
        words = self.sum_words(net, heap, widths, [0] * len(widths))
        out = np.zeros(len(tops), np.int64)
        for top in np.unique(tops).tolist():
            pick = np.flatnonzero(tops == top)
            low = np.zeros((len(pick), top), np.int64)
            low[:, : words.shape[1]] = words[pick, :top]
            constants = constant([(1 << top) - need[r] for r in pick.tolist()], top)
            above = words[pick, top] if words.shape[1] > top else np.zeros(len(pick), np.int64)
            # bit k of total + K: the total's own bit k or a carry into it, never both (the sum is below 2**(k + 1))
            out[pick] = net.maj(carry(net, low, constants), above, np.ones(len(pick), np.int64))
        return out

    def sum_words(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
        """See `Architecture.sum_words`."""
        leaves: list[list[tuple[Lits, int, WeightedBits]]] = [[] for _ in widths]
        for c, column in enumerate(heap.columns):
            for row, lits, most, bits in _leaves(net, column):
                word = np.concatenate([np.zeros(c, np.int64), lits])
                leaves[row].append((word, most << c, [(c, bit) for bit in bits]))
        out = np.zeros((len(widths), int(widths.max(initial=1))), np.int64)
        for row, words in enumerate(leaves):
            if addend[row]:
                ones = [(c, 1) for c in range(addend[row].bit_length()) if addend[row] >> c & 1]
                words.append((constant([addend[row]], addend[row].bit_length())[0], addend[row], ones))
            word = _sum(net, words, int(widths[row]))
            out[row, : len(word)] = word
        net.totals.append(Total(heap.columns, widths, tuple(addend), out))
        return out


def _leaves(net: Netlist, column: Lits) -> list[tuple[int, Lits, int, list[int]]]:
    """(row, word, largest value, bits) for every three bits of a row, and for the one or two left over."""
    padded = np.concatenate([column, np.zeros((len(column), -column.shape[1] % 3), np.int64)], axis=1)
    triples = padded.reshape(len(column), -1, 3)
    row, slot = np.nonzero(triples[:, :, 0])
    bits = triples[row, slot]
    low, high = net.full_add(bits[:, 0], bits[:, 1], bits[:, 2])
    most = (bits != 0).sum(axis=1)
    words = zip(row.tolist(), low, high, most.tolist(), bits.tolist(), strict=True)
    return [(r, np.array([p, q]), m, [lit for lit in own if lit]) for r, p, q, m, own in words]


def _sum(net: Netlist, words: list[tuple[Lits, int, WeightedBits]], width: int) -> Lits:
    """The sum of words modulo 2**width; those that arrive first are added first."""
    queue: list[Partial] = [(_arrival(net, w), k, w[:width], most, bits) for k, (w, most, bits) in enumerate(words)]
    heapq.heapify(queue)
    fresh = len(queue)
    while len(queue) > 1:
        (_, _, a, most_a, bits_a), (_, _, b, most_b, bits_b) = heapq.heappop(queue), heapq.heappop(queue)
        most, bits = most_a + most_b, bits_a + bits_b
        word = _add(net, a, b, min(most.bit_length(), width))
        if len(word) <= max(len(a), len(b)) and len(word) < width:
            net.claims.append(_claim(word, bits))  # no carry is made here since there never is one: proofs need to know
        heapq.heappush(queue, (_arrival(net, word), fresh, word, most, bits))
        fresh += 1
    return queue[0][2] if queue else np.zeros(0, np.int64)


def _claim(word: Lits, bits: WeightedBits) -> Claim:
    columns: list[list[int]] = [[] for _ in word]
    for c, lit in bits:
        columns[c].append(lit)
    return Claim(tuple(map(tuple, columns)), (), tuple(word.tolist()))


def _add(net: Netlist, a: Lits, b: Lits, width: int) -> Lits:
    """a + b; the low bits where one of them is constant 0 stay out of the adder."""
    short = min(len(a), len(b))
    either = (a[:short] != 0) & (b[:short] != 0)
    low = int(np.argmax(either)) if either.any() else short
    if low == len(a) or low == len(b):
        longer, other = (a, b) if len(a) >= len(b) else (b, a)
        merged: Lits = longer.copy()
        merged[: len(other)] |= other  # one of the two is 0 in each of these places
        return merged
    return np.concatenate([a[:low] | b[:low], net.add(a[low:], b[low:], width - low)])


def _arrival(net: Netlist, word: Lits) -> int:
    return int(net.depth(word).max(initial=0))
