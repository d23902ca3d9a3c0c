"""A network as a chain of folded layers: its weights and what sums begin with; what else it has is refused, or stays
unrolled."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.ir.layers import Layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ONE, ArgMax, Bitplanes, Compare, Input, Sum, Value
from threshc.compiler.ir.split import piece
from threshc.hdl.folded.convolution import convolution
from threshc.hdl.folded.given import Entry, entry_of, entry_or_numbers
from threshc.hdl.folded.layer import BITS
from threshc.hdl.folded.pieces import Dense, Unfolded, factor, moved_bits, narrow, of_integers, refused
from threshc.hdl.folded.pooling import Pooling, pooling
from threshc.hdl.folded.position import positioned
from threshc.hdl.folded.several import several

Piece = Dense | Unfolded | Pooling
"""A part of a network between its input and its answer."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldedNetwork:
    """entry, then folded layers and layers that stay unrolled, then, if `label` is not None, the arg-max of the last
    one's sums, which is folded."""

    network: Network
    entry: Entry
    pieces: tuple[Piece, ...]
    label: Value | None

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The folded layers."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Dense))


def named_layers(network: Network) -> tuple[Layer, ...]:
    """Returns the layers that a folding names: all but the comparisons of the input."""
    return tuple(layer for layer in layers(network) if layer.kind != "compare" or layer.reads != 0)


def folded_network(
    network: Network, unrolled: Collection[int] = (), by_position: Collection[int] = ()
) -> FoldedNetwork:
    """Reads a network as such a chain. unrolled: which of its `named_layers` stay unrolled; by_position: of which one
    position is.

    Raises CompileError naming the layer that is none of it, and why.
    """
    named = named_layers(network)
    if not named:
        raise fail(
            "the network has no layer that can be folded",
            where=option("fold"),
            hint=f"compile or build it without {option('fold')}",
        )
    entry, bits = entry_of(network) if 0 not in unrolled else entry_or_numbers(network)
    pieces: list[Piece] = []
    label: Value | None = None
    for stays, numbers in groupby(range(len(named)), lambda k: k in unrolled):
        some = [named[k] for k in numbers]
        if stays:
            pieces.append(_unfolded(network, some, entry, bits, ends=some[-1] is named[-1]))
            bits = max(some[-1].values)
            continue
        for k, layer in enumerate(some, named.index(some[0])):
            if k in by_position:
                whole = bits != entry.value or entry.places is None
                pieces.append(positioned(network, layer, bits, whole=whole))
                bits = max(layer.values)
                continue
            made, label = _folded(network, layer, entry, bits, label)
            if isinstance(made, Dense) and made.several is not None and not made.several.in_order:
                made = made.by_rows() if layer is some[-1] else made  # what follows takes bits in their order
            pieces.append(made)
            bits = -1 if isinstance(made, Dense) and made.value == layer.value else made.value
    return FoldedNetwork(network, entry, tuple(pieces), label)


def unfoldable(network: Network) -> frozenset[int]:
    """Returns which of the `named_layers` cannot be folded, the others being folded or not.

    Raises CompileError, that of the first one, where none can be.
    """
    found: dict[int, CompileError] = {}
    try:
        entry, bits = entry_of(network)
    except CompileError as problem:
        found[0] = problem
        entry, bits = entry_or_numbers(network)
    label: Value | None = None
    named = named_layers(network)
    for k, layer in enumerate(named):
        try:
            _, label = _folded(network, layer, entry, bits, label)
        except CompileError as problem:
            found.setdefault(k, problem)
        bits = max(layer.values)
    if len(found) == len(named):
        folded_network(network)  # says why
    return frozenset(found)


def _folded(
    network: Network, layer: Layer, entry: Entry, bits: Value, label: Value | None
) -> tuple[Dense | Pooling, Value | None]:
    """A layer that is folded or a pooling in the stream, and the arg-max of its sums."""
    if layer.kind == "pool":
        return pooling(network, layer, entry, bits), label
    return _dense(network, layer, entry, bits, label)


def _dense(
    network: Network, layer: Layer, entry: Entry, bits: Value, label: Value | None
) -> tuple[Dense, Value | None]:
    """A layer that is folded, and the arg-max of its sums."""
    op = network.ops[layer.value]
    if layer.kind == "conv":
        return convolution(network, layer, entry, bits), label
    if not isinstance(op, Sum) or layer.kind != "dense":
        raise refused(
            layer, f"it is a layer of kind {layer.kind}", "dense layers, convolutions and poolings are folded so far"
        )
    order = moved_bits(network, op.x, bits, layer)
    readers = [network.ops[v] for v in layer.readers]
    weights, numbers = np.zeros((len(op.bias), math.prod(network.types[bits].shape)), np.int64), BITS
    np.add.at(weights.T, order[order >= 0], op.weights[:, order >= 0].T.astype(np.int64))  # bits that it skips weigh 0
    bias = op.bias + op.weights[:, order == ONE].sum(axis=1, dtype=np.int64)
    if isinstance(network.ops[bits], Bitplanes):
        weights, numbers = of_integers(weights, network.types[0], layer)
    if bits == entry.value and entry.places is not None:  # comparisons that the network has not weigh 0
        some, weights = weights, np.zeros((len(weights), entry.comparisons), np.int64)
        np.add.at(weights.T, entry.places, some.T)
    if len(readers) == 1 and isinstance(compare := readers[0], Compare):
        by = factor(weights, axis=1)[compare.row]
        row, start = compare.row, (bias[compare.row] - compare.threshold) // by
        if (found := several(row, start)) is not None:
            row, by, start = (values[found.elements[:, 0]] for values in (row, by, start))
        own = narrow(weights[row] // by[:, None])
        return Dense(layer, layer.readers[0], own, start, numbers, several=found), label
    if label is None and all(isinstance(r, ArgMax) for r in readers) and len(readers) < 2:
        common = np.gcd(factor(weights), np.gcd.reduce(bias)) if readers else np.int64(1)
        made = Dense(layer, layer.value, narrow(weights // common), bias // common, numbers)
        return made, layer.readers[0] if readers else None
    kinds = ", ".join(type(r).__name__ for r in readers)
    raise refused(layer, f"its sums are read by {kinds}", "one Compare or one ArgMax reads a folded layer")


def _unfolded(network: Network, some: list[Layer], entry: Entry, bits: Value, *, ends: bool) -> Unfolded:
    """Layers that stay unrolled, behind the value `bits`."""
    start = 0 if isinstance(network.ops[max(bits, 0)], Input | Bitplanes) else bits
    try:
        if bits < 0:
            raise fail("the sums before it leave no bits", where=network.name)
        end = len(network.ops) - 1 if ends else max(some[-1].values)
        return Unfolded(tuple(some), piece(network, start, end, network.name))
    except CompileError as problem:
        raise fail(
            "these layers cannot stay unrolled beside folded ones",
            where=f"layer {some[0].name}",
            why=problem.diagnostics[0].what + (f": {why}" if (why := problem.diagnostics[0].why) else ""),
            hint=f"give layers that belong together the same kind, or omit {option('fold')}",
        ) from None
