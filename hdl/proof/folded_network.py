"""A chain of folded layers against the network: widths, order of bits, weights, thresholds, the arg-max.

It takes of each part what the part is: a layer is `start_r + sum_i w_ri x_i` of the bits in the order in which they
come, its sign or all of it, row after row; a converter changes the width of beats and keeps the order of bits; an entry
compares features; an arg-max answers with the index of a sample's largest sum; what is unrolled is its certificate's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Compare, Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.split import piece
from threshc.compiler.ir.types import Ints
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.check import check
from threshc.hdl.proof.folded_convolution import ConvolutionClaim, check_convolution, sum_of_window
from threshc.hdl.proof.folded_entry import EntryClaim, compared
from threshc.hdl.proof.folded_levels import check_levels
from threshc.hdl.proof.folded_maps import PositionClaim, WindowClaim, over_map
from threshc.hdl.proof.folded_memory import FoldedLayerClaim, check_range, decode
from threshc.hdl.proof.folded_order import order_of
from threshc.hdl.proof.folded_pool import Groups, PoolClaim, made_of, through
from threshc.hdl.proof.folded_stream import ANY, ZERO, Carried, Converter, in_order


@dataclass(frozen=True, slots=True)
class ArgMaxClaim:
    """The index of the largest of `count` sums of `width` bits in two's complement, the lowest among equals."""

    count: int
    width: int


@dataclass(frozen=True, slots=True)
class UnrolledClaim:
    """Layers that stay unrolled, up to value `end` of the network or, where it is of the last layer, to its outputs: a
    sample in a beat, the circuit of the certificate."""

    certificate: Certificate
    end: int


Part = (
    EntryClaim
    | Converter
    | PoolClaim
    | FoldedLayerClaim
    | ConvolutionClaim
    | ArgMaxClaim
    | UnrolledClaim
    | WindowClaim
    | PositionClaim
)


class Outside(NamedTuple):
    """The outside of a chain. width: of beats in, bits; value: of the network, that it answers with, a
    sample's being `bits` wide; out: width of beats out."""

    width: int
    value: int
    bits: int
    out: int


def check_network(network: Network, outside: Outside, parts: Sequence[Part]) -> str:
    """Returns what the chain answers with, in words.

    Raises Unproved, with the part, unless that is the value it should be, an output of the network, for every sample.
    """
    reader = _Reader(network, outside.width)
    for k, part in enumerate(parts):
        try:
            reader.take(part)
        except Unproved as problem:
            raise Unproved(f"part {k} of the chain: {problem}", problem.hint) from None
    named = [output.kind for output in network.outputs if output.value == reader.value]
    bits = reader.carried.bits.ravel()
    whole = np.full(len(bits), ZERO, np.int64)  # the value, and zeros in what is left of the last beat
    whole[: reader.bits] = np.arange(reader.bits)
    ends = (reader.value, reader.bits, reader.carried.width) == outside[1:] and np.array_equal(bits, whole)
    if not named or not reader.whole or not ends:
        raise Unproved("the chain does not answer with what it should, or with no output of the network")
    return f"{named[0]} (value {reader.value}), {reader.bits} bits of a sample in beats of {reader.carried.width}"


