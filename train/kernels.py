"""The hot loops of convex training, compiled by numba at their first call.

Arrangements are bits: byte b of a column holds samples 8b..8b+7, the first in the highest bit (numpy.packbits). A
product D^T r then needs one table of 256 partial sums per byte row and one look-up per byte: 8 samples per load and
add. Measured against sgemv in docs/benchmarks/trainers.md.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(nogil=True)
def _tabulate(r: NDArray[np.floating], table: NDArray[np.floating]) -> None:
    """table[byte]: the sum of the 8 values of r whose bits are set in the byte."""
    table[0] = 0
    for k in range(8):
        value, half = r[7 - k], 1 << k
        for m in range(half):
            table[half + m] = table[m] + value


@njit(nogil=True)
def correlate(bits: NDArray[np.uint8], r: NDArray[np.floating], out: NDArray[np.floating]) -> None:
    """Adds D^T r to out (P,). bits: (n/8, P) packed columns D. r: (n,) padded with zeros to whole bytes.

    It takes eight byte rows at a time: their tables (16 KiB in float64) stay in the first cache, and `out` is read and
    written an eighth as often.
    """
    rows, columns = bits.shape
    tables = np.zeros((8, 256), r.dtype)
    t0, t1, t2, t3 = tables[0], tables[1], tables[2], tables[3]
    t4, t5, t6, t7 = tables[4], tables[5], tables[6], tables[7]
    eights = rows - rows % 8
    for b in range(0, eights, 8):
        for k in range(8):
            _tabulate(r[8 * (b + k) :], tables[k])
        b0, b1, b2, b3 = bits[b], bits[b + 1], bits[b + 2], bits[b + 3]
        b4, b5, b6, b7 = bits[b + 4], bits[b + 5], bits[b + 6], bits[b + 7]
        for j in range(columns):
            first = (t0[b0[j]] + t1[b1[j]]) + (t2[b2[j]] + t3[b3[j]])
            out[j] += first + ((t4[b4[j]] + t5[b5[j]]) + (t6[b6[j]] + t7[b7[j]]))
    for b in range(eights, rows):
        _tabulate(r[8 * b :], t0)
        row = bits[b]
        for j in range(columns):
            out[j] += t0[row[j]]


@njit(nogil=True)
def descend(gram: Floats, target: Floats, w: Floats, beta: float, sweeps: int, tolerance: float) -> None:
    """Minimizes 1/2 tr w'Gw - tr target'w + beta * sum of the norms of w's rows by cyclic block coordinate descent.

    gram: G, (p, p). target, w: (p, K), w in place. K = 1 is the LASSO, K > 1 the group LASSO. It ends after `sweeps`
    sweeps, or when no row moves a prediction's norm by more than `tolerance`.
    """
    p, outputs = w.shape
    slack = target - gram @ w
    z = np.empty(outputs)
    for _ in range(sweeps):
        moved = 0.0
        for j in range(p):
            g = gram[j, j]
            if g <= 1e-12:
                continue
            norm = 0.0
            for k in range(outputs):
                z[k] = slack[j, k] + g * w[j, k]
                norm += z[k] * z[k]
            norm = np.sqrt(norm)
            keep = 0.0 if norm <= beta else (1.0 - beta / norm) / g
            change = 0.0
            for k in range(outputs):
                z[k] = keep * z[k] - w[j, k]
                change += z[k] * z[k]
            if change == 0.0:
                continue
            for k in range(outputs):
                w[j, k] += z[k]
            for i in range(p):
                for k in range(outputs):
                    slack[i, k] -= gram[j, i] * z[k]
            moved = max(moved, np.sqrt(change * g))
        if moved < tolerance:
            return


@njit(nogil=True)
def best_threshold(z: Ints, r: Floats) -> tuple[float, int]:
    """Returns the largest sum of r over z >= t, and such a t in the middle between two values of z.

    z: (n,) integer sums. r: (n,).
    """
    n, low, high = len(z), z.min(), z.max()
    best, after, before, total = r.sum(), low, low - 1, 0.0
    if high - low <= 4 * n + 256:
        heap = np.zeros(high - low + 1)
        seen = np.zeros(high - low + 1, np.bool_)
        for i in range(n):
            heap[z[i] - low] += r[i]
            seen[z[i] - low] = True
        value = high
        last = high
        for value in range(high, low - 1, -1):
            if not seen[value - low]:
                continue
            if value < high and total > best:
                best, after, before = total, last, value
            total += heap[value - low]
            last = value
        return best, before + (after - before + 1) // 2
    order = np.argsort(z)
    for k in range(n - 1, 0, -1):
        total += r[order[k]]
        if z[order[k - 1]] != z[order[k]] and total > best:
            best, after, before = total, z[order[k]], z[order[k - 1]]
    return best, before + (after - before + 1) // 2


@njit(nogil=True)
def climb(
    x: Ints, r: Floats, u: Ints, limit: int, fan_in: int, tries: int, sweeps: int, seed: int
) -> tuple[float, int]:
    """Raises the sum of r over the samples where u.x >= t, one weight at a time with the best t for each; u in place.

    x: (d, n) integer features. r: (n,). Weights stay in -limit..limit, at most `fan_in` of them other than 0; `tries`
    values of a weight are looked at where there are more. Returns the sum reached and t.
    """
    np.random.seed(seed)  # noqa: NPY002  (numba knows no Generator)
    d, n = x.shape
    z = np.zeros(n, np.int64)
    used = 0
    for j in range(d):
        if u[j] != 0:
            used += 1
            z += u[j] * x[j]
    best, threshold = best_threshold(z, r)
    for _ in range(sweeps):
        start = best
        for j in np.random.permutation(d):  # noqa: NPY002
            swap = -1
            if u[j] == 0 and used >= fan_in:
                swap = np.random.randint(0, d)  # noqa: NPY002
                while u[swap] == 0:
                    swap = (swap + 1) % d
            rest = z - u[j] * x[j]
            if swap >= 0:
                rest = rest - u[swap] * x[swap]
            count = 2 * limit + 1
            every = count <= tries
            for m in range(count if every else tries):
                value = m - limit if every else np.random.randint(-limit, limit + 1)  # noqa: NPY002
                if value == u[j] or (swap >= 0 and value == 0):
                    continue
                moved = rest + value * x[j]
                found, t = best_threshold(moved, r)
                if found > best + 1e-9 * (1.0 + abs(best)):
                    used += (value != 0) - (u[j] != 0)
                    if swap >= 0:
                        u[swap] = 0
                        used -= 1
                        swap = -1
                        rest = moved - value * x[j]
                    best, threshold, u[j] = found, t, value
                    z = moved
        if best <= start:
            break
    return best, threshold
