"""The pieces of a folded network: layers that are folded or stay unrolled; and how they are read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Lines, fail, option
from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.moves import gather, window
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ONE, Gather, Value, Window, operands
from threshc.compiler.ir.ops import ZERO as ALWAYS_0
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.split import Part
from threshc.compiler.ir.types import Ints, ValueType
from threshc.hdl.folded.layer import BITS, Answer, FoldedLayer, Numbers
from threshc.hdl.folded.layout import JUNK, ZERO, Layout, in_order
from threshc.hdl.folded.several import NEVER, Several
from threshc.hdl.folded.walk import Walk
from threshc.hdl.folded.weights import weight_code


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A dense layer. layer: of the network; value: what leaves it, bits of a Compare or a Sum's integers; weights,
    start, numbers: see `threshc.hdl.folded.layer.FoldedLayer`; several: None where rows have one threshold each."""

    layer: Layer
    value: Value
    weights: NDArray[np.signedinteger]
    start: NDArray[np.int64]
    numbers: Numbers
    several: Several | None = field(default=None, kw_only=True)

    @property
    def count(self) -> int:
        """Bits that a row answers with, where it does not answer with its sum."""
        return 1 if self.several is None else self.several.count

    def by_rows(self) -> Dense:
        """Returns the same with a row for every threshold, in the order of the Compare's bits."""
        if self.several is None:
            return self
        row, need = self.several.by_rows()
        return replace(self, weights=self.weights[row], start=self.start[row] - need, several=None)

    def layout(self, pe: int, each: int = 1) -> Layout:
        """Returns what beats out of a place carry, `pe` neurons in each. each: bits of a row's answer, if that is its
        sum."""
        if self.several is None:
            return in_order(len(self.start) * each, pe * each)
        elements = np.pad(self.several.elements, ((0, -len(self.start) % pe), (0, 0)), constant_values=ZERO)
        elements[len(self.start) :, 0] = JUNK
        return Layout(elements.reshape(-1, pe * self.count))

    @property
    def inputs(self) -> int:
        """Inputs of a neuron at one place: SIMD are of these."""
        return int(self.weights.shape[1])

    @property
    def positions(self) -> int:
        """Places at which it is applied."""
        return 1

    def first(self, simd: int) -> int:
        """Returns how many inputs a beat has best where the layer is the first one."""
        return simd

    def chunks(self, pe: int, simd: int, beats: int = 0) -> int:
        """Returns the steps of a pass. beats: that its inputs of one place come in, 0 for as few as there can be."""
        return beats or -(-self.inputs // simd)

    def depth(self, pe: int, simd: int) -> int:
        """Returns the weight words: steps at one place."""
        return -(-len(self.start) // pe) * self.chunks(pe, simd)

    def parts(self, pe: int, simd: int) -> int:
        """Returns in how many blocks its inputs are read, each by neurons of its own."""
        return 1

    def way(self, pe: int, simd: int, beats: int = 0) -> Walk | None:
        """Returns the way over a map, None for a layer of one place. beats: that a pixel comes in, 0 for the fewest."""
        return None

    def folded(self, pe: int, simd: int, answer: Answer, inputs: int, carried: Layout) -> FoldedLayer:
        """Returns the layer with so many neurons and inputs at a time, for tables of so many inputs. carried: bits of
        the beats that it takes. Rows that PE has too many are the last one again."""
        code, name = weight_code(self.weights, inputs), self.layer.name
        columns = carried.elements.ravel()[:: self.numbers.bits] // self.numbers.bits
        more = ((0, -len(self.start) % pe),)
        some = int(np.flatnonzero(columns >= 0).max()) + 1
        columns = columns[: max(some, len(columns) - simd + 1)]  # the layer adds those behind by itself
        weights = np.where(columns < 0, code.padding, self.weights[:, columns]).astype(self.weights.dtype)
        weights = np.pad(weights, (*more, (0, 0)), mode="edge")
        start = np.pad(self.start, more, mode="edge")
        needs = elements = None
        if self.several is not None:
            answer, elements = "levels", self.several.elements
            needs = np.pad(self.several.needs[:, 1:], (*more, (0, 0)), constant_values=NEVER)
        made = FoldedLayer(name, weights, start, pe, simd, answer, inputs, code, self.numbers, needs=needs)
        return replace(made, elements=elements)


@dataclass(frozen=True, slots=True, eq=False)
class Unfolded:
    """Layers one behind the other that stay unrolled, and what they compute as a network of its own."""

    layers: tuple[Layer, ...]
    part: Part


def moved_bits(network: Network, x: Value, bits: Value, layer: Layer) -> NDArray[np.int64]:
    """Returns which of the bits of the value `bits` each of `x` is, through Gathers and Windows, which only move them:
    (elements of x,), for constants what a Gather has for them.

    Raises CompileError where `x` is made of another value.
    """
    chain: list[Gather | Window] = []
    while x != bits and isinstance(op := network.ops[x], Gather | Window) and len(operands(op)) == 1:
        chain.append(op)
        (x,) = operands(op)
    if x != bits:
        raise refused(layer, "it does not read the layer before it alone", "a chain of layers is folded so far")
    shape = network.types[bits].shape
    names: NDArray[np.int64] = np.arange(int(np.prod(shape))).reshape(shape)
    for op in reversed(chain):
        names = gather(op, [names], ALWAYS_0, ONE) if isinstance(op, Gather) else window(op, names, ALWAYS_0, ONE)
    return names.ravel()


def bits_read(network: Network, x: Value, bits: Value, layer: Layer) -> NDArray[np.int64]:
    """Returns the same where `x` is all of these bits, each once. Raises CompileError where it is not."""
    order = moved_bits(network, x, bits, layer)
    if not np.array_equal(np.sort(order), np.arange(int(np.prod(network.types[bits].shape)))):
        raise refused(layer, "it reads some of the bits before it twice or not at all", "")
    return order


def of_integers(weights: NDArray[np.int64], given: ValueType, layer: Layer) -> tuple[NDArray[np.int64], Numbers]:
    """Returns the weights of a layer's inputs, (rows, columns), and what these are: the network's input's integers,
    whose bits the layer weighs with powers of two. Raises CompileError where it weighs them otherwise."""
    assert isinstance(given, Ints)
    planes = np.array(plane_weights(given.lo, given.hi))
    if len(planes) == 1:
        return weights, BITS
    bits = weights.reshape(len(weights), -1, len(planes))
    if (bits != bits[..., :1] * planes).any():
        raise refused(layer, "it weighs bits of the input's integers otherwise than by powers of two", "")
    return np.ascontiguousarray(bits[..., 0]), Numbers(len(planes), given.lo < 0)


def narrow(weights: NDArray[np.int64]) -> NDArray[np.signedinteger]:
    """Returns the same in the narrowest type: there may be millions."""
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return weights.astype(kind)
    return weights


def factor(weights: NDArray[np.int64], axis: int | None = None) -> NDArray[np.int64]:
    """Returns the largest number that divides all weights, of each row for axis 1; 1 where they are 0."""
    found: NDArray[np.int64] = np.gcd.reduce(np.abs(weights), axis=axis)
    return np.maximum(found, 1)


def refused(layer: Layer, why: str, hint: str) -> CompileError:
    """Returns the error for a layer that is not folded. hint: a second reason, "" for none."""
    return fail(
        "this layer cannot be folded yet",
        where=f"layer {layer.name}",
        why=Lines.of([why, *([hint] if hint else [])]),
        hint=f"compile or build it without {option('fold')}: unrolled circuits take it",
    )
