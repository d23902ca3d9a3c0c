"""Words of literals: comparisons and the arg-max tree. A word vector is (m, k): m words of k bits, lowest bit first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.claims import Selection
from threshc.hdl.unrolled.netlist import ONE, Netlist


def constant(values: Sequence[int], width: int) -> Lits:
    """Returns the lowest `width` bits of integers as constant words, (m, width)."""
    digits = [[v >> p & 1 for p in range(width)] for v in values]
    out: Lits = np.array(digits, np.int64).reshape(len(values), width)
    return out


def offset_binary(words: Lits, signed: bool) -> Lits:
    """Turns two's complement words into unsigned words in the same order: the sign bit is inverted."""
    out: Lits = words.copy()
    out[:, -1] ^= signed
    return out


def carry(net: Netlist, a: Lits, b: Lits, carry_in: int = 0) -> Lits:
    """Returns the carry out of word a + word b + carry_in, (m,); the sum itself is never made."""
    out = np.full(len(a), carry_in, np.int64)
    for p in range(a.shape[1]):
        out = net.maj(a[:, p], b[:, p], out)
    return out


def at_least(net: Netlist, words: Lits, thresholds: Sequence[int]) -> Lits:
    """Returns bits: bit j is `words[j] >= thresholds[j]` of unsigned words (m, k): the carry of word + (2**k -
    threshold).

    Thresholds may lie anywhere; those at or below 0 and beyond the word give constants.
    """
    width = words.shape[1]
    clipped = [min(max(t, 1), 1 << width) for t in thresholds]
    bits = carry(net, words, constant([(1 << width) - t for t in clipped], width))
    return np.where(np.array([t <= 0 for t in thresholds]), ONE, bits)


def arg_max(net: Netlist, words: Lits) -> Lits:
    """Returns the index of the largest unsigned word of (n, k), the lowest index among equals: bits, lowest first.

    A balanced tree of compare-and-select; the right-hand word wins only when it is strictly larger.
    """
    count = len(words)
    index = constant(range(count), max((count - 1).bit_length(), 1))
    while len(words) > 1:
        pairs = len(words) // 2
        left, right = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
        larger = carry(net, words[right], words[left] ^ 1)  # right + ~left carries out iff right > left
        before = words, index
        words = _select(net, larger, words, left, right)
        index = _select(net, larger, index, left, right)
        net.selections += [_selection(larger, before, (words, index), k) for k in range(pairs)]
    best: Lits = index[0]
    return best


def _selection(larger: Lits, before: tuple[Lits, Lits], after: tuple[Lits, Lits], k: int) -> Selection:
    def item(source: tuple[Lits, Lits], at: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return tuple(source[0][at].tolist()), tuple(source[1][at].tolist())

    return Selection(int(larger[k]), item(before, 2 * k), item(before, 2 * k + 1), item(after, k))


def _select(net: Netlist, larger: Lits, words: Lits, left: slice, right: slice) -> Lits:
    bits = [net.mux(larger, words[right, p], words[left, p]) for p in range(words.shape[1])]
    return np.concatenate([np.stack(bits, axis=1), words[2 * len(larger) :]])
