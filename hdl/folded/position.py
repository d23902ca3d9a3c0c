"""Layers of maps as one circuit for all positions, fed by a window that slides over the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Gather, Value, Window, operands
from threshc.compiler.ir.split import at_position
from threshc.hdl.folded.pieces import Unfolded
from threshc.hdl.folded.scan import Scan


@dataclass(frozen=True, slots=True, eq=False)
class Positioned(Unfolded):
    """A layer of which one position is unrolled. window: its Window, None for a position that is a pixel; scan: over
    the map; width: bits of a pixel."""

    window: Window | None
    scan: Scan
    width: int


def positioned(network: Network, layer: Layer, bits: Value, *, whole: bool) -> Positioned:
    """Returns a layer of maps, which reads the value `bits`. whole: the stream has all of these, in order.

    Raises CompileError where it is none.
    """
    if not layer.positions:
        raise _refused(layer, f"it is a layer of kind {layer.kind}, at one position")
    (start,) = operands(network.ops[layer.value])
    window = None if layer.window is None else network.ops[layer.window]
    assert window is None or isinstance(window, Window)
    source = start if window is None else window.x
    height, width, channels = network.types[source].shape
    if not whole or not _in_order(network, source, bits):
        raise _refused(layer, "its pixels are not in the order in which the stream brings them")
    try:
        part = at_position(network, start, max(layer.values), network.name)
    except CompileError as problem:
        raise _refused(layer, problem.diagnostics[0].what) from None
    if window is None:
        return Positioned((layer,), part, None, Scan(height, width, (1, 1)), channels)
    scan = Scan(height, width, window.kernel, window.stride, window.pads, window.dilation)
    return Positioned((layer,), part, window, scan, channels)


def _in_order(network: Network, x: Value, bits: Value) -> bool:
    """Whether a value is another one, through Gathers that only change its shape."""
    while x != bits:
        op = network.ops[x]
        if not isinstance(op, Gather) or len(op.x) != 1:
            return False
        (x,) = op.x
        if not np.array_equal(op.index.ravel(), np.arange(np.prod(network.types[x].shape))):
            return False
    return True


def _refused(layer: Layer, why: str) -> CompileError:
    return fail(
        "this layer cannot be folded over positions",
        where=f"layer {layer.name}",
        why=why,
        hint=f"fold it otherwise in {option('fold')}, or leave it unrolled",
    )
