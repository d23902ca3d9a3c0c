"""Circuits of one position against a network's maps: windows over a map, and what the network is at one place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Gather, Value, Window
from threshc.compiler.ir.split import at_position
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.check import check
from threshc.hdl.proof.folded_stream import Carried, in_order


@dataclass(frozen=True, slots=True)
class WindowClaim:
    """A window that slides over a map of `height` rows of `row` pixels, `width` bits each, which come one by one; it
    leaves position after position, with all taps in a beat. kernel to is_pad: as of `threshc.compiler.ir.ops.Window`,
    of pads those above and on the left; shape: rows and columns of positions."""

    width: int
    height: int
    row: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]
    dilation: tuple[int, int]
    shape: tuple[int, int]
    fill: int
    is_pad: bool


@dataclass(frozen=True, slots=True)
class PositionClaim:
    """A layer of maps up to value `end` of the network, a position in a beat: the circuit of the certificate."""

    certificate: Certificate
    end: int


def over_map(
    network: Network, value: Value, carried: Carried, part: WindowClaim | PositionClaim
) -> tuple[Value, Carried]:
    """Returns the value that leaves a part, and its beats, a position in each. value: of the network, whose bits the
    stream carries in their order.

    Raises Unproved where the network has no such window, or does something else at a position.
    """
    if isinstance(part, WindowClaim):
        carried.into(part.width)
        value = _window(network, _map(network, value), part)
        return value, _positions(network, value)
    carried.into(part.certificate.inputs)
    start = _map(network, value)
    if not start < part.end < len(network.ops) or network.types[start].shape[-1] != carried.width:
        raise Unproved("it is not given a position in a beat")
    try:
        rest = at_position(network, start, part.end, network.name)
    except CompileError as problem:
        raise Unproved(problem.diagnostics[0].what) from None
    check(rest.network, part.certificate)
    return part.end, _positions(network, part.end)


def _positions(network: Network, value: Value) -> Carried:
    shape = network.types[value].shape
    return in_order(math.prod(shape), shape[-1])


def _map(network: Network, value: Value) -> Value:
    """Returns the value that has the same bits as another one in the same order as a map; itself if it is one.

    Raises Unproved where there is none.
    """
    while len(network.types[value].shape) != 3:
        found = [user for user in network.users()[value] if _keeps_order(network, value, user)]
        if not found:
            raise Unproved(f"the bits of value {value} are not read as a map, in their order")
        value = found[0]
    return value


def _window(network: Network, value: Value, claim: WindowClaim) -> Value:
    """Returns the Window of the network over the map `value`, which the claim is of. Raises Unproved without one."""
    if network.types[value].shape != (claim.height, claim.row, claim.width):
        raise Unproved(f"the map has the shape {network.types[value].shape}")
    for user in network.users()[value]:
        op = network.ops[user]
        if isinstance(op, Window):
            taps = op.kernel == claim.kernel and op.stride == claim.stride and op.dilation == claim.dilation
            shape = network.types[user].shape[:2] == claim.shape and op.pads[:2] == claim.before
            if taps and shape and (op.fill, op.is_pad) == (claim.fill, claim.is_pad):
                return user
    raise Unproved(f"the network has no such window over value {value}")


def _keeps_order(network: Network, value: Value, user: Value) -> bool:
    """Whether an operation has the bits of a value that it reads, in their order."""
    op = network.ops[user]
    if isinstance(op, Bitplanes):
        return value == 0  # the input's bits come in the order of the planes
    count = int(np.prod(network.types[value].shape))
    return isinstance(op, Gather) and len(op.x) == 1 and np.array_equal(op.index.ravel(), np.arange(count))
