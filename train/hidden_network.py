"""The trained network in integers: what `predict` computes is what the circuit computes, by construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.train.encoders import Encoder

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_EXACT = 1 << 24
"""Sums of integers below this are exact in float32, in any order."""


@dataclass(frozen=True, slots=True, eq=False)
class HiddenNetwork:
    """scores = 1{encode(x) u >= t} w + bias, all integers; score * scale is the real output.

    u: (d, m), t: (m,), w: (m, K), bias: (K,).
    """

    encode: Encoder
    u: Ints
    t: Ints
    w: Ints
    bias: Ints
    scale: float

    def fires(self, x: Floats) -> Ints:
        """Hidden bits (N, m) of real features (N, features)."""
        z = self.encode(x).astype(np.float64) @ self.u.astype(np.float64)  # exact: integers below 2**53
        return (z >= self.t).astype(np.int64)

    def scores(self, x: Floats) -> Ints:
        """Integer scores (N, K)."""
        return np.asarray(self.fires(x) @ self.w + self.bias)

    @property
    def sparsity(self) -> float:
        """The share of the hidden weights that are 0."""
        return float((self.u == 0).mean()) if self.u.size else 1.0


def rounded(encode: Encoder, u: Ints, t: Ints, w: Floats, bias: Floats, bits: int) -> HiddenNetwork:
    """Output weights of `bits` bits, sign included, with one scale; units whose weights all become 0 are dropped.

    Raises CompileError where a sum would leave the integers that float32 holds exactly.
    """
    top = float(np.abs(w).max(initial=0.0)) or float(np.abs(bias).max(initial=0.0)) or 1.0
    scale = top / (2 ** (bits - 1) - 1)
    whole, offset = np.rint(w / scale).astype(np.int64), np.rint(bias / scale)
    kept = whole.any(axis=1)
    sums = np.abs(whole).sum(axis=0).max(initial=0) + np.abs(offset).max(initial=0)
    if sums >= _EXACT:
        raise fail(
            "the scores do not fit the integers of float32",
            where="output layer",
            why=f"they reach {sums:.3g}",
            hint="fewer output_bits, or a larger beta",
        )
    return HiddenNetwork(encode, u[:, kept], t[kept], whole[kept], offset.astype(np.int64), scale)
