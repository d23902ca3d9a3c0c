"""Network to plan: which planes hold each value, and the steps that fill them. Independent of the batch.

Bits are arrays of plane numbers of the value's shape, so Gather, Window and Bitplanes cost nothing: they rename.
Ints are planes (.., n, L) of an unsigned number plus an offset. A Sum whose rows are only compared is never stored:
the comparison happens in the registers that counted (`sums.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threshc.compiler.encoding import Affine
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ONE, ZERO, ArgMax, Bitplanes, Compare, Gather, Input, Reduce, Sum, Window
from threshc.compiler.ir.shapes import plane_weights, row_bounds, window_size
from threshc.compiler.ir.types import Ints
from threshc.sim.packed.digits import against_sum
from threshc.sim.packed.layout import ARGMAX, PACK, REDUCE, THRESH, VALUE, levels_for
from threshc.sim.packed.sums import Rows, emit, thresholds
from threshc.sim.packed.tables import ONE_PLANE, ZERO_PLANE, Planes, Tables


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Integers sum_p 2**p * plane_p + offset; planes (.., n, L)."""

    planes: Planes
    offset: int


class Lowering:
    """Walks a network once, in order; `bits[v]` / `ints(v)` are the planes of value v."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.tables = Tables()
        self.users = network.users()
        self.outputs = {o.value for o in network.outputs}
        widest = max((op.weights.shape[1] for op in network.ops if isinstance(op, Sum)), default=0)
        self.patch = self.tables.allocate(2 * widest)
        encoding = network.input.encoding
        self.dtype = np.dtype(np.uint8)
        if isinstance(encoding, Affine):
            self.dtype = np.result_type(np.min_scalar_type(encoding.lo), np.min_scalar_type(encoding.hi))
        self.bytes = int(np.prod(network.input.shape)) * self.dtype.itemsize
        self.width = max(self.bytes, 64)
        self.bits: dict[int, Planes] = {}
        self._ints: dict[int, Numbers] = {}
        for v in range(len(network.ops)):
            self._lower(v)

    def ints(self, v: int) -> Numbers:
        """The planes of an integer value; those of the input are made when first asked for."""
        if v not in self._ints:
            assert v == 0
            self._ints[0] = self._input_numbers()
        return self._ints[v]

    def _lower(self, v: int) -> None:
        match self.network.ops[v]:
            case Input(encoding=Affine()):
                pass
            case Input(shape=shape):
                self.bits[v] = self._pack(1, np.ones(self.width, np.uint8)).reshape(shape)
            case Bitplanes(x=x):
                self.bits[v] = self._twos_complement(x)
            case Window() as op:
                self.bits[v] = _window(op, self.bits[op.x])
            case Gather() as op:
                flat = np.concatenate([self.bits[x].ravel() for x in op.x])
                picked = flat[np.maximum(op.index, 0)]
                self.bits[v] = np.where(op.index == ZERO, ZERO_PLANE, np.where(op.index == ONE, ONE_PLANE, picked))
            case Sum() as op:
                self._sum(v, op)
            case Compare() as op:
                if v not in self.bits:
                    self._compare(v, op)
            case Reduce() as op:
                self.bits[v] = self._reduce(op)
            case ArgMax(s=s):
                self._ints[v] = Numbers(self._argmax(self.ints(s).planes), 0)

    # -- input

    def _pack(self, mask: int, limits: NDArray[np.uint8]) -> Planes:
        """Planes (bytes,) of (input byte & mask) >= limit; limits (width,)."""
        chunks = -(-self.width // 64)
        first = np.minimum(64 * np.arange(chunks), self.width - 64)
        table = self.tables.limit(limits[first[:, None] + np.arange(64)].ravel())
        out = self.tables.allocate(64 * chunks)
        self.tables.step(PACK, table=table, mode=mask, width=self.width, out=out)
        byte = np.arange(self.bytes)
        return out + 64 * (byte // 64) + byte - first[byte // 64]

    def _input_numbers(self) -> Numbers:
        t = self.network.types[0]
        assert isinstance(t, Ints)
        size = self.dtype.itemsize
        packed = {p: self._pack(1 << p, np.full(self.width, 1 << p, np.uint8)) for p in range(8)}
        count = len(plane_weights(t.lo, t.hi))
        planes = np.stack([packed[p % 8][p // 8 :: size] for p in range(count)], axis=-1).reshape(*t.shape, count)
        if t.lo >= 0:
            return Numbers(planes, 0)
        planes[..., -1] = self.tables.complement(planes[..., -1])
        return Numbers(planes, -(1 << (count - 1)))

    # -- integers to bits

    def _twos_complement(self, x: int) -> Planes:
        """Bitplanes of an integer value."""
        t = self.network.types[x]
        assert isinstance(t, Ints)
        planes = self.ints(x).planes[..., : len(plane_weights(t.lo, t.hi))].copy()
        if t.lo < 0:
            planes[..., -1] = self.tables.complement(planes[..., -1])
        return planes.reshape(*planes.shape[:-2], -1)

    def _compare(self, v: int, op: Compare) -> None:
        """A Compare of an integer that is stored: the input, an ArgMax."""
        t = self.network.types[op.s]
        assert isinstance(t, Ints)
        if op.s == 0 and self.dtype == np.uint8:
            self.bits[v] = self._compare_bytes(t, op)
            return
        n = t.shape[-1]
        self.bits[v] = self._thresh(self.ints(op.s), op, np.full(n, t.lo), np.full(n, t.hi))

    def _compare_bytes(self, t: Ints, op: Compare) -> Planes:
        """Thresholds on input bytes: one PACK step per threshold that a feature has."""
        out = np.where(op.threshold <= t.lo, ONE_PLANE, ZERO_PLANE) + np.zeros((*t.shape[:-1], 1), np.int64)
        todo = np.flatnonzero((op.threshold > t.lo) & (op.threshold <= t.hi))
        while len(todo):
            row, which = np.unique(op.row[todo], return_index=True)
            now = todo[which]
            limits = np.full((*t.shape,), 255, np.uint8)
            limits[..., row] = op.threshold[now]
            padded = np.full(self.width, 255, np.uint8)
            padded[: self.bytes] = limits.ravel()
            out[..., now] = self._pack(255, padded).reshape(t.shape)[..., row]
            todo = np.setdiff1d(todo, now)
        return out

    def _thresh(self, numbers: Numbers, op: Compare, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Planes:
        """Thresholds on stored numbers whose rows lie in lo..hi; (.., M)."""
        n = numbers.planes.shape[-2]
        flat = numbers.planes.reshape(-1, n, numbers.planes.shape[-1])
        out = np.where(op.threshold <= lo[op.row], ONE_PLANE, ZERO_PLANE) + np.zeros((len(flat), 1), np.int64)
        for j in np.flatnonzero((op.threshold > lo[op.row]) & (op.threshold <= hi[op.row])):
            levels = flat.shape[-1]
            constant = (1 << levels) - (int(op.threshold[j]) - numbers.offset)
            first = self.tables.allocate(len(flat))
            self.tables.step(
                THRESH,
                rows=len(flat),
                levels=levels,
                table=self.tables.table(flat[:, op.row[j]]),
                mask0=self.tables.digits([constant] * len(flat), levels),
                out=first,
            )
            out[:, j] = first + np.arange(len(flat))
        return out.reshape(*numbers.planes.shape[:-2], len(op.row))

    # -- sums

    def _sum(self, v: int, op: Sum) -> None:
        t = self.network.types[v]
        assert isinstance(t, Ints)
        x = self.bits[op.x].reshape(-1, op.weights.shape[1])
        lo, hi = row_bounds(op)
        compares = [(u, c) for u in self.users[v] if isinstance(c := self.network.ops[u], Compare)]
        rows = np.concatenate([c.row for _, c in compares]) if compares else np.zeros(0, np.int64)
        limits = np.concatenate([c.threshold for _, c in compares]) if compares else np.zeros(0, np.int64)
        live = (limits > lo[rows]) & (limits <= hi[rows])
        pairs = np.unique(np.stack([rows[live], limits[live]]), axis=1)
        several = np.bincount(pairs[0], minlength=len(op.bias)) > 1
        stored = np.full(len(op.bias), v in self.outputs or len(compares) < len(self.users[v])) | several
        weights = op.weights.astype(np.int64)
        if stored.any():
            offset = 0 if t.lo >= 0 else -(1 << (len(plane_weights(t.lo, t.hi)) - 1))
            self._ints[v] = self._store(t, x, weights, op.bias, stored, offset)
        single = ~stored[pairs[0]]
        r, limit = pairs[0][single], pairs[1][single]
        fused = np.full((len(x), len(op.bias)), -1, np.int64)
        if len(r):
            width = len(plane_weights(min(t.lo, -1), t.hi))
            fused[:, r] = thresholds(
                self.tables, x, self.patch, weights[r], op.bias[r], limit, against_sum(weights[r], width)
            )
        for u, c in compares:
            self.bits[u] = self._pick(c, t, lo, hi, stored, fused, v)

    def _store(
        self,
        t: Ints,
        x: Planes,
        weights: NDArray[np.int64],
        bias: NDArray[np.int64],
        rows: NDArray[np.bool_],
        offset: int,
    ) -> Numbers:
        levels = len(plane_weights(t.lo, t.hi))
        constant = [int(b) - offset for b in bias[rows]]
        wide = levels_for(levels)
        planes = np.zeros((len(x), len(bias), levels), np.int64)
        planes[:, rows] = emit(
            self.tables, x, self.patch, Rows(weights[rows], constant, [0] * len(constant)), VALUE, wide
        )[..., :levels]
        return Numbers(planes.reshape(*t.shape, levels), offset)

    def _pick(
        self,
        op: Compare,
        t: Ints,
        lo: NDArray[np.int64],
        hi: NDArray[np.int64],
        stored: NDArray[np.bool_],
        fused: Planes,
        v: int,
    ) -> Planes:
        """The planes of a Compare of a Sum: constants, fused rows, and thresholds on stored rows."""
        out = np.where(op.threshold <= lo[op.row], ONE_PLANE, ZERO_PLANE) + np.zeros((len(fused), 1), np.int64)
        live = (op.threshold > lo[op.row]) & (op.threshold <= hi[op.row])
        direct = live & ~stored[op.row]
        out[:, direct] = fused[:, op.row[direct]]
        rest = np.flatnonzero(live & stored[op.row])
        if len(rest):
            part = Compare(v, op.row[rest], op.threshold[rest])
            out[:, rest] = self._thresh(self.ints(v), part, lo, hi).reshape(len(fused), -1)
        return out.reshape(*t.shape[:-1], len(op.row))

    # -- bits to bits, and the class

    def _reduce(self, op: Reduce) -> Planes:
        x = self.bits[op.x]
        taps = np.moveaxis(x.reshape(*x.shape[:-1], op.taps, -1), -2, -1)
        shape = taps.shape[:-1]
        count = int(np.prod(shape))
        out = self.tables.allocate(count)
        self.tables.step(
            REDUCE, rows=count, width=op.taps, table=self.tables.table(taps), mode=int(op.kind == "and"), out=out
        )
        return (out + np.arange(count)).reshape(shape)

    def _argmax(self, planes: Planes) -> Planes:
        rows, levels = planes.shape
        digits = max((rows - 1).bit_length(), 1)
        out, best = self.tables.allocate(digits), self.tables.allocate(levels)
        self.tables.step(
            ARGMAX, rows=rows, levels=levels, digits=digits, table=self.tables.table(planes), patch=best, out=out
        )
        return (out + np.arange(digits))[None]


def _window(op: Window, x: Planes) -> Planes:
    h, w, c = x.shape
    (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = op.kernel, op.stride, op.pads, op.dilation
    oh, ow = window_size(op, h, w)
    padded = np.full((h + top + bottom, w + left + right, c + 1), ONE_PLANE if op.fill else ZERO_PLANE, np.int64)
    padded[..., c] = ONE_PLANE  # the last channel says "this is padding"
    padded[top : top + h, left : left + w, :c] = x
    padded[top : top + h, left : left + w, c] = ZERO_PLANE
    rows, columns = np.arange(oh) * sh, np.arange(ow) * sw
    taps = [padded[rows[:, None] + i * dh, columns + j * dw] for i in range(kh) for j in range(kw)]
    bits = np.concatenate([t[..., :c] for t in taps], axis=-1)
    return np.concatenate([bits, *(t[..., c:] for t in taps)], axis=-1) if op.is_pad else bits
