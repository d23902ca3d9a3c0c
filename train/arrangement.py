"""The columns of an arrangement, packed eight samples to a byte, with the integer units that make them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from threshc.train.kernels import correlate

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BLOCK = 1 << 24
"""Sums that are held at a time."""


@dataclass(slots=True, eq=False)
class Arrangement:
    """An arrangement holds the distinct columns 1{x.u >= t} of n samples: bits (ceil(n/8), P), u (d, P) and t (P,).

    Columns are computed from the integer units, so that a circuit of these units repeats them bit for bit. Constant
    columns and the complements of others are left out where `constants` is false (an output bias holds them). x: (n, d)
    integer features.
    """

    x: Ints
    constants: bool
    bits: NDArray[np.uint8] = field(init=False)
    u: Ints = field(init=False)
    t: Ints = field(init=False)
    _seen: dict[bytes, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.bits = np.zeros((-(-len(self.x) // 8), 0), np.uint8)
        self.u, self.t = np.zeros((self.x.shape[1], 0), np.int64), np.zeros(0, np.int64)

    @property
    def size(self) -> int:
        """Returns the number of columns P."""
        return len(self.t)

    def add(self, u: Ints, t: Ints) -> int:
        """Adds the units u (d, m), t (m,) whose columns are new, and returns how many those were.

        Where constants are left out, a complement of a column is not new.
        """
        before = self.size
        kept: list[int] = []
        packed: list[NDArray[np.uint8]] = []
        for k, name, column in self._columns(u, t):
            if name in self._seen or (not self.constants and not name):
                continue
            self._seen[name] = before + len(kept)
            kept.append(k)
            packed.append(column)
        if kept:
            self.bits = np.concatenate([self.bits, np.stack(packed, axis=1)], axis=1)
            self.u = np.concatenate([self.u, u[:, kept]], axis=1)
            self.t = np.concatenate([self.t, t[kept]])
        return len(kept)

    def place(self, u: Ints, t: Ints, w: Floats) -> Floats:
        """Returns the output weights w (m, K) of units that were added as weights (P, K) of the columns.

        A column that stands for its complement gets the weight with the other sign; constant ones are left to the bias.
        """
        out = np.zeros((self.size, w.shape[1]))
        for k, name, column in self._columns(u, t):
            at = self._seen.get(name)
            if at is not None:
                out[at] += w[k] if np.array_equal(self.bits[:, at], column) else -w[k]
        return out

    def correlations(self, residual: Floats) -> Floats:
        """Returns D^T R, (P, K), of the columns D with residuals R (n, K)."""
        padded = np.zeros((residual.shape[1], 8 * len(self.bits)))
        padded[:, : len(residual)] = residual.T
        out = np.zeros((residual.shape[1], self.size))
        for k in range(residual.shape[1]):
            correlate(self.bits, padded[k], out[k])
        return np.ascontiguousarray(out.T)

    def columns(self, chosen: NDArray[np.intp]) -> Floats:
        """Returns the chosen columns unpacked, (n, len(chosen)) float64 zeros and ones."""
        bits: NDArray[np.uint8] = np.unpackbits(self.bits[:, chosen], axis=0, count=len(self.x))
        return bits.astype(np.float64)

    def _columns(self, u: Ints, t: Ints) -> Iterator[tuple[int, bytes, NDArray[np.uint8]]]:
        """Every unit's number, its column's name, shared with the complement where constants are left out and empty for
        those, and its packed column."""
        reach = float(np.abs(self.x).max(initial=0)) * float(np.abs(u).sum(axis=0).max(initial=0))
        exact = np.float32 if reach < 1 << 24 else np.float64  # products of floats are fast, and exact below 2**53
        x = self.x.astype(exact)
        block = max(1, _BLOCK // max(len(x), 1))
        for start in range(0, len(t), block):
            part = slice(start, start + block)
            fires = x @ u[:, part].astype(exact) >= t[part]
            packed = np.ascontiguousarray(np.packbits(fires, axis=0).T)
            keys = packed
            if not self.constants:
                keys = np.ascontiguousarray(np.packbits(fires ^ fires[0], axis=0).T)
            for k in range(len(keys)):
                empty = not self.constants and not keys[k].any()
                yield start + k, b"" if empty else blake2b(keys[k], digest_size=16).digest(), packed[k]
