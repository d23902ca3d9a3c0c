"""The network under construction: appends operations, and makes each sum and each input bit once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine, Step
from threshc.compiler.frontend.symbolic import IntArray, Leaf
from threshc.compiler.ir.ops import Bitplanes, Gather, Input, Loc, Op, Sum, Value


@dataclass(slots=True, eq=False)
class Builder:
    """Operations in the order in which they are made; the input stands first and is completed last.

    encoding None: the model's real features are compared by the model itself; the Step input grows bit by bit.
    """

    input_name: str
    model_shape: tuple[int, ...]
    encoding: Affine | None
    ops: list[Op | None] = field(default_factory=lambda: [None])
    _feature: list[IntArray] = field(default_factory=list)
    _threshold: list[NDArray[np.float32]] = field(default_factory=list)
    _cache: dict[tuple[int, bytes], Value] = field(default_factory=dict)

    def add(self, op: Op) -> Value:
        """Append an operation and name its value."""
        self.ops.append(op)
        return len(self.ops) - 1

    def step_bits(self, feature: IntArray, threshold: NDArray[np.float32], loc: Loc) -> Value:
        """Input bits `real feature >= threshold`, (m,) each."""
        start = sum(len(f) for f in self._feature)
        self._feature.append(feature)
        self._threshold.append(threshold)
        return self.add(Gather((0,), np.arange(start, start + len(feature)), loc))

    def planes(self) -> Value:
        """The bit planes of the input's integers."""
        key = (-1, b"")
        if key not in self._cache:
            self._cache[key] = self.add(Bitplanes(0, Loc("", self.input_name)))
        return self._cache[key]

    def sums(self, leaf: Leaf, sign: IntArray, loc: Loc) -> Value:
        """The leaf's integers, each row times +1 or -1, as a Sum."""
        linear = leaf.linear
        assert linear is not None
        key = (id(leaf), sign.tobytes())
        if key not in self._cache:
            weights = smallest_dtype(linear.weights * sign[:, None])
            self._cache[key] = self.add(Sum(linear.bits, weights, np.zeros(len(sign), np.int64), loc))
        return self._cache[key]

    def finish(self) -> tuple[Op, ...]:
        """All operations, the input completed."""
        loc = Loc("", self.input_name)
        if self.encoding is not None:
            size = int(np.prod(self.model_shape))
            head = Input(self.input_name, (size,), self.encoding, self.model_shape, loc)
        else:
            feature, threshold = np.concatenate(self._feature), np.concatenate(self._threshold)
            step = Step(int(np.prod(self.model_shape)), feature, threshold)
            head = Input(self.input_name, feature.shape, step, self.model_shape, loc)
        return (head, *(op for op in self.ops if op is not None))


def smallest_dtype(weights: IntArray) -> NDArray[np.signedinteger]:
    """The same weights in the narrowest signed integer type that holds them."""
    top = max(int(weights.max(initial=0)), -int(weights.min(initial=0)) - 1)
    return weights.astype(next(t for t in (np.int8, np.int16, np.int32, np.int64) if top <= np.iinfo(t).max))
