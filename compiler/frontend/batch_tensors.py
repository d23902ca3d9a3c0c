"""Tensors of several samples beside those of one: where the elements of each lie, and whether two agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.frontend.kernels.registry import Array

_BATCHES = (2, 3, 5, 7, 11, 13, 17, 19, 23)


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A tensor of several samples. Where axis is given, it is their tensors end to end along that axis, counted from
    the last (-1); else element e is element places[e] of their tensors, flattened and laid end to end."""

    shape: tuple[int, ...]
    axis: int | None
    places: NDArray[np.int64] | None = None


def random_numbers(random: np.random.Generator, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Returns random numbers of a type, each of few where it is an integer."""
    if dtype == np.bool_:
        return random.random(shape) < 0.5
    if dtype.kind in "iu":
        return random.integers(0, 100, shape).astype(dtype)
    return np.asarray(random.normal(size=shape)).astype(dtype)


def batch_size(constants: Iterable[Array]) -> int:
    """Returns a number of samples that no constant of shapes and axes divides into, as the 4 of a Reshape to [4, -1]
    does 8."""
    small = (c.ravel().tolist() for c in constants if c.dtype.kind == "i" and c.size <= 16)
    stated = {abs(int(v)) for v in chain.from_iterable(small)}
    return next((n for n in _BATCHES if not any(v and v % n == 0 for v in stated)), _BATCHES[-1])


def places_of(a: Spread, one: tuple[int, ...], n: int) -> NDArray[np.int64]:
    """Returns, for every element of a tensor of n samples, its place in theirs, flattened and laid end to end."""
    if a.axis is None:
        assert a.places is not None
        return a.places.reshape(a.shape)
    size = int(np.prod(one, dtype=np.int64))
    numbers = np.arange(size).reshape(one)
    return np.concatenate([numbers + k * size for k in range(n)], a.axis)


def axes_of(together: tuple[int, ...], apart: tuple[int, ...], n: int) -> list[int]:
    """The axes, counted from the last, along which n tensors of one shape make up another."""
    if len(together) != len(apart):
        return []
    differ = [k - len(apart) for k in range(len(apart)) if together[k] != apart[k]]
    return differ if len(differ) == 1 and together[differ[0]] == n * apart[differ[0]] else []


def nearly_equal(a: Array, b: Array) -> bool:
    """Tells whether arrays are equal but for the rounding of sums in another order; mixed samples differ in far
    more."""
    if a.dtype.kind not in "fiub":
        return bool(np.array_equal(a, b))
    x, y = a.astype(np.float64), b.astype(np.float64)
    size = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))
    return bool(np.allclose(x, y, rtol=1e-3, atol=1e-3 * size, equal_nan=True))
