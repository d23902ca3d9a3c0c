"""Gathers of Gathers become one, and Gathers that change nothing go away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Gather, Op, Value
from threshc.compiler.passes.common import Rows, with_operands


@dataclass(frozen=True)
class SimplifyGathers:
    """A Gather is only wires, so a chain of them is one; the ones in between are left for DropUnused."""

    def apply(self, network: Network) -> Network:
        """Returns the network in which every Gather reads bits where they are made, and none only copies a value."""
        ops: list[Op] = []
        new: dict[Value, Value] = {}  # values of the network to those of the result
        shapes: list[tuple[int, ...]] = []
        changed = False
        for v, old in enumerate(network.ops):
            op = with_operands(old, new)
            if isinstance(op, Gather) and any(isinstance(ops[x], Gather) for x in op.x):
                op, changed = _compose(op, ops, shapes), True
            if isinstance(op, Gather) and _is_copy(op, shapes):
                new[v], changed = op.x[0], True
                continue
            new[v] = len(ops)
            ops.append(op)
            shapes.append(network.types[v].shape)
        if not changed:
            return network
        return Network(network.name, tuple(ops), tuple(replace(o, value=new[o.value]) for o in network.outputs))


def _is_copy(op: Gather, shapes: list[tuple[int, ...]]) -> bool:
    return (
        len(op.x) == 1
        and op.index.shape == shapes[op.x[0]]
        and bool((op.index.ravel() == np.arange(op.index.size)).all())
    )


def _compose(op: Gather, ops: list[Op], shapes: list[tuple[int, ...]]) -> Gather:
    """The same bits, read from the operands of the Gathers among the operands."""
    operands: list[Value] = []
    for x in op.x:
        source = ops[x]
        operands += source.x if isinstance(source, Gather) else (x,)
    operands = list(dict.fromkeys(operands))
    starts = dict(zip(operands, np.cumsum([0, *(_size(shapes[x]) for x in operands)]).tolist(), strict=False))
    parts: list[Rows] = []  # for each bit of op.x laid end to end, where it is now
    for x in op.x:
        source = ops[x]
        if not isinstance(source, Gather):
            parts.append(starts[x] + np.arange(_size(shapes[x])))
            continue
        inner = np.concatenate([starts[y] + np.arange(_size(shapes[y])) for y in source.x])
        index = source.index.ravel()
        parts.append(np.where(index >= 0, inner[np.maximum(index, 0)], index))
    where = np.concatenate(parts)
    index = np.where(op.index >= 0, where[np.maximum(op.index, 0)], op.index)
    return replace(op, x=tuple(operands), index=index)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))