class _Reader:
    """What the stream carries so far. value: of the network, its elements in row-major order; bits: of a sample;
    carried: where they are in beats; whole: the stream is the value, not only in the order of its elements; places:
    which of the bits each element is, None for the same; pooled: behind one axis of a pooling its kind, and what each
    bit is the or / and of, else None."""

    def __init__(self, network: Network, width: int) -> None:
        t = network.types[0]
        self.network, self.value, self.whole = network, 0, True
        self.places: NDArray[np.int64] | None = None
        self.pooled: tuple[str, Groups] | None = None
        self.bits = math.prod(t.shape) * (len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1)
        self.carried = in_order(self.bits, width)

    def take(self, part: Part) -> None:
        """Goes through a part."""
        if self.pooled is not None and not isinstance(part, PoolClaim):
            raise Unproved("it is given what no pooling of the network is")
        match part:
            case PoolClaim():
                self._pool(part)
            case EntryClaim():
                self._entry(part)
            case FoldedLayerClaim():
                self._layer(part)
            case ConvolutionClaim():
                self._convolution(part)
            case ArgMaxClaim():
                self._arg_max(part)
            case UnrolledClaim():
                self._unrolled(part)
            case WindowClaim() | PositionClaim():
                self._map(part)
            case _:
                self.carried = self.carried.through(part)

    def _reader(self, kind: type[Compare] | type[ArgMax], rows: int) -> int:
        """The value of this kind that is made of the stream's, with so many elements."""
        for v in self.network.users()[self.value]:
            if isinstance(self.network.ops[v], kind) and math.prod(self.network.types[v].shape) == rows:
                return v
        raise Unproved(f"value {self.value} of the network has no {kind.__name__} of {rows} elements")

    def _entry(self, part: EntryClaim) -> None:
        if self.value:
            raise Unproved("only the input's numbers are compared")
        found = compared(self.network, self.carried, part)
        self.value, self.bits, self.places, self.carried = found
        self.whole = self.places is None

    def _order(self, v: int) -> NDArray[np.int64]:
        """Which of the stream's bits each element of a value is; negative for what is always 0."""
        return order_of(self.network, v, self.value, np.arange(self.bits) if self.places is None else self.places)

    def _sum(self) -> tuple[int, NDArray[np.int64]]:
        """The next Sum, and its weights of the stream's bits in their order."""
        for v, op in enumerate(self.network.ops):
            if v > self.value and isinstance(op, Sum):
                order = self._order(op.x)
                if len(order) != op.weights.shape[1]:
                    raise Unproved(f"the network's sum has {op.weights.shape[1]} inputs, not {len(order)}")
                weights = np.zeros((len(op.bias), self.bits), np.int64)
                some = order >= 0
                np.add.at(weights.T, order[some], op.weights[:, some].T.astype(np.int64))
                return v, weights
        raise Unproved("the network has no further layer")

    def _layer(self, part: FoldedLayerClaim) -> None:
        self.carried.into(part.beat_bits)
        read = self.carried.bits.ravel()
        if len(self.carried.bits) != part.chunks:
            raise Unproved(f"it takes {part.chunks} beats of a sample and is given {len(self.carried.bits)}")
        if (read == ANY).any():
            raise Unproved("it takes bits that may be anything")
        decoded, start = decode(part)
        check_range(part, np.where(read == ZERO, 0, decoded), start)
        v, weights = self._sum()
        held = np.zeros((part.rows, self.bits), np.int64)
        np.add.at(held.T, read[read >= 0], decoded[:, read >= 0].T)
        op = self.network.ops[v]
        assert isinstance(op, Sum)
        self.value = v
        row, bias = np.arange(len(op.bias)), op.bias
        if part.answer == "levels":
            count = sum(j >= 0 for bits in part.elements for j in bits)
            self.value, compare = self._compare(count, 1)
            elements = check_levels(part, compare, weights, bias, held, start)
            self.bits, self.places, self.whole = count, None, True
            self.carried = Carried(elements.reshape(part.groups, -1))
            return
        if part.answer == "bits":
            self.value, compare = self._compare(part.rows, part.pe)
            row, bias = compare.row, op.bias[compare.row] - compare.threshold
        if not 0 <= part.rows - len(row) < part.pe:  # those too many are nobody's
            raise Unproved(f"it has {part.rows} rows, the network's layer {len(row)}")
        weights, held, start = weights[row], held[: len(row)], start[: len(row)]
        axis = 1 if part.answer == "bits" else None  # sums are all in the same units
        scale = np.abs(weights).sum(axis=axis) // np.maximum(np.abs(held).sum(axis=axis), 1)
        scale = np.broadcast_to(np.maximum(scale, 1), len(row))
        wrong = (weights != scale[:, None] * held).any(axis=1)
        # scale * (start + held x) >= 0 where scale * held x + bias >= 0: start is bias / scale, rounded down.
        wrong |= start != bias // scale
        if part.answer == "sums":
            wrong |= bias % scale != 0
        if wrong.any():
            raise Unproved(f"the memory has other weights or another threshold in row {int(wrong.argmax())}")
        each = part.bits if part.answer == "sums" else 1
        self.bits, self.places = len(row) * each, None
        self.carried = in_order(self.bits, part.pe * each)
        self.whole = part.answer == "bits" or bool(scale[0] == 1)

    def _compare(self, rows: int, pe: int) -> tuple[int, Compare]:
        """The Compare of the layer's sums, whose bits it answers with; of `rows` fewer than `pe` may be too many."""
        for v in self.network.users()[self.value]:
            if isinstance(op := self.network.ops[v], Compare) and 0 <= rows - len(op.row) < pe:
                return v, op
        raise Unproved(f"value {self.value} of the network has no Compare of {rows} elements")

    def _pool(self, part: PoolClaim) -> None:
        """One axis of a window; behind the last one the stream is the Reduce's."""
        self.carried.into(part.width)
        kind, groups = self.pooled or (part.kind, self.carried.bits[..., None])
        if kind != part.kind:
            raise Unproved("one axis of a pooling is an or, another an and")
        groups = through(groups, part)
        self.pooled = kind, groups
        found = made_of(self.network, part.kind, groups, self._order)
        if found is not None:
            self.value, self.carried = found[0], Carried(found[1])
            self.bits, self.places, self.whole = math.prod(self.network.types[self.value].shape), None, True
            self.pooled = None

    def _convolution(self, part: ConvolutionClaim) -> None:
        """A layer at every position of a window, or of a map without one."""
        self.carried.into(part.layer.code.inputs)
        self.value, op, named = sum_of_window(self.network, self.value, self._order)
        self.value, compare = self._compare(part.layer.rows, part.layer.pe)
        self.carried = check_convolution(part, self.carried, named, op, compare)
        self.bits, self.places, self.whole = len(named) * len(compare.row), None, True

    def _arg_max(self, part: ArgMaxClaim) -> None:
        self.carried.into(part.width)
        t, bits = self.network.types[self.value], part.count * part.width
        if not isinstance(t, Ints) or self.bits != bits or self.carried.bits.ravel().tolist() != [*range(bits)]:
            raise Unproved("it is not given the sums of a sample")
        self.value = self._reader(ArgMax, 1)
        self.bits, self.whole = max((part.count - 1).bit_length(), 1), True
        self.carried = in_order(self.bits, self.bits)

    def _unrolled(self, part: UnrolledClaim) -> None:
        """What the network does from the stream's value on is a network of its own, which the certificate is of."""
        self.carried.into(part.certificate.inputs)
        end = len(self.network.ops) - 1 if part.end == max(layers(self.network)[-1].values) else part.end
        if not self.whole or self.carried.bits.tolist() != [[*range(self.bits)]] or end <= self.value:
            raise Unproved("it is not given all bits of a value in a beat, in their order")
        try:
            rest = piece(self.network, self.value, end, self.network.name)
        except CompileError as problem:
            raise Unproved(problem.diagnostics[0].what) from None
        check(rest.network, part.certificate)
        (field, *others) = part.certificate.fields
        if others:
            raise Unproved("it answers with more than one thing")
        self.value, self.bits = field.value + rest.offset, field.width
        self.carried = in_order(self.bits, self.bits)

    def _map(self, part: WindowClaim | PositionClaim) -> None:
        """A window over the stream's map, or a layer at one position after the other."""
        if not self.whole or self.carried.bits.ravel().tolist() != [*range(self.bits)]:
            raise Unproved("it is not given all bits of a map, a pixel in a beat")
        self.value, self.carried = over_map(self.network, self.value, self.carried, part)
        self.bits = self.carried.bits.size
