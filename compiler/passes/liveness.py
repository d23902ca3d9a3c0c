"""Which last-axis elements of each value an output depends on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Value, Window

Live = list[NDArray[np.bool_]]


def live_elements(network: Network) -> Live:
    """Returns one (C,) mask per value, none of it set for values that are not read at all.

    The masks are such that dropping the rest leaves operations of the same kind: every tap of a Reduce lives with the
    others, Input and Bitplanes stay whole, and what is read keeps at least its first element. A Window is as wide as
    its operand, so it keeps a channel for all taps or none, and maybe more than is live.
    """
    live: Live = [np.zeros(t.shape[-1], np.bool_) for t in network.types]
    needed = [False] * len(live)  # read by an operation that stays
    reduced: dict[Value, set[int]] = {}  # the numbers of taps of the reductions that read a value
    for o in network.outputs:
        live[o.value][:] = True
    for v in reversed(range(len(live))):
        op, mine = network.ops[v], live[v]
        if needed[v] and not mine.any():
            mine[0] = True
        if not mine.any():
            continue
        if isinstance(op, Input | Bitplanes):
            mine[:] = True
        if v in reduced:
            _close_reduce(op, reduced[v], mine)
        for x in _mark(network, op, mine, live):
            needed[x] = True
        if isinstance(op, Reduce):
            reduced.setdefault(op.x, set()).add(op.taps)
    return live


def _close_reduce(op: Op, taps: set[int], mine: NDArray[np.bool_]) -> None:
    """Make every tap alike where that is simple: one reduction, over what keeps exactly its live elements or taps."""
    window = op.kernel[0] * op.kernel[1] if isinstance(op, Window) and not op.is_pad else 0
    if len(taps) > 1 or isinstance(op, Reduce) or (isinstance(op, Window) and window not in taps):
        mine[:] = True
        return
    per_tap = mine.reshape(min(taps), -1)
    per_tap |= per_tap.any(axis=0)


def _mark(network: Network, op: Op, mine: NDArray[np.bool_], live: Live) -> tuple[int, ...]:
    """Mark what the live elements `mine` of an operation read; the operands that it will have."""
    match op:
        case Input():
            return ()
        case Sum():
            live[op.x] |= (op.weights[mine] != 0).any(axis=0)
            return (op.x,)
        case Compare():
            live[op.s][op.row[mine]] = True
            return (op.s,)
        case ArgMax():
            live[op.s][:] = True
            return (op.s,)
        case Bitplanes():
            live[op.x][:] = True
            return (op.x,)
        case Window():
            taps = op.kernel[0] * op.kernel[1]
            live[op.x] |= mine[: len(live[op.x]) * taps].reshape(taps, -1).any(axis=0)
            return (op.x,)
        case Reduce():
            live[op.x] |= np.tile(mine, op.taps)
            return (op.x,)
        case Gather():
            return _mark_gather(network, op, mine, live)


def _mark_gather(network: Network, op: Gather, mine: NDArray[np.bool_], live: Live) -> tuple[int, ...]:
    index = op.index[..., mine]
    used, start = [], 0
    for x in op.x:
        size = int(np.prod(network.types[x].shape))
        inside = index[(index >= start) & (index < start + size)] - start
        start += size
        if inside.size:
            live[x][inside % len(live[x])] = True
            used.append(x)
    return tuple(used) or op.x[:1]
