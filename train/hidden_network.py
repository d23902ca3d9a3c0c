"""The trained network in integers: what `predict` computes is what the circuit computes, by construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.train.encoders import Encoder
from threshc.train.onnx_draft import EXACT

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer computes 1{x u >= t} by integer threshold units. u: (d, m). t: (m,)."""

    u: Ints
    t: Ints

    def __call__(self, x: Ints) -> Ints:
        """Returns bits (N, m) of integers (N, d)."""
        z = x.astype(np.float64) @ self.u.astype(np.float64)  # exact: integers below 2**53
        return (z >= self.t).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class HiddenNetwork:
    """A network computes scores = 1{x u >= t} w + bias, integers all; score * scale is the real output.

    x is encode(features), put through the layers below in turn. u: (d, m). t: (m,). w: (m, K). bias: (K,).
    """

    encode: Encoder
    u: Ints
    t: Ints
    w: Ints
    bias: Ints
    scale: float
    below: tuple[Layer, ...] = ()

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """Returns all layers of units, first to last."""
        return (*self.below, Layer(self.u, self.t))

    def fires(self, x: Floats) -> Ints:
        """Returns bits (N, m) of the last hidden layer for real features (N, features)."""
        bits = self.encode(x)
        for layer in self.hidden:
            bits = layer(bits)
        return bits

    def scores(self, x: Floats) -> Ints:
        """Returns integer scores (N, K) of real features (N, features)."""
        return np.asarray(self.fires(x) @ self.w + self.bias)

    @property
    def sparsity(self) -> float:
        """Returns the share of the hidden weights that are 0."""
        size = sum(layer.u.size for layer in self.hidden)
        return 1 - sum(np.count_nonzero(layer.u) for layer in self.hidden) / size if size else 1.0

    @property
    def neurons(self) -> int:
        """Returns the number of hidden units of all layers."""
        return sum(len(layer.t) for layer in self.hidden)


def rounded(
    encode: Encoder, u: Ints, t: Ints, w: Floats, bias: Floats, bits: int, below: tuple[Layer, ...] = ()
) -> HiddenNetwork:
    """Returns the network with output weights of `bits` bits, sign included, that have one scale.

    u, t, w, bias: as for `HiddenNetwork`, w and bias real. Units that nothing reads are dropped. Raises CompileError
    where a sum would leave the integers that float32 holds exactly.
    """
    top = float(np.abs(w).max(initial=0.0)) or float(np.abs(bias).max(initial=0.0)) or 1.0
    scale = top / (2 ** (bits - 1) - 1)
    whole, offset = np.rint(w / scale).astype(np.int64), np.rint(bias / scale)
    kept = whole.any(axis=1)
    sums = np.abs(whole).sum(axis=0).max(initial=0) + np.abs(offset).max(initial=0)
    if sums >= EXACT:
        raise fail(
            "the scores do not fit the integers of float32",
            where="output layer",
            why=f"they reach {sums:.3g}",
            hint="fewer output_bits, or a larger beta",
        )
    top_layer, read = Layer(u[:, kept], t[kept]), []
    for layer in reversed(below):
        used = top_layer.u.any(axis=1)
        read.append(Layer(top_layer.u[used], top_layer.t))
        top_layer = Layer(layer.u[:, used], layer.t[used])
    *under, last = [top_layer, *reversed(read)]
    return HiddenNetwork(encode, last.u, last.t, whole[kept], offset.astype(np.int64), scale, tuple(under))
