"""Random graphs of maps: layers, pools, sums, joins and moves in any order, with steps here and there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx_models import Model
from pattern import bits, conv, pm1, quant


@dataclass(frozen=True)
class Map:
    """A tensor (1, channels, size, size)."""

    tensor: str
    channels: int
    size: int


class Tangle:
    """Grows a graph; what has been made stays there to be read again."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.m = Model(["batch", 2, 6, 6])
        self.maps = [Map(bits(self.m, self.m.input), 2, 6)]

    def build(self) -> onnx.ModelProto:
        """The model, with a step and a dense layer at its end."""
        for _ in range(int(self.rng.integers(4, 9))):
            last = self.maps[-1] if self.rng.random() < 0.6 else self._any(self.maps)
            grown = getattr(self, self._any(WAYS))(last)
            if grown is not None and grown.channels <= 10:
                self.maps.append(grown)
        x = self.maps[-1]
        y = bits(self.m, self._norm(x))
        if self.rng.random() < 0.5:
            y, features = self.m.op("GlobalAveragePool", y), x.channels
        else:
            features = x.channels * x.size**2
        weights, bias = self.m.const(pm1(self.rng, features, 3)), self.m.const(self.rng.normal(size=3))
        return self.m.build(self.m.op("Gemm", self.m.op("Flatten", y), weights, bias))

    def step(self, x: Map) -> Map:
        y = self._norm(x)
        steps = (
            lambda: bits(self.m, y),
            lambda: self.m.op("Sign", y),
            lambda: quant(self.m, y, 2, 1, 0, 0.5),
            lambda: quant(self.m, self.m.op("Relu", y), 2, 0, 0, 0.25),
        )
        return Map(self._any(steps)(), x.channels, x.size)

    def convolution(self, x: Map) -> Map | None:
        k, rows = (int(v) for v in self.rng.integers(1, [4, 5]))
        pad = k // 2 if self.rng.random() < 0.7 else 0
        size = x.size + 2 * pad - k + 1
        if size < 1:
            return None
        return Map(conv(self.m, x.tensor, self.rng, rows, x.channels, k, k, pads=[pad] * 4), rows, size)

    def depthwise(self, x: Map) -> Map:
        y = conv(self.m, x.tensor, self.rng, x.channels, 1, 3, 3, pads=[1] * 4, group=x.channels)
        return Map(y, x.channels, x.size)

    def average(self, x: Map) -> Map | None:
        return self._pool("AveragePool", x)

    def largest(self, x: Map) -> Map | None:
        return self._pool("MaxPool", x)

    def addition(self, x: Map) -> Map:
        other = self._any([o for o in self.maps if (o.channels, o.size) == (x.channels, x.size)])
        return Map(self.m.op(self._any(("Add", "Sub")), x.tensor, other.tensor), x.channels, x.size)

    def join(self, x: Map) -> Map:
        other = self._any([o for o in self.maps if o.size == x.size])
        return Map(self.m.op("Concat", x.tensor, other.tensor, axis=1), x.channels + other.channels, x.size)

    def repeated(self, x: Map) -> Map | None:
        if x.size > 4:
            return None
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return Map(self.m.op("Resize", x.tensor, "", self.m.const([1, 1, 2, 2]), **how), x.channels, 2 * x.size)

    def padded(self, x: Map) -> Map:
        more = int(self.rng.integers(2))
        pads = self.m.const([0, more, 1, 0, 0, 0, 0, 1], np.int64)
        return Map(self.m.op("Pad", x.tensor, pads, self.m.const(0.0)), x.channels + more, x.size + 1)

    def shuffled(self, x: Map) -> Map | None:
        if x.channels % 2:
            return None
        shapes = ([-1, 2, x.channels // 2, x.size, x.size], [-1, x.channels, x.size, x.size])
        split, whole = (self.m.const(s, np.int64) for s in shapes)
        y = self.m.op("Transpose", self.m.op("Reshape", x.tensor, split), perm=[0, 2, 1, 3, 4])
        return Map(self.m.op("Reshape", y, whole), x.channels, x.size)

    def _pool(self, op: str, x: Map) -> Map | None:
        if x.size < 2:
            return None
        return Map(self.m.op(op, x.tensor, kernel_shape=[2, 2], strides=[2, 2]), x.channels, x.size // 2)

    def _norm(self, x: Map) -> str:
        n = x.channels
        gamma, beta = (
            self.rng.uniform(0.5, 1.5, n) * self.rng.choice([-1, 1, 1], n),
            self.rng.normal(scale=0.05, size=n),
        )
        made = [gamma, beta, self.rng.normal(scale=0.2, size=n), self.rng.uniform(0.5, 2, n)]
        return self.m.op("BatchNormalization", x.tensor, *(self.m.const(v) for v in made))

    def _any(self, choices):  # type: ignore[no-untyped-def]
        return choices[int(self.rng.integers(len(choices)))]


WAYS = (
    *("step", "step", "convolution", "convolution", "depthwise", "average", "largest", "addition", "join"),
    *("repeated", "padded", "shuffled"),
)
