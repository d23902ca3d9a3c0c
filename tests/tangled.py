"""Small random networks full of what passes look for: constants, twins, complements, common divisors, unread bits,
copies of copies, padded windows, reductions, several outputs. At most 7 input bits, so that all inputs can be tried."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine, Step, parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import (
    ArgMax,
    Bitplanes,
    Compare,
    Gather,
    Input,
    Loc,
    Op,
    Output,
    Reduce,
    Sum,
    Window,
    operands,
)
from threshc.compiler.ir.shapes import result_type, row_bounds, window_size
from threshc.compiler.ir.types import Bits, Ints, ValueType


class Tangle:
    """Grows a network operation by operation."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.ops: list[Op] = []
        self.types: list[ValueType] = []

    def add(self, op: Op) -> int:
        self.ops.append(op)
        args = [self.types[x] for x in operands(op)]
        self.types.append(result_type(op, args))
        return len(self.ops) - 1

    def pick(self, kind: type[ValueType], ndim: int = 0) -> int | None:
        """A value of a type, late ones more often."""
        found = [v for v, t in enumerate(self.types) if isinstance(t, kind) and ndim in (0, len(t.shape))]
        if not found:
            return None
        return found[-1 - min(int(self.rng.geometric(0.6)) - 1, len(found) - 1)]

    def head(self) -> None:
        name = str(self.rng.choice(["bit", "bipolar", "uint2", "int3", "step"]))
        n = int(self.rng.integers(1, 8)) if name in ("bit", "bipolar", "step") else 2
        if name == "step":
            step = Step(n, self.rng.permutation(n), self.rng.normal(size=n).astype(np.float32))
            self.add(Input("x", (n,), step, (n,)))
            return
        encoding = parse_encoding(name)
        assert isinstance(encoding, Affine)
        self.add(Input("x", (n,), encoding))
        self.add(Bitplanes(0))
        if self.rng.random() < 0.5:
            row = self.rng.integers(0, n, 5)
            self.add(Compare(0, row, self.rng.integers(encoding.lo - 1, encoding.hi + 3, 5)))

    def neurons(self, ndim: int = 0) -> None:
        x = self.pick(Bits, ndim)
        assert x is not None
        weights, bias = self.weights(self.types[x].shape[-1])
        total = Sum(x, weights, bias, Loc(f"fc{x}", "s"))
        s = self.add(total)
        if self.rng.random() < 0.15:
            self.add(Bitplanes(s))
        lo, hi = row_bounds(total)
        row = self.rng.integers(0, len(bias), int(self.rng.integers(1, 7)))
        threshold = self.rng.integers(lo[row] - 1, hi[row] + 3)
        nice = self.rng.random(len(row)) < 0.5  # few different thresholds make twins
        threshold = np.where(nice, bias[row] + self.rng.integers(0, 2, len(row)), threshold)
        self.add(Compare(s, row, threshold, Loc("sign", "b")))

    def weights(self, columns: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        rows = int(self.rng.integers(1, 4))
        span = int(self.rng.choice([1, 1, 3]))
        base = self.rng.integers(-span, span + 1, (rows, columns))
        base[:, self.rng.random(columns) < 0.2] *= 7  # next to these the small ones may not matter
        factor = self.rng.choice([-2, -1, 1, 1, 3], (int(self.rng.integers(1, 3)), rows, 1))
        weights = (base * factor).reshape(-1, columns).astype(np.int16)
        return weights, self.rng.integers(-2, 3, len(weights))

    def gather(self) -> None:
        xs = [x for x in (self.pick(Bits), self.pick(Bits), self.pick(Bits)) if x is not None]
        xs = xs[: int(self.rng.integers(1, 4))]
        size = sum(int(np.prod(self.types[x].shape)) for x in xs)
        shape = (3, 3, int(self.rng.integers(1, 4))) if self.rng.random() < 0.5 else (int(self.rng.integers(1, 9)),)
        index = self.rng.integers(0, size, shape)
        if self.rng.random() < 0.3:
            index = np.arange(size) if size < 100 else index
        index = np.where(self.rng.random(index.shape[-1]) < 0.2, self.rng.integers(-2, 0, index.shape[-1]), index)
        self.add(Gather(tuple(xs), index))

    def window(self) -> None:
        x = self.pick(Bits, 3)
        if x is None:
            self.gather()
            return
        kernel = (int(self.rng.integers(1, 3)), int(self.rng.integers(1, 3)))
        pads: Any = tuple(self.rng.integers(0, 2, 4).tolist()) if self.rng.random() < 0.5 else (0, 0, 0, 0)
        fill, is_pad = int(self.rng.integers(0, 2)), bool(self.rng.random() < 0.3)
        op = Window(x, kernel, (int(self.rng.integers(1, 3)), 1), pads, (1, 1), fill, is_pad)
        h, w, c = self.types[x].shape
        if min(window_size(op, h, w)) < 1 or c > 8:
            return
        v = self.add(op)
        if not is_pad and self.rng.random() < 0.6:
            self.add(Reduce(v, self.kind(), kernel[0] * kernel[1]))

    def reduce(self) -> None:
        x = self.pick(Bits)
        assert x is not None
        taps = [k for k in (1, 2, 3, 4) if self.types[x].shape[-1] % k == 0]
        self.add(Reduce(x, self.kind(), int(self.rng.choice(taps))))

    def conv(self) -> None:
        """Neurons over a map, seen through one or two windows that may be reduced, and neurons that read the result."""
        if self.pick(Bits, 3) is None:
            source = self.pick(Bits)
            assert source is not None
            size = int(np.prod(self.types[source].shape))
            self.add(Gather((source,), self.rng.integers(0, size, (3, 3, int(self.rng.integers(1, 3))))))
        self.neurons(3)
        source = len(self.types) - 1
        if min(self.types[source].shape[:2]) < 2:
            return
        for _ in range(int(self.rng.integers(1, 3))):
            pads: Any = tuple(self.rng.integers(0, 2, 4).tolist()) if self.rng.random() < 0.5 else (0, 0, 0, 0)
            v = self.add(Window(source, (2, 2), (1, 1), pads, (1, 1), int(self.rng.integers(0, 2))))
            for _ in range(int(self.rng.integers(0, 3))):
                taps = [k for k in (2, 4, 4) if self.types[v].shape[-1] % k == 0]
                if taps:
                    v = self.add(Reduce(v, self.kind(), int(self.rng.choice(taps))))
        self.neurons(3)

    def kind(self) -> Literal["or", "and"]:
        return "or" if self.rng.random() < 0.5 else "and"

    def outputs(self) -> tuple[Output, ...]:
        found: list[Output] = []
        scores = [v for v, t in enumerate(self.types) if isinstance(t, Ints) and v and len(t.shape) == 1]
        if scores and self.rng.random() < 0.6:
            s = scores[-1]
            width = self.types[s].shape[-1]
            found.append(Output("scores", s, "scores", self.rng.normal(size=width), self.rng.normal(size=width)))
            if self.rng.random() < 0.5:
                found.append(Output("class", self.add(ArgMax(s)), "class", np.ones(()), np.zeros(())))
        if not found or self.rng.random() < 0.5:
            v = self.pick(Bits)
            assert v is not None
            found.append(Output("bits", v, "bits", np.array(2.0), np.array(-1.0)))
        return tuple(found)


def tangled(rng: np.random.Generator) -> Network:
    """A random network of 5 to 20 operations."""
    t = Tangle(rng)
    t.head()
    for _ in range(int(rng.integers(2, 7))):
        step = rng.choice([t.neurons, t.gather, t.window, t.reduce, t.conv], p=[0.4, 0.2, 0.15, 0.1, 0.15])
        step()
    outputs = t.outputs()
    return Network("tangled", tuple(t.ops), outputs)
