"""A network as a chain of folded layers: its weights of +-1 and what sums begin with; what else it has is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Lines, fail, option
from threshc.compiler.ir.layers import Layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Sum, Value, operands
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.folded.signs import Bits


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """The input. features: how many, of `bits` bits each; thresholds: (features, m), that each is compared with, () for
    inputs that are bits."""

    features: int
    bits: int
    is_signed: bool
    thresholds: NDArray[np.int64]
    value: Value

    @property
    def out(self) -> int:
        """Bits of a sample behind the comparisons."""
        return self.features * max(int(self.thresholds.shape[1]), 1)


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A dense layer. layer: of the network; value: what leaves it, bits of a Compare or a Sum's integers; negative,
    start: see `threshc.hdl.folded.layer.FoldedLayer`."""

    layer: Layer
    value: Value
    negative: Bits
    start: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FoldedNetwork:
    """entry, then dense layers, then, if `label` is not None, the arg-max of the last one's sums."""

    network: Network
    entry: Entry
    dense: tuple[Dense, ...]
    label: Value | None


def folded_network(network: Network) -> FoldedNetwork:
    """Reads a network as such a chain. Raises CompileError naming the layer that is none of it, and why."""
    entry, bits = _entry(network)
    dense: list[Dense] = []
    label: Value | None = None
    for layer in layers(network):
        if bits in layer.values:
            continue
        op = network.ops[layer.value]
        if not isinstance(op, Sum) or layer.kind != "dense":
            raise _refused(layer, f"it is a layer of kind {layer.kind}", "dense layers are folded so far")
        order = _order(network, op.x, bits, layer)
        readers = [network.ops[v] for v in layer.readers]
        negative, scale = _signs(op, layer)
        negative = negative[:, order]
        if len(readers) == 1 and isinstance(compare := readers[0], Compare):
            bits = layer.readers[0]
            need = compare.threshold - op.bias[compare.row]
            dense.append(Dense(layer, bits, negative[compare.row], -_ceiling(need, scale)))
        elif label is None and all(isinstance(r, ArgMax) for r in readers) and len(readers) < 2:
            if scale > 1 and not readers:
                raise _refused(layer, f"its weights are +-{scale}, and its scores would leave in units of that", "")
            if (op.bias % scale).any():
                raise _refused(layer, f"its weights are +-{scale}, and its biases are not multiples of that", "")
            dense.append(Dense(layer, layer.value, negative, op.bias // scale))
            label = layer.readers[0] if readers else None
            bits = -1
        else:
            kinds = ", ".join(type(r).__name__ for r in readers)
            raise _refused(layer, f"its sums are read by {kinds}", "one Compare or one ArgMax reads a folded layer")
    if not dense:
        raise fail(
            "the network has no layer that can be folded",
            where=option("fold"),
            hint=f"compile or build it without {option('fold')}",
        )
    return FoldedNetwork(network, entry, tuple(dense), label)


def _entry(network: Network) -> tuple[Entry, Value]:
    """What comes in, and the value that has its bits."""
    given, t = network.ops[0], network.types[0]
    assert isinstance(given, Input)
    count = int(np.prod(t.shape))
    if not isinstance(t, Ints):
        return Entry(count, 1, False, np.zeros((count, 0), np.int64), 0), 0
    users = network.users()[0]
    bits = len(plane_weights(t.lo, t.hi))
    if len(users) == 1 and bits == 1 and isinstance(network.ops[users[0]], Bitplanes):
        return Entry(count, 1, False, np.zeros((count, 0), np.int64), users[0]), users[0]
    if len(users) != 1 or not isinstance(compare := network.ops[users[0]], Compare):
        raise fail(
            "the input's numbers are summed, not compared",
            where=option("fold"),
            why="folded first layers take bits: inputs that the model compares with thresholds itself",
            hint="build it unrolled, or train it with inputs compared with constants",
        )
    each, left = divmod(len(compare.row), count)
    if left or not np.array_equal(compare.row, np.repeat(np.arange(count), each)):
        raise fail(
            "the input's features are not compared in order and equally often",
            where=option("fold"),
            hint=f"compile or build it without {option('fold')}: unrolled circuits take it",
        )
    return Entry(count, bits, t.lo < 0, compare.threshold.reshape(count, each), users[0]), users[0]


def _order(network: Network, x: Value, bits: Value, layer: Layer) -> NDArray[np.int64]:
    """Which column of the layer reads each of the bits before it, through Gathers that only move them."""
    chain: list[Gather] = []
    while x != bits and isinstance(op := network.ops[x], Gather) and len(op.x) == 1:
        chain.append(op)
        (x,) = operands(op)
    if x != bits:
        raise _refused(layer, "it does not read the layer before it alone", "a chain of layers is folded so far")
    count = int(np.prod(network.types[bits].shape))
    order = np.arange(count)
    for op in reversed(chain):
        order = np.where(op.index.ravel() < 0, -1, order[op.index.ravel()])
    if not np.array_equal(np.sort(order), np.arange(count)):
        raise _refused(layer, "it reads some of the bits before it twice or not at all", "")
    return np.argsort(order)


def _signs(op: Sum, layer: Layer) -> tuple[Bits, int]:
    """1 where a weight is negative, and what all weights are plus or minus."""
    size = np.abs(op.weights.astype(np.int64))
    scale = int(size.max(initial=1))
    if (size != scale).any():
        found = np.unique(op.weights)
        some = ", ".join(map(str, found[:6].tolist())) + (", ..." if len(found) > 6 else "")
        raise _refused(layer, f"its weights are {some}", "weights of two values, +c and -c, are folded so far")
    return (op.weights < 0).astype(np.uint8), scale


def _ceiling(value: NDArray[np.int64], scale: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = -(-value // scale)
    return found


def _refused(layer: Layer, why: str, hint: str) -> CompileError:
    return fail(
        "this layer cannot be folded yet",
        where=f"layer {layer.name}",
        why=Lines.of([why, *([hint] if hint else [])]),
        hint=f"compile or build it without {option('fold')}: unrolled circuits take it",
    )
