"""What the passes share. Only DropUnused and SimplifyGathers change the numbering and the shapes of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Value, Window
from threshc.compiler.ir.shapes import row_bounds
from threshc.compiler.ir.types import Ints

Rows = NDArray[np.int64]

LIMIT = 2**62
"""The verifier's bound on |weights| and |bias| of a row, together."""


def with_ops(network: Network, changed: Mapping[Value, Op]) -> Network:
    """Returns the network with some operations replaced; the very same network when there are none."""
    if not changed:
        return network
    ops = tuple(changed.get(v, op) for v, op in enumerate(network.ops))
    return Network(network.name, ops, network.outputs)


def with_operands(op: Op, new: Mapping[Value, Value]) -> Op:
    """Returns the operation reading other values."""
    match op:
        case Input():
            return op
        case Gather(x=xs):
            return replace(op, x=tuple(new[x] for x in xs))
        case Bitplanes(x=x) | Window(x=x) | Sum(x=x) | Reduce(x=x):
            return replace(op, x=new[x])
        case Compare(s=s) | ArgMax(s=s):
            return replace(op, s=new[s])


def compact(weights: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """Returns the same integers in the smallest signed dtype that holds them all."""
    lo, hi = int(weights.min()), int(weights.max())
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= lo and hi <= np.iinfo(dtype).max:
            return weights.astype(dtype)
    return weights.astype(np.int64)


def fits(weights: Rows, bias: Rows) -> bool:
    """Returns whether every row stays inside the verifier's bound."""
    return bool((np.abs(weights.astype(np.float64)).sum(axis=1) + np.abs(bias.astype(np.float64))).max() < LIMIT)


def first_equal(rows: NDArray[np.generic]) -> Rows:
    """Returns, for each row of a matrix, the index of the first row equal to it, (R,) int64."""
    if rows.shape[1] == 1:
        _, first, inverse = np.unique(rows[:, 0], return_index=True, return_inverse=True)
        result: Rows = first[inverse].astype(np.int64)
        return result
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), r) for r, row in enumerate(np.ascontiguousarray(rows))], np.int64)


def flat_channels(network: Network, values: Sequence[Value], channels: Sequence[Rows]) -> Rows:
    """Returns something per last-axis element of each value, (C,) each, repeated for every bit of the values end to
    end."""
    parts = [np.broadcast_to(c, network.types[x].shape).ravel() for x, c in zip(values, channels, strict=True)]
    return np.concatenate(parts)


def element_bounds(network: Network, v: Value, op: Op) -> tuple[Rows, Rows]:
    """Returns the smallest and largest value of each last-axis element of an Ints value, (R,) each; `op` is what makes
    v now."""
    if isinstance(op, Sum):
        return row_bounds(op)
    t = network.types[v]
    assert isinstance(t, Ints)
    return np.full(t.shape[-1], t.lo), np.full(t.shape[-1], t.hi)


def read_by_bitplanes(network: Network) -> set[Value]:
    """Returns values whose bounds must not change, because the number of planes follows from them."""
    return {op.x for op in network.ops if isinstance(op, Bitplanes)}


def read_by_compares_only(network: Network) -> set[Value]:
    """Returns sums whose rows may be rescaled: every reader is a Compare, and they are not output."""
    kept = {o.value for o in network.outputs}
    return {
        v
        for v, users in enumerate(network.users())
        if isinstance(network.ops[v], Sum) and v not in kept and all(isinstance(network.ops[u], Compare) for u in users)
    }


def compares(network: Network) -> list[tuple[Value, Compare, Sum]]:
    """Returns every Compare that reads a Sum."""
    found = []
    for v, op in enumerate(network.ops):
        if isinstance(op, Compare) and isinstance(source := network.ops[op.s], Sum):
            found.append((v, op, source))
    return found


def clamped(op: Compare, lo: Rows, hi: Rows) -> Rows:
    """Returns the thresholds moved into lo..hi+1 of their rows, where they mean the same."""
    return np.clip(op.threshold.astype(np.int64), lo[op.row], hi[op.row] + 1)
