"""Operations, bits and sums that no output depends on go away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Value, Window, operands
from threshc.compiler.passes.common import Rows, with_operands
from threshc.compiler.passes.liveness import live_elements


@dataclass(frozen=True)
class DropUnused:
    """Last-axis elements are kept or dropped as a whole. The input and its bit planes stay unchanged, and a value
    that is read keeps at least one element."""

    def apply(self, network: Network) -> Network:
        """Returns the network without what no output depends on."""
        live = live_elements(network)
        ops: list[Op] = []
        new: dict[Value, Value] = {}
        kept: dict[Value, Rows] = {}  # the elements that are left of each value
        for v, op in enumerate(network.ops):
            if v and not live[v].any():
                continue
            kept[v] = _kept(network, op, live[v], kept)
            new[v] = len(ops)
            ops.append(with_operands(_shrink(network, op, live[v], kept, kept[v]), new))
        full = all(len(k) == network.types[v].shape[-1] for v, k in kept.items())
        before = sum(len(operands(op)) for op in network.ops)
        if full and len(ops) == len(network.ops) and before == sum(len(operands(op)) for op in ops):
            return network
        return Network(network.name, tuple(ops), tuple(replace(o, value=new[o.value]) for o in network.outputs))


def _kept(network: Network, op: Op, live: NDArray[np.bool_], kept: dict[Value, Rows]) -> Rows:
    """Windows and reductions keep what their operand keeps, the others what is live."""
    match op:
        case Window():
            taps, width = op.kernel[0] * op.kernel[1], network.types[op.x].shape[-1]
            bits = (np.arange(taps)[:, None] * width + kept[op.x]).ravel()
            pads = taps * width + np.arange(taps)
            return np.concatenate([bits, pads]) if live[taps * width :].any() else bits
        case Reduce():
            return kept[op.x][: len(kept[op.x]) // op.taps]  # those of the first tap
        case _:
            return np.flatnonzero(live)


def _shrink(network: Network, op: Op, live: NDArray[np.bool_], kept: dict[Value, Rows], mine: Rows) -> Op:
    match op:
        case Sum():
            return replace(op, weights=op.weights[np.ix_(mine, kept[op.x])], bias=op.bias[mine])
        case Compare():
            row = np.searchsorted(kept[op.s], op.row[mine])
            return replace(op, row=row.astype(np.int64), threshold=op.threshold[mine])
        case Window():
            taps = op.kernel[0] * op.kernel[1]
            return replace(op, is_pad=op.is_pad and bool(live[len(live) - taps :].any()))
        case Gather():
            return _shrink_gather(network, op, kept, mine)
        case Input() | Bitplanes() | Reduce() | ArgMax():
            return op


def _shrink_gather(network: Network, op: Gather, kept: dict[Value, Rows], mine: Rows) -> Gather:
    index = op.index[..., mine]
    where: list[Rows] = []  # for each bit of op.x laid end to end, where it is now
    used: list[Value] = []
    start = end = 0
    for x in op.x:
        shape = network.types[x].shape
        size = int(np.prod(shape))
        inside = (index >= start) & (index < start + size)
        start += size
        if not inside.any():
            where.append(np.zeros(size, np.int64))
            continue
        left = len(kept[x])
        channel = np.zeros(shape[-1], np.int64)
        channel[kept[x]] = np.arange(left)
        leading = np.arange(size // shape[-1])[:, None] * left
        where.append((end + leading + channel).ravel())
        used.append(x)
        end += size // shape[-1] * left
    index = np.where(index >= 0, np.concatenate(where)[np.maximum(index, 0)], index)
    return replace(op, x=tuple(used) or op.x[:1], index=index)
