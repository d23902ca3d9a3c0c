"""The columns of an arrangement, packed eight samples to a byte, with the integer units that make them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.train.kernels import correlate

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Arrangement:
    """Distinct columns 1{x.u >= t} of n samples: bits (ceil(n/8), P), u (d, P), t (P,). x: (n, d) integer features.

    Columns are computed from the integer units, so that a circuit of these units repeats them bit for bit. Constant
    columns are left out where `constants` is false (an output bias holds them).
    """

    x: Ints
    constants: bool
    bits: NDArray[np.uint8] = field(init=False)
    u: Ints = field(init=False)
    t: Ints = field(init=False)
    _seen: set[bytes] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.bits = np.zeros((-(-len(self.x) // 8), 0), np.uint8)
        self.u, self.t = np.zeros((self.x.shape[1], 0), np.int64), np.zeros(0, np.int64)

    @property
    def size(self) -> int:
        """The number of columns."""
        return len(self.t)

    def add(self, u: Ints, t: Ints) -> int:
        """Units whose columns are new, also up to complement where constants are left out; how many those were."""
        kept, packed = [], []
        block = max(1, (1 << 24) // max(len(self.x), 1))
        x = self.x.astype(np.float64)  # products of floats are fast, and exact below 2**53
        for start in range(0, len(t), block):
            part = slice(start, start + block)
            fires = x @ u[:, part].astype(np.float64) >= t[part]
            if not self.constants:
                fires ^= fires[0]  # one name for a column and its complement
            key = np.packbits(fires, axis=0)
            own = np.packbits(x @ u[:, part].astype(np.float64) >= t[part], axis=0) if not self.constants else key
            for k in range(key.shape[1]):
                name = key[:, k].tobytes()
                if name in self._seen or (not self.constants and not key[:, k].any()):
                    continue
                self._seen.add(name)
                kept.append(start + k)
                packed.append(own[:, k])
        if kept:
            self.bits = np.concatenate([self.bits, np.stack(packed, axis=1)], axis=1)
            self.u = np.concatenate([self.u, u[:, kept]], axis=1)
            self.t = np.concatenate([self.t, t[kept]])
        return len(kept)

    def correlations(self, residual: Floats) -> Floats:
        """D^T R as (P, K) for residuals (n, K)."""
        padded = np.zeros((8 * len(self.bits), residual.shape[1]))
        padded[: len(residual)] = residual
        out = np.zeros((residual.shape[1], self.size))
        for k in range(residual.shape[1]):
            correlate(self.bits, np.ascontiguousarray(padded[:, k]), out[k])
        return np.ascontiguousarray(out.T)

    def columns(self, chosen: NDArray[np.intp]) -> Floats:
        """Columns as (n, len(chosen)) zeros and ones."""
        bits: NDArray[np.uint8] = np.unpackbits(self.bits[:, chosen], axis=0, count=len(self.x))
        return bits.astype(np.float64)
