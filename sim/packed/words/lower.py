"""Network to the steps of the word engine: which bit addresses hold each value. Independent of the batch.

As in `lower.py`, Gather, Window and Bitplanes rename bits; a Sum copies them together where they do not already lie so.
Not covered, and left to the bit planes: comparisons of inputs wider than a byte or of an ArgMax, and the bits
(Bitplanes) of anything but the input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.moves import gather, window
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Reduce, Sum, Window
from threshc.compiler.ir.shapes import plane_weights, row_bounds
from threshc.compiler.ir.types import Ints
from threshc.sim.packed.planes.inputs import one_per_row
from threshc.sim.packed.words.layout import ARGMAX, NEURONS, NUMBERS, PACK, REDUCE
from threshc.sim.packed.words.tables import ONE_BIT, ZERO_BIT, Addresses, WordTables


class NotCovered(Exception):
    """The network has an operation that the word engine does not do."""


class WordLowering:
    """Walks a network once, in order. bits[v]: bit addresses of value v; words[v]: first word of its integers."""

    def __init__(self, network: Network) -> None:
        self.network, self.users = network, network.users()
        self.tables = WordTables()
        op = network.input
        self.dtype = np.dtype(np.uint8)
        if isinstance(op.encoding, Affine):
            self.dtype = np.result_type(np.min_scalar_type(op.encoding.lo), np.min_scalar_type(op.encoding.hi))
        self.bytes = int(np.prod(op.shape)) * self.dtype.itemsize
        self.width = max(self.bytes, 64)
        self.bits: dict[int, Addresses] = {}
        self.words: dict[int, int] = {}
        self.weight_bytes: dict[int, int] = {}
        for v in range(len(network.ops)):
            before = 8 * self.tables.weight_count + self.tables.limit_count
            self._lower(v)
            self.weight_bytes[v] = 8 * self.tables.weight_count + self.tables.limit_count - before

    def _type(self, v: int) -> Ints:
        t = self.network.types[v]
        assert isinstance(t, Ints)
        return t

    def _lower(self, v: int) -> None:
        match self.network.ops[v]:
            case Input(encoding=Affine()):
                pass
            case Input(shape=shape):
                self.bits[v] = self._pack(1, np.ones(self.bytes, np.uint8)).reshape(shape)
            case Bitplanes(x=0):
                self.bits[v] = self._input_bits()
            case Window() as op:
                self.bits[v] = window(op, self.bits[op.x], ZERO_BIT, ONE_BIT)
            case Gather() as op:
                self.bits[v] = gather(op, [self.bits[x] for x in op.x], ZERO_BIT, ONE_BIT)
            case Sum() as op:
                self._sum(v, op)
            case Compare(s=0) as op if self.dtype == np.uint8:
                self.bits[v] = self._compare_input(op)
            case Compare(s=s) as op if isinstance(self.network.ops[s], Sum):
                self.bits[v] = self._neurons(op)
            case Reduce() as op:
                self.bits[v] = self._reduce(op)
            case ArgMax(s=s) if s in self.words:
                self.words[v] = self.tables.allocate(1)
                rows = self._type(s).shape[-1]
                self.tables.step(ARGMAX, rows=rows, x=self.words[s], out=self.words[v])
            case op:
                raise NotCovered(type(op).__name__)

    def _pack(self, mask: int, limits: NDArray[np.uint8]) -> Addresses:
        """Addresses (bytes,) of (byte & mask) >= limit."""
        chunks = -(-self.width // 64)
        first = np.minimum(64 * np.arange(chunks), self.width - 64)
        padded = np.full(self.width, 255, np.uint8)  # missing bytes are 0 and do not reach it
        padded[: self.bytes] = limits
        table = self.tables.limit(padded[first[:, None] + np.arange(64)].ravel())
        out = self.tables.allocate(chunks)
        self.tables.step(PACK, table=table, mode=mask, width=self.width, out=out)
        self.tables.clean[64 * out] = self.bytes
        return 64 * out + np.arange(self.bytes)

    def _input_bits(self) -> Addresses:
        t = self._type(0)
        size, count = self.dtype.itemsize, len(plane_weights(t.lo, t.hi))
        bits = [self._pack(1 << p, np.full(self.bytes, 1 << p, np.uint8)) for p in range(min(count, 8))]
        planes = np.stack([bits[p % 8][p // 8 :: size] for p in range(count)], axis=-1)
        return planes.reshape(*t.shape[:-1], t.shape[-1] * count)

    def _compare_input(self, op: Compare) -> Addresses:
        t = self._type(0)
        n = t.shape[-1]
        fixed = np.where(op.threshold <= t.lo, ONE_BIT, ZERO_BIT)
        out: Addresses = np.repeat(fixed[None], self.bytes // n, axis=0)
        for now in one_per_row(op.row, np.flatnonzero((op.threshold > t.lo) & (op.threshold <= t.hi))):
            limits = np.full((self.bytes // n, n), 255, np.uint8)
            limits[:, op.row[now]] = op.threshold[now]
            out[:, now] = self._pack(255, limits.ravel()).reshape(-1, n)[:, op.row[now]]
        return out.reshape(*t.shape[:-1], -1)

    def _sum(self, v: int, op: Sum) -> None:
        """Only sums that are output or feed an ArgMax are stored as numbers."""
        compares = sum(isinstance(self.network.ops[u], Compare) for u in self.users[v])
        if compares == len(self.users[v]) and not any(o.value == v for o in self.network.outputs):
            return
        x = self.bits[op.x].reshape(-1, op.weights.shape[1])
        if len(x) > 1 and len(op.weights) % 8:
            raise NotCovered("numbers of a convolution")
        self.words[v] = self.tables.sum(x, op.weights.astype(np.int64), op.bias, NUMBERS)

    def _neurons(self, op: Compare) -> Addresses:
        total = self.network.ops[op.s]
        assert isinstance(total, Sum)
        lo, hi = (bound[op.row] for bound in row_bounds(total))
        x = self.bits[total.x].reshape(-1, total.weights.shape[1])
        fixed = np.where(op.threshold <= lo, ONE_BIT, ZERO_BIT)
        out: Addresses = np.repeat(fixed[None], len(x), axis=0)
        live = np.flatnonzero((op.threshold > lo) & (op.threshold <= hi))
        if len(live):
            row = op.row[live]
            weights, start = total.weights[row].astype(np.int64), total.bias[row] - op.threshold[live]
            first = 64 * self.tables.sum(x, weights, start, NEURONS)
            gap = 64 * -(-len(live) // 64)
            out[:, live] = first + gap * np.arange(len(x))[:, None] + np.arange(len(live))
            self.tables.clean |= {first + gap * p: len(live) for p in range(len(x))}
        return out.reshape(*self.network.types[op.s].shape[:-1], -1)

    def _reduce(self, op: Reduce) -> Addresses:
        x = self.bits[op.x]
        taps = np.moveaxis(x.reshape(*x.shape[:-1], op.taps, -1), -2, 0)
        flat = self.tables.gather(taps.reshape(op.taps, -1))
        count = flat.shape[1]
        words = -(-count // 64)
        out = self.tables.allocate(words)
        step = {"rows": words, "width": op.taps, "x": int(flat[0, 0]) >> 6, "out": out}
        self.tables.step(REDUCE, mode=int(op.kind == "and"), **step)
        self.tables.clean[64 * out] = count
        return (64 * out + np.arange(count)).reshape(taps.shape[1:])
