"""`Sum`, `Compare` and `ArgMax` as netlists. A sum that only one threshold reads is never made, only its carry."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.ops import Compare, Sum
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.heap import Heap, weigh
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.neurons import Architecture
from threshc.hdl.unrolled.words import at_least, offset_binary


def explicit_sum(net: Netlist, arch: Architecture, op: Sum, x: Lits, digits: int) -> Lits:
    """Returns the sums as two's complement words (..., R, digits) for bits (..., C)."""
    heap = weigh(x.reshape(-1, x.shape[-1]), op.weights, op.bias)
    widths = np.full(len(heap.constant), digits, np.int64)
    words = arch.sum_words(net, heap, widths, [c % (1 << digits) for c in heap.constant])
    return words.reshape(*x.shape[:-1], len(op.bias), digits)


def fused_compare(net: Netlist, arch: Architecture, total: Sum, compares: list[Compare], x: Lits) -> list[Lits]:
    """Returns the bits (..., M) of every Compare on a Sum of bits (..., C), without the sum's words.

    A row with one threshold is a neuron of the architecture; a row with several shares one sum between comparators.
    """
    heap = weigh(x.reshape(-1, x.shape[-1]), total.weights, total.bias)
    rows, positions = len(total.bias), x.size // x.shape[-1]
    pairs = sorted({p for c in compares for p in zip(c.row.tolist(), c.threshold.tolist(), strict=True)})
    uses = Counter(r for r, _ in pairs)
    single = [p for p in pairs if uses[p[0]] == 1]
    several = [p for p in pairs if uses[p[0]] > 1]
    bits: dict[tuple[int, int], Lits] = {}
    for pick, build in ((single, _neurons), (several, _shared)):
        if pick:
            found = build(net, arch, heap, rows, positions, pick)
            bits.update((pair, found[:, j]) for j, pair in enumerate(pick))
    return [
        np.stack([bits[p] for p in zip(c.row.tolist(), c.threshold.tolist(), strict=True)], axis=1).reshape(
            *x.shape[:-1], len(c.row)
        )
        for c in compares
    ]


def _index(rows: int, positions: int, pick: list[int]) -> NDArray[np.int64]:
    """Heap rows of the picked neurons at every position, position-major."""
    index: NDArray[np.int64] = (np.arange(positions)[:, None] * rows + np.array(pick)).ravel()
    return index


def _neurons(
    net: Netlist, arch: Architecture, heap: Heap, rows: int, positions: int, pairs: list[tuple[int, int]]
) -> Lits:
    picked = heap.rows(_index(rows, positions, [r for r, _ in pairs]))
    return arch.threshold_bits(net, picked, [t for _, t in pairs] * positions).reshape(positions, -1)


def _shared(
    net: Netlist, arch: Architecture, heap: Heap, rows: int, positions: int, pairs: list[tuple[int, int]]
) -> Lits:
    distinct = sorted({r for r, _ in pairs})
    picked = heap.rows(_index(rows, positions, distinct))
    widths = np.array([max(m.bit_length(), 1) for m in picked.most], np.int64)
    words = arch.sum_words(net, picked, widths, [0] * len(widths))
    at = [p * len(distinct) + distinct.index(r) for p in range(positions) for r, _ in pairs]
    thresholds = [t for _ in range(positions) for _, t in pairs]
    need = [t - picked.constant[k] for t, k in zip(thresholds, at, strict=True)]
    return at_least(net, words[at], need).reshape(positions, -1)


def compare_words(net: Netlist, op: Compare, words: Lits, signed: bool) -> Lits:
    """Returns the bits (..., M) of a Compare on integers given as two's complement words (..., R, digits)."""
    digits = words.shape[-1]
    picked = words[..., op.row, :].reshape(-1, digits)
    shift = 1 << (digits - 1) if signed else 0
    need = [t + shift for t in op.threshold.tolist()] * (len(picked) // len(op.row))
    return at_least(net, offset_binary(picked, signed), need).reshape(*words.shape[:-2], len(op.row))
