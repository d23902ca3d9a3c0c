"""Random integer units: weights in -limit..limit, few of them other than 0, and an integer threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Units = tuple[Ints, Ints]
Rng = np.random.Generator

_ENOUGH = 4096


def sample(kind: str, x: Ints, y: Ints, count: int, limit: int, fan_in: int, rng: Rng) -> Units:
    """Returns random units u (d, count), t (count,), integers.

    kind: one of SAMPLERS. x: (n, d) integers. y: (n,) class numbers, for `pair`. limit, fan_in: largest weight and most
    weights of a unit.
    """
    return SAMPLERS[kind](x, y, count, limit, fan_in, rng)


def _gaussian(x: Ints, y: Ints, count: int, limit: int, fan_in: int, rng: Rng) -> Units:
    """Normal directions over standardized features, normal bias, both rounded."""
    spread = x.std(axis=0) + 1e-12
    u = _rounded(rng.standard_normal((x.shape[1], count)) / spread[:, None] * (x.std(axis=0) > 0)[:, None], limit)
    u = _pruned(u, fan_in, rng)
    z = _some(x, rng).astype(np.float64) @ u
    return u, np.rint(z.mean(axis=0) + z.std(axis=0) * rng.standard_normal(count)).astype(np.int64)


def _quantile(x: Ints, y: Ints, count: int, limit: int, fan_in: int, rng: Rng) -> Units:
    """The same directions, each with the sum of a random sample as its threshold."""
    u, _ = _gaussian(x, y, count, limit, fan_in, rng)
    return u, _data_thresholds(x, u, rng)


def _ternary(x: Ints, y: Ints, count: int, limit: int, fan_in: int, rng: Rng) -> Units:
    """1 to 8 weights of -1 or +1, threshold from a random sample."""
    d = x.shape[1]
    most = min(8, d, fan_in)
    order = rng.random((d, count)).argsort(axis=0).argsort(axis=0)
    u = np.where(order < rng.integers(1, most + 1, count), rng.choice([-1, 1], (d, count)), 0)
    return u, _data_thresholds(x, u, rng)


def _integer(x: Ints, y: Ints, count: int, limit: int, fan_in: int, rng: Rng) -> Units:
    """Uniform integers, threshold from a random sample."""
    u = _pruned(rng.integers(-limit, limit + 1, (x.shape[1], count)), fan_in, rng)
    return u, _data_thresholds(x, u, rng)


def _pair(x: Ints, y: Ints, count: int, limit: int, fan_in: int, rng: Rng) -> Units:
    """The direction between two samples of different class, threshold between them."""
    first = rng.integers(0, len(x), count)
    second = rng.integers(0, len(x), count)
    for _ in range(8):
        same = y[first] == y[second]
        second[same] = rng.integers(0, len(x), int(same.sum()))
    u = _pruned(_rounded((x[second] - x[first]).T.astype(np.float64), limit), fan_in, rng)
    low, high = (np.einsum("nd,dn->n", x[k], u) for k in (first, second))
    return u, low + np.ceil(rng.uniform(0.2, 0.8, count) * (high - low)).astype(np.int64)


def _some(x: Ints, rng: Rng) -> Ints:
    """All samples, or so many that means and spreads are close."""
    return x if len(x) <= _ENOUGH else x[rng.integers(0, len(x), _ENOUGH)]


def _rounded(u: NDArray[np.float64], limit: int) -> Ints:
    """Columns scaled so that their largest weight is `limit`, then rounded."""
    top = np.abs(u).max(axis=0)
    return np.rint(u / np.where(top > 0, top, 1) * limit).astype(np.int64)


def _pruned(u: Ints, fan_in: int, rng: Rng) -> Ints:
    """At most `fan_in` weights per column, chosen at random among those other than 0."""
    if fan_in >= len(u):
        return u
    rank = np.where(u != 0, rng.random(u.shape), 2.0).argsort(axis=0).argsort(axis=0)
    return np.where(rank < fan_in, u, 0)


def _data_thresholds(x: Ints, u: Ints, rng: Rng) -> Ints:
    rows = rng.integers(0, len(x), u.shape[1])
    return np.asarray(np.einsum("nd,dn->n", x[rows], u))


SAMPLERS: dict[str, Callable[[Ints, Ints, int, int, int, Rng], Units]] = {
    "gaussian": _gaussian,
    "quantile": _quantile,
    "ternary": _ternary,
    "integer": _integer,
    "pair": _pair,
}
