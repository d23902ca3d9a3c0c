"""A network as a chain of folded layers: its weights and what sums begin with; what else it has is refused, or stays
unrolled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Lines, fail, option
from threshc.compiler.ir.layers import Layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Sum, Value, operands
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.split import Part, piece
from threshc.compiler.ir.types import Ints, ValueType
from threshc.hdl.folded.given import Entry, entry_of, entry_or_numbers
from threshc.hdl.folded.layer import BITS, Answer, FoldedLayer, Numbers
from threshc.hdl.folded.layout import Layout
from threshc.hdl.folded.weights import weight_code


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A dense layer. layer: of the network; value: what leaves it, bits of a Compare or a Sum's integers; weights,
    start, numbers: see `threshc.hdl.folded.layer.FoldedLayer`."""

    layer: Layer
    value: Value
    weights: NDArray[np.signedinteger]
    start: NDArray[np.int64]
    numbers: Numbers

    def folded(self, pe: int, simd: int, answer: Answer, inputs: int, carried: Layout) -> FoldedLayer:
        """Returns the layer with so many neurons and inputs at a time, for tables of so many inputs. carried: bits of
        the beats that it takes. Rows that PE has too many are the last one again."""
        code, name = weight_code(self.weights, inputs), self.layer.name
        columns = carried.elements.ravel()[:: self.numbers.bits] // self.numbers.bits
        more = ((0, -len(self.start) % pe),)
        columns = columns[: int(np.flatnonzero(columns >= 0).max()) + 1]  # the layer adds those behind by itself
        weights = np.where(columns < 0, code.padding, self.weights[:, columns]).astype(self.weights.dtype)
        weights = np.pad(weights, (*more, (0, 0)), mode="edge")
        start = np.pad(self.start, more, mode="edge")
        return FoldedLayer(name, weights, start, pe, simd, answer, inputs, code, self.numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Unfolded:
    """Layers one behind the other that stay unrolled, and what they compute as a network of its own."""

    layers: tuple[Layer, ...]
    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class FoldedNetwork:
    """entry, then folded layers and layers that stay unrolled, then, if `label` is not None, the arg-max of the last
    one's sums, which is folded."""

    network: Network
    entry: Entry
    pieces: tuple[Dense | Unfolded, ...]
    label: Value | None

    @property
    def dense(self) -> tuple[Dense, ...]:
        """The folded layers."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Dense))


def named_layers(network: Network) -> tuple[Layer, ...]:
    """Returns the layers that a folding names: all but the comparisons of the input."""
    return tuple(layer for layer in layers(network) if layer.kind != "compare" or layer.reads != 0)


def folded_network(network: Network, unrolled: Collection[int] = ()) -> FoldedNetwork:
    """Reads a network as such a chain. unrolled: which of its `named_layers` stay unrolled.

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
    pieces: list[Dense | Unfolded] = []
    label: Value | None = None
    kinds = groupby(range(len(named)), lambda k: k in unrolled)
    for stays, numbers in kinds:
        some = [named[k] for k in numbers]
        if stays:
            pieces.append(_unfolded(network, some, entry, bits, ends=some[-1] is named[-1]))
            bits = max(some[-1].values)
            continue
        for layer in some:
            made, label = _dense(network, layer, entry, bits, label)
            pieces.append(made)
            bits = -1 if made.value == layer.value else made.value
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
            _, label = _dense(network, layer, entry, bits, label)
        except CompileError as problem:
            found.setdefault(k, problem)
        bits = max(layer.values)
    if len(found) == len(named):
        folded_network(network)  # says why
    return frozenset(found)


def _dense(
    network: Network, layer: Layer, entry: Entry, bits: Value, label: Value | None
) -> tuple[Dense, Value | None]:
    """A layer that is folded, and the arg-max of its sums."""
    op = network.ops[layer.value]
    if not isinstance(op, Sum) or layer.kind != "dense":
        raise _refused(layer, f"it is a layer of kind {layer.kind}", "dense layers are folded so far")
    order = _order(network, op.x, bits, layer)
    readers = [network.ops[v] for v in layer.readers]
    weights, numbers = op.weights[:, order].astype(np.int64), BITS
    if isinstance(network.ops[bits], Bitplanes):
        weights, numbers = _of_integers(weights, network.types[0], layer)
    if bits == entry.value and entry.places is not None:  # comparisons that the network has not weigh 0
        some, weights = weights, np.zeros((len(weights), entry.comparisons), np.int64)
        np.add.at(weights.T, entry.places, some.T)
    if len(readers) == 1 and isinstance(compare := readers[0], Compare):
        factor = _factor(weights, axis=1)[compare.row]
        start = (op.bias[compare.row] - compare.threshold) // factor
        return Dense(layer, layer.readers[0], _narrow(weights[compare.row] // factor[:, None]), start, numbers), label
    if label is None and all(isinstance(r, ArgMax) for r in readers) and len(readers) < 2:
        common = np.gcd(_factor(weights), np.gcd.reduce(op.bias)) if readers else np.int64(1)
        made = Dense(layer, layer.value, _narrow(weights // common), op.bias // common, numbers)
        return made, layer.readers[0] if readers else None
    kinds = ", ".join(type(r).__name__ for r in readers)
    raise _refused(layer, f"its sums are read by {kinds}", "one Compare or one ArgMax reads a folded layer")


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


def _of_integers(weights: NDArray[np.int64], given: ValueType, layer: Layer) -> tuple[NDArray[np.int64], Numbers]:
    """The weights of a layer's inputs, (rows, columns), and what these are: the network's input's integers, whose bits
    the layer weighs with powers of two."""
    assert isinstance(given, Ints)
    planes = np.array(plane_weights(given.lo, given.hi))
    if len(planes) == 1:
        return weights, BITS
    bits = weights.reshape(len(weights), -1, len(planes))
    if (bits != bits[..., :1] * planes).any():
        raise _refused(layer, "it weighs bits of the input's integers otherwise than by powers of two", "")
    return np.ascontiguousarray(bits[..., 0]), Numbers(len(planes), given.lo < 0)


def _narrow(weights: NDArray[np.int64]) -> NDArray[np.signedinteger]:
    """The same in the narrowest type: there may be millions."""
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return weights.astype(kind)
    return weights


def _factor(weights: NDArray[np.int64], axis: int | None = None) -> NDArray[np.int64]:
    """The largest number that divides all weights, of each row for axis 1; 1 where they are 0."""
    found: NDArray[np.int64] = np.gcd.reduce(np.abs(weights), axis=axis)
    return np.maximum(found, 1)


def _refused(layer: Layer, why: str, hint: str) -> CompileError:
    return fail(
        "this layer cannot be folded yet",
        where=f"layer {layer.name}",
        why=Lines.of([why, *([hint] if hint else [])]),
        hint=f"compile or build it without {option('fold')}: unrolled circuits take it",
    )
