"""The network under construction: appends operations, and makes each sum and each input bit once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.frontend.rows import full
from threshc.compiler.frontend.symbolic import IntArray, Leaf, Sums
from threshc.compiler.ir.ops import Bitplanes, Gather, Input, Loc, Op, Sum, Value, operands
from threshc.compiler.ir.shapes import result_type
from threshc.compiler.ir.types import ValueType


@dataclass(slots=True, eq=False)
class Builder:
    """Operations in the order in which they are made; the input stands first and is completed last.

    encoding None: the model's real features are compared by the model itself; the Step input grows bit by bit.
    notes: what a user should know of how the model was read.
    """

    input_name: str
    model_shape: tuple[int, ...]
    encoding: Affine | None
    notes: list[str] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    types: list[ValueType] = field(default_factory=list)
    _feature: list[IntArray] = field(default_factory=list)
    _threshold: list[NDArray[np.float32]] = field(default_factory=list)
    _cache: dict[tuple[int, bytes], Value] = field(default_factory=dict)
    _alive: list[Leaf] = field(default_factory=list)

    def __post_init__(self) -> None:
        head = self._input() if self.encoding is not None else _GROWING
        self.ops.append(head)
        self.types.append(result_type(head, ()))

    def add(self, op: Op) -> Value:
        """Appends an operation and name its value."""
        self.ops.append(op)
        self.types.append(result_type(op, [self.types[x] for x in operands(op)]))
        return len(self.ops) - 1

    def shape(self, value: Value) -> tuple[int, ...]:
        """Returns the shape of a value that has been made."""
        return self.types[value].shape

    def step_bits(self, feature: IntArray, threshold: NDArray[np.float32], loc: Loc) -> Value:
        """Returns input bits `real feature >= threshold`, (m,) each."""
        start = sum(len(f) for f in self._feature)
        self._feature.append(feature)
        self._threshold.append(threshold)
        return self.add(Gather((0,), np.arange(start, start + len(feature)), loc))

    def planes(self) -> Value:
        """Returns the bit planes of the input's integers."""
        key = (-1, b"")
        if key not in self._cache:
            self._cache[key] = self.add(Bitplanes(0, Loc("", self.input_name)))
        return self._cache[key]

    def sums(self, leaf: Leaf, sign: IntArray, loc: Loc) -> Value:
        """Returns the leaf's integers, each row times +1 or -1, as a Sum."""
        source = leaf.source
        assert isinstance(source, Sums)
        key = (id(leaf), sign.tobytes())
        if key not in self._cache:
            matrix = full(source.weights * sign[:, None], source.column, source.width, f"tensor {leaf.name!r}")
            weights = smallest_dtype(matrix)
            self._cache[key] = self.add(Sum(source.bits, weights, np.zeros(len(sign), np.int64), loc))
            self._alive.append(leaf)  # so that its id stays its own
        return self._cache[key]

    def finish(self) -> tuple[Op, ...]:
        """Returns all operations, the input completed."""
        if self.encoding is None and not self._feature:
            raise fail("the model does not depend on its input", where=f"input {self.input_name!r}")
        return (self._input(), *self.ops[1:])

    def _input(self) -> Input:
        loc, size = Loc("", self.input_name), int(np.prod(self.model_shape))
        if self.encoding is not None:
            return Input(self.input_name, (size,), self.encoding, self.model_shape, loc)
        feature, threshold = np.concatenate(self._feature), np.concatenate(self._threshold)
        return Input(self.input_name, feature.shape, Step(size, feature, threshold), self.model_shape, loc)


_GROWING = Input("", (1,), Step(1, np.zeros(1, np.int64), np.zeros(1, np.float32)))
"""Stands for a Step input until all its bits are known."""


def smallest_dtype(weights: IntArray) -> NDArray[np.signedinteger]:
    """Returns the same weights in the narrowest signed integer type that holds them."""
    top = max(int(weights.max(initial=0)), -int(weights.min(initial=0)) - 1)
    return weights.astype(next(t for t in (np.int8, np.int16, np.int32, np.int64) if top <= np.iinfo(t).max))
