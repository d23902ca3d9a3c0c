"""Operations that move bits, as index arithmetic of its own, and the arg-max tree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.ops import Gather, Window
from threshc.compiler.ir.shapes import window_size
from threshc.hdl.proof.bdd import Diagrams
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Selection
from threshc.hdl.proof.circuit import Circuit

Lits = NDArray[np.int64]


def gather(op: Gather, operands: list[Lits]) -> Lits:
    """See `Gather`: indices -1 and -2 are the constants 0 and 1."""
    flat = [lit for x in operands for lit in x.ravel().tolist()]
    picked = [flat[i] if i >= 0 else -1 - i for i in op.index.ravel().tolist()]
    return np.array(picked, np.int64).reshape(op.index.shape)


def window(op: Window, x: Lits) -> Lits:
    """See `Window`."""
    height, width, channels = x.shape
    (kh, kw), (sh, sw), (top, left, _, _), (dh, dw) = op.kernel, op.stride, op.pads, op.dilation
    oh, ow = window_size(op, height, width)
    out = np.full((oh, ow, kh * kw, channels), 1 if op.fill else 0, np.int64)
    pad = np.ones((oh, ow, kh * kw), np.int64)
    for i in range(oh):
        for j in range(ow):
            for tap in range(kh * kw):
                y, z = i * sh - top + (tap // kw) * dh, j * sw - left + (tap % kw) * dw
                if 0 <= y < height and 0 <= z < width:
                    out[i, j, tap], pad[i, j, tap] = x[y, z], 0
    bits = out.reshape(oh, ow, -1)
    return np.concatenate([bits, pad], axis=-1) if op.is_pad else bits


def select_max(circuit: Circuit, words: list[list[int]], signed: bool, matches: Iterator[Selection]) -> list[int]:
    """Returns the literals of the index of the largest word. Each match is proved: which word is larger, and what goes
    on.

    By induction every item stands for the largest word of its range and the lowest index that has it.
    """
    size = max((len(words) - 1).bit_length(), 1)
    items = [
        ([*word[:-1], word[-1] ^ signed], [k >> p & 1 for p in range(size)]) for k, word in enumerate(words)
    ]  # with the sign bit inverted, two's complement compares as unsigned
    while len(items) > 1:
        following = []
        for left, right in zip(items[::2], items[1::2], strict=False):
            match = next(matches, None)
            if match is None:
                raise Unproved("a match of the arg-max tree is missing")
            following.append(_match(circuit, left, right, match))
        items = following + items[2 * len(following) :]
    return items[0][1]


def _match(
    circuit: Circuit, left: tuple[list[int], list[int]], right: tuple[list[int], list[int]], match: Selection
) -> tuple[list[int], list[int]]:
    number, digits, place = match
    larger, word, index = circuit.lit(number), list(circuit.lits(digits)), list(circuit.lits(place))
    _prove_larger(circuit, larger, left[0], right[0])
    if len(word) != len(left[0]) or len(index) != len(left[1]):
        raise Unproved("a match of the arg-max tree loses digits")
    ours = zip([*word, *index], [*left[0], *left[1]], [*right[0], *right[1]], strict=True)
    for out, zero, one in ours:
        leaves = sorted({lit >> 1 for lit in (larger, zero, one) if lit > 1})
        got, s, p, q = circuit.evaluate((out, larger, one, zero), leaves)
        if got != (s & p) | (~s & q):
            raise Unproved(f"node {out >> 1} is not the winner's bit")
    return word, index


_MOST = 40
"""Inputs on which words may depend that are compared as functions of them, where their bits depend on each other."""


def _prove_larger(circuit: Circuit, larger: int, left: list[int], right: list[int]) -> None:
    order: list[int] = []
    for pair in zip(reversed(left), reversed(right), strict=True):
        order += [lit >> 1 for lit in pair if lit > 1 and lit >> 1 not in order]
    if _is_larger(circuit, larger, left, right, order):
        return
    inputs = _inputs(circuit, order)
    if len(inputs) > _MOST or not _is_larger(circuit, larger, left, right, inputs):
        raise Unproved(f"node {larger >> 1} is not `the right word is larger`")


def _is_larger(circuit: Circuit, larger: int, left: list[int], right: list[int], order: list[int]) -> bool:
    diagrams, known = Diagrams(len(order)), dict[int, int]()
    got = diagrams.literal(circuit, larger, order, known)
    want = 0
    for a, b in zip(left, right, strict=True):
        p, q = (diagrams.literal(circuit, lit, order, known) for lit in (a, b))
        want = diagrams.choose(p, diagrams.choose(q, want, 0), diagrams.choose(q, 1, want))
    return got == want


def _inputs(circuit: Circuit, nodes: list[int]) -> list[int]:
    found, seen, stack = set[int](), {0}, list(nodes)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in circuit.tables:
            stack += circuit.tables[node][0]
        else:
            found.add(node)
    return sorted(found)
