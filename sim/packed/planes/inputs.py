"""The network's input as planes: each PACK step compares every input byte with a limit of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.ops import Compare, Input
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.sim.packed.planes.int_planes import Numbers, constants, offset_of
from threshc.sim.packed.planes.layout import PACK
from threshc.sim.packed.planes.tables import Planes, Tables


class InputPlanes:
    """Makes planes of the input's little-endian bytes.

    dtype: what `encode` returns for this input; bytes: per sample; width: bytes that a PACK step reads, at least 64.
    """

    def __init__(self, tables: Tables, op: Input) -> None:
        self.tables, self.shape = tables, op.shape
        self.dtype = np.dtype(np.uint8)
        if isinstance(op.encoding, Affine):
            self.dtype = np.result_type(np.min_scalar_type(op.encoding.lo), np.min_scalar_type(op.encoding.hi))
        self.bytes = int(np.prod(op.shape)) * self.dtype.itemsize
        self.width = max(self.bytes, 64)
        self._numbers: Numbers | None = None

    def _pack(self, mask: int, limits: NDArray[np.uint8]) -> Planes:
        """Planes (bytes,) of (byte & mask) >= limit; limits (bytes,)."""
        chunks = -(-self.width // 64)
        first = np.minimum(64 * np.arange(chunks), self.width - 64)
        padded = np.zeros(self.width, np.uint8)
        padded[: self.bytes] = limits
        table = self.tables.limit(padded[first[:, None] + np.arange(64)].ravel())
        out = self.tables.allocate(64 * chunks)
        self.tables.step(PACK, table=table, mode=mask, width=self.width, out=out)
        byte = np.arange(self.bytes)
        return out + 64 * (byte // 64) + byte - first[byte // 64]

    def bit(self, p: int) -> Planes:
        """Returns planes (bytes,) of bit p of every byte."""
        return self._pack(1 << p, np.full(self.bytes, 1 << p, np.uint8))

    def numbers(self, t: Ints) -> Numbers:
        """Returns the integers themselves, made when first asked for."""
        if self._numbers is None:
            size, count = self.dtype.itemsize, len(plane_weights(t.lo, t.hi))
            bits = [self.bit(p) for p in range(min(count, 8))]
            planes = np.stack([bits[p % 8][p // 8 :: size] for p in range(count)], axis=-1)
            if t.lo < 0:
                planes[:, -1] = self.tables.complement(planes[:, -1])
            self._numbers = Numbers(planes.reshape(*t.shape, count), offset_of(t))
        return self._numbers

    def compare(self, t: Ints, op: Compare) -> Planes:
        """Returns a Compare of single bytes: one PACK step for the first threshold of every feature, one for the
        second, .."""
        assert self.dtype == np.uint8
        n = t.shape[-1]
        out, live = constants(self.bytes // n, op.threshold, np.array(t.lo), np.array(t.hi))
        for now in one_per_row(op.row, np.flatnonzero(live)):
            limits = np.zeros((self.bytes // n, n), np.uint8)
            limits[:, op.row[now]] = op.threshold[now]
            out[:, now] = self._pack(255, limits.ravel()).reshape(-1, n)[:, op.row[now]]
        return out.reshape(*t.shape[:-1], -1)


def one_per_row(row: NDArray[np.int64], which: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Returns the comparisons `which`, in parts without two of the same row: all first ones, all second ones, .."""
    order = which[np.argsort(row[which], kind="stable")]
    rows = row[order]
    first = np.r_[True, rows[1:] != rows[:-1]][: len(rows)]
    rank = np.arange(len(rows)) - np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
    by_rank = order[np.argsort(rank, kind="stable")]
    return np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]) if len(rows) else []
