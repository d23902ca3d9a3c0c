"""Which bits of a stream the elements of a value are, through operations that only move bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Gather, Value, Window, operands
from threshc.compiler.ir.types import Ints
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.routes import gather, window


def order_of(network: Network, v: Value, value: Value, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns which of the stream's bits each element of value `v` is; negative for what is always 0.

    value: what the stream carries; order: which of its bits each of that one's elements is. Raises Unproved where `v`
    is made of another value, or has bits that are always 1.
    """
    moves: list[Gather | Window] = []
    while v != value:
        op = network.ops[v]
        if isinstance(op, Bitplanes) and op.x == value == 0:
            break  # the input's bits, in the order in which they come
        if not isinstance(op, Gather | Window) or len(operands(op)) != 1:
            raise Unproved(f"the layer does not read value {value} alone")
        moves.append(op)
        (v,) = operands(op)
    else:
        if isinstance(network.types[v], Ints):
            raise Unproved("its input is not of bits")
    if moves:  # as literals, of which 0 and 1 are the constants
        names = (order + 2).reshape(network.types[v].shape)
        for move in reversed(moves):
            names = gather(move, [names]) if isinstance(move, Gather) else window(move, names)
        order = names.ravel() - 2
    if (order == -1).any():
        raise Unproved("the layer reads bits that are always 1")
    return order
