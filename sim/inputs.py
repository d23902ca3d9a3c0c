"""User arrays to the integers or bits of a network's input; every value is represented exactly or refused by index."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.affine import NAMED
from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.network import Network


def encode(network: Network, x: ArrayLike, first: int = 0) -> NDArray[np.integer]:
    """Samples (N, features) or (N, *model_shape) to (N, n): integers lo..hi (Affine) or bits (Step), smallest dtype.

    Affine: integer arrays are the integers themselves; real arrays, and -1 in a bipolar input, are the model's real
    values and must each be exactly representable. Step: real features, or a bool array of the bits themselves.
    first: index of the first of these samples, for messages. Raises CompileError naming sample and feature of the
    first value that cannot be taken, and wrong shapes.
    """
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise fail(f"samples have dtype {array.dtype}, numbers are needed", where="input data")
    rows = _rows(network, array)
    match network.input.encoding:
        case Affine() as affine:
            return _affine(affine, rows, first)
        case Step() as step:
            return _step(step, rows, first)


def _rows(network: Network, x: NDArray[np.generic]) -> NDArray[np.generic]:
    op = network.input
    size = prod(op.shape)
    if isinstance(op.encoding, Step) and x.dtype.kind == "f":
        size = op.encoding.features
    if x.ndim >= 2 and prod(x.shape[1:]) == size:
        return x.reshape(len(x), size)  # not -1: there may be no samples
    shape = ", ".join(map(str, op.model_shape or op.shape))
    want = f"(N, {size})" + (f" or (N, {shape})" if len(op.model_shape) > 1 else "")
    raise fail(f"samples have shape {tuple(x.shape)}, {want} is needed", where=f"input {op.name!r}")


def _refuse(bad: NDArray[np.bool_], x: NDArray[np.generic], first: int, why: str, hint: str = "") -> CompileError:
    sample, feature = (int(i) for i in np.argwhere(bad)[0])
    return fail(
        f"sample {first + sample}, feature {feature} is {x[sample, feature]}", where="input data", why=why, hint=hint
    )


def _affine(enc: Affine, x: NDArray[Any], first: int) -> NDArray[np.integer]:
    if x.dtype.kind == "f" or (x.dtype.kind == "i" and len(x) and _bipolar(enc) and x.min() == -1):
        return _from_real(enc, x.astype(np.float64), first)
    if _leaves(enc, x):
        bad = (x < enc.lo) | (x > enc.hi)
        raise _refuse(bad, x, first, f"the input holds integers {enc.lo}..{enc.hi} ({enc}); nothing is clipped")
    return x.astype(_least(enc.lo, enc.hi), copy=False)


def _bipolar(enc: Affine) -> bool:
    return (enc.lo, enc.hi) == (0, 1) and enc.steps == NAMED["bipolar"].steps


@lru_cache
def _least(lo: int, hi: int) -> np.dtype[Any]:
    """The smallest dtype of the integers lo..hi."""
    return np.result_type(np.min_scalar_type(lo), np.min_scalar_type(hi))


@lru_cache
def _limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def _leaves(enc: Affine, x: NDArray[Any]) -> bool:
    """Whether any integer lies outside lo..hi; no look at the data where its dtype cannot."""
    if x.dtype.kind == "b" or not x.size:
        return False
    lowest, highest = _limits(x.dtype)
    if enc.lo <= lowest and highest <= enc.hi:
        return False
    return bool(x.min() < enc.lo or x.max() > enc.hi)


def _from_real(enc: Affine, x: NDArray[np.float64], first: int) -> NDArray[np.integer]:
    if not np.isfinite(x).all():
        raise _refuse(~np.isfinite(x), x, first, "a feature must be a finite number")
    nearest = enc.nearest(x)
    bad = enc.real(nearest) != x.astype(np.float32)
    if bad.any():
        raise _refuse(
            bad,
            x,
            first,
            f"it is not the real value of any integer {enc.lo}..{enc.hi} ({enc})",
            "pass the integers themselves as an integer array, or state another encoding with --input / input=",
        )
    return nearest.astype(_least(enc.lo, enc.hi))


def _step(enc: Step, x: NDArray[np.generic], first: int) -> NDArray[np.uint8]:
    if x.dtype.kind == "b":
        return x.astype(np.uint8)
    if x.dtype.kind != "f":
        raise fail(
            "the samples are integers, the model compares real features with its own thresholds",
            where="input data",
            why="no encoding was stated, so an integer could mean a pixel or a real number",
            hint="load the model with --input uint8/255 (or the encoding that fits), or pass floating-point features",
        )
    if np.isnan(x).any():
        raise _refuse(np.isnan(x), x, first, "a feature must be a number")
    out = np.empty((len(x), len(enc.feature)), np.uint8)
    for start in range(0, len(x), 4096):  # bounds the copy that gathering the features makes
        block = slice(start, start + 4096)
        out[block] = x[block].astype(np.float32)[:, enc.feature] >= enc.threshold
    return out
