"""What a pooling makes of the bits that a stream carries, and whether that is a Reduce of the network.

Of every bit of a beat it is known which bits of a value it is the or / and of. A window over a map is one over its
columns and then one over its rows: behind the first, bits are of no value of the network yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Reduce, Window
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_stream import ANY, ZERO
from threshc.hdl.proof.routes import window

ONE = -3
"""A bit that is always 1, beside `ZERO` and `ANY`."""

Groups = NDArray[np.int64]
"""(beats, width, n): which n bits each bit of a sample's beats is the or / and of."""


@dataclass(frozen=True, slots=True)
class PoolClaim:
    """Rows of `count` elements of `depth` beats of `width` bits: of every window of `taps` elements, `stride` apart and
    with gaps of `dilation`, each bit is the or / and. Elements of which all bits are `fill` stand before and behind."""

    width: int
    depth: int
    count: int
    taps: int
    stride: int
    before: int
    after: int
    dilation: int
    kind: Literal["or", "and"]
    fill: int


def through(groups: Groups, claim: PoolClaim) -> Groups:
    """Returns what leaves a pooling. Raises Unproved where a sample's beats are not those of whole rows."""
    beats, width, size = groups.shape
    if width != claim.width or beats % (claim.depth * claim.count):
        raise Unproved(f"a sample has {beats} beats of {width} bits, which do not become whole rows of a pooling")
    rows = groups.reshape(-1, claim.count, claim.depth, width, size)
    constant = ONE if claim.fill else ZERO
    edges = ((0, 0), (claim.before, claim.after), (0, 0), (0, 0), (0, 0))
    rows = np.pad(rows, edges, constant_values=constant)
    outputs = (rows.shape[1] - (claim.taps - 1) * claim.dilation - 1) // claim.stride + 1
    if outputs < 1:
        raise Unproved("a window of a pooling reaches beyond its row")
    index = np.arange(outputs)[:, None] * claim.stride + np.arange(claim.taps) * claim.dilation
    taken = rows[:, index].transpose(0, 1, 3, 4, 2, 5)  # rows, windows, depth, width, taps, n
    found: Groups = taken.reshape(-1, width, claim.taps * size)
    return found


def made_of(
    network: Network, kind: str, groups: Groups, order: Callable[[int], NDArray[np.int64]]
) -> tuple[int, NDArray[np.int64]] | None:
    """Returns the Reduce that takes these bits together, and where its elements are in the stream; None for none.
    order: of a value which of the stream's bits each element is, raising Unproved where it is of others."""
    for v, op in enumerate(network.ops):
        if isinstance(op, Reduce) and op.kind == kind and isinstance(source := network.ops[op.x], Window):
            try:
                found = reduced(network, v, order(source.x), groups)
            except Unproved:
                continue
            if found is not None:
                return v, found
    return None


def reduced(network: Network, v: int, order: NDArray[np.int64], groups: Groups) -> NDArray[np.int64] | None:
    """Returns where the elements of a Reduce of the network are in the stream, (beats, width), ZERO and ANY where none
    is; None unless the groups are those that it takes together. order: which bit of the stream's value each element
    under its window is."""
    op = network.ops[v]
    assert isinstance(op, Reduce)
    source = network.ops[op.x]
    beats, _, size = groups.shape
    if not isinstance(source, Window) or source.is_pad or op.taps != math.prod(source.kernel) or op.taps != size:
        return None
    if not np.array_equal(np.sort(order), np.arange(order.size)):
        return None
    shape = network.types[source.x].shape
    named = window(source, order.reshape(shape) + 2)  # 0 and 1 are its constants
    named = np.where(named > 1, named - 2, np.where(named == 1, ONE, ZERO))
    positions, channels = math.prod(named.shape[:2]), shape[2]
    if beats % positions:
        return None
    wanted = np.sort(named.reshape(positions, size, channels).swapaxes(1, 2).reshape(-1, size), axis=1)
    some, unknown = groups.max(axis=2) >= 0, (groups == ANY).any(axis=2)
    channel = np.argsort(order)[np.maximum(groups.max(axis=2), 0)] % channels
    element = (np.arange(beats) // (beats // positions))[:, None] * channels + channel
    same = (np.sort(groups, axis=2) == wanted[element]).all(axis=2) & ~unknown
    if not same[some].all() or not np.array_equal(np.sort(element[some]), np.arange(len(wanted))):
        return None
    zero = (groups == ZERO).any(axis=2) if op.kind == "and" else (groups == ZERO).all(axis=2)
    found: NDArray[np.int64] = np.where(some, element, np.where(zero, ZERO, ANY))
    return found
