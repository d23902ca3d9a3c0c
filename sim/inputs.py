"""User arrays to the integers or bits of a network's input; every value is represented exactly or refused by index."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.affine import NAMED
from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.network import Network


def encode(network: Network, x: ArrayLike, first: int = 0) -> NDArray[np.integer]:
    """Turns samples (N, features) or (N, *model_shape) into (N, n): integers lo..hi (Affine) or bits (Step), smallest
    dtype.

    Affine: integer arrays are the integers themselves; real arrays, and -1 in a bipolar input, are the model's real
    values and must each be exactly representable. Step: real features, or a bool array of the bits themselves.
    first: index of the first of these samples, for messages. Raises CompileError naming sample and feature of the
    first value that cannot be taken, and wrong shapes.
    """
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise fail(f"samples have dtype {array.dtype}, numbers are needed", where="input data")
    rows = sample_rows(network, array)
    match network.input.encoding:
        case Affine() as affine:
            return _affine(affine, rows, first)
        case Step() as step:
            return _step(step, rows, first)


def sample_rows(network: Network, x: NDArray[np.generic]) -> NDArray[np.generic]:
    """Returns samples (N, features) of samples in that shape or the model's, but for axes of length 1. Of a model whose
    own shape is flat, also of samples with two axes, as grey images: row by row.

    Raises CompileError for another shape, even of the right size: the order of its features is not the model's.
    """
    op = network.input
    size = prod(op.shape)
    if isinstance(op.encoding, Step) and x.dtype.kind != "b":
        size = op.encoding.features
    known = [s for s in (op.model_shape, op.shape) if prod(s) == size] or [(size,)]
    fits = x.ndim >= 2 and prod(x.shape[1:]) == size
    own = _long(x.shape[1:])
    if fits and (own in ((), (size,), *map(_long, known)) or (len(own) == 2 and all(len(_long(s)) < 2 for s in known))):
        return x.reshape(len(x), size)  # not -1: there may be no samples
    shape = ", ".join(map(str, op.model_shape or op.shape))
    want = f"(N, {size})" + (f" or (N, {shape})" if len(op.model_shape) > 1 else "")
    why, hint = "", _other_shape(x.shape, size)
    if fits:
        why = "as many features, but in another layout: their order would not be the model's"
        hint = _layout(x.shape[1:], known[0])
    elif isinstance(op.encoding, Step) and x.dtype.kind == "b" and prod(x.shape[1:]) == op.encoding.features:
        want, why = f"(N, {size})", "a bool array is taken for the bits that the model's comparisons give"
        hint = "pass the features as numbers: x.astype(np.float32)"
    raise fail(f"samples have shape {tuple(x.shape)}, {want} is needed", where=f"input {op.name!r}", why=why, hint=hint)


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its axes of length 1, which no layout depends on."""
    return tuple(n for n in shape if n != 1)


def _layout(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What gives samples of one shape the other: a permutation of the axes where there is one."""
    if len(found) <= 6 and sorted(_long(found)) == sorted(_long(wanted)):
        for axes in permutations(range(1, len(found) + 1)):
            if _long(tuple(found[k - 1] for k in axes)) == _long(wanted):
                return f"x.transpose(0, {', '.join(map(str, axes))})"
    return f"x.reshape(len(x), {prod(found)}) if the features are in the model's order"


def _other_shape(shape: tuple[int, ...], size: int) -> str:
    """What to try with an array of another shape than samples of `size` features."""
    if prod(shape) == size:
        return "a first axis for the one sample: x[None]"
    if len(shape) == 2 and shape[1] == size + 1:
        holds, drops = option("table", "target=NAME"), option("table", "drop=NAME")
        return f"one column too many: {holds} if it holds the labels, else {drops}"
    return f"samples of {size} features each; `threshc show MODEL` prints what the model reads"


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
        raise _no_integer(enc, x, bad, first)
    return nearest.astype(_least(enc.lo, enc.hi))


def _no_integer(enc: Affine, x: NDArray[np.float64], bad: NDArray[np.bool_], first: int) -> CompileError:
    """The error for numbers of which bad ones stand for no integer, with the nearest one of the first of them."""
    nearest = enc.nearest(x)
    real, at = enc.real(nearest), tuple(np.argwhere(bad)[0])
    why = f"it is not the real value of any integer {enc.lo}..{enc.hi} ({enc}); nearest is {nearest[at]} = {real[at]}"
    hint = f"pass the integers themselves as an integer array, or state another encoding with {option('input')}"
    if np.allclose(
        real, x, rtol=1e-6, atol=1e-6
    ):  # the same formula in float64, or with its operations in another order
        hint = f"compute {enc} in float32, in this order, or pass the integers"
    return _refuse(bad, x, first, why, hint)


def _step(enc: Step, x: NDArray[np.generic], first: int) -> NDArray[np.uint8]:
    if x.dtype.kind == "b":
        return x.astype(np.uint8)
    real = real_features(enc, x, first)
    out = np.empty((len(x), len(enc.feature)), np.uint8)
    for start in range(0, len(x), 4096):  # bounds the copy that gathering the features makes
        block = slice(start, start + 4096)
        out[block] = real[block].astype(np.float32)[:, enc.feature] >= enc.threshold
    return out


def real_features(enc: Step, x: NDArray[Any], first: int = 0) -> NDArray[np.generic]:
    """Returns samples (N, features) as numbers that the model compares itself, checked. Integers are the numbers
    themselves where only that can be meant: every threshold is a whole number or a half, and one lies beyond -1..1.

    Raises CompileError for NaN, for integers that could mean something else, and for those beyond float32.
    """
    if x.dtype.kind == "f":
        if np.isnan(x).any():
            raise _refuse(np.isnan(x), x, first, "a feature must be a number")
        return x
    if x.dtype.kind == "b":
        raise fail("the samples are bits, the model takes real features", where="input data", hint="pass the features")
    known = enc.threshold[np.isfinite(enc.threshold)].astype(np.float64)
    whole = bool((2 * known == np.rint(2 * known)).all())
    if not whole or not (np.abs(known) > 1).any():
        raise _which_integers(known, x)
    far = (x > 2**24) | (x < -(2**24))
    if far.any():
        raise _refuse(far, x, first, "float32, in which the model compares, does not hold every integer so large")
    return x


def _which_integers(known: NDArray[np.float64], x: NDArray[Any]) -> CompileError:
    """The error that integers could be pixels or numbers, with the spelling of each."""
    lo, hi = (int(x.min()), int(x.max())) if x.size else (0, 1)
    bits = max(hi.bit_length(), (-lo - 1).bit_length() if lo < 0 else 1)
    name = f"int{bits + 1}" if lo < 0 else "uint8" if bits <= 8 else f"uint{bits}"
    top = 255 if name == "uint8" else max(hi, 1)
    inside = bool(known.size) and bool((np.abs(known) <= 1).all())
    scaled = f"{option('input', f'{name}/{top}')} (or as in training: ({name}/{top}-MEAN)/STD)"
    hint = f"{scaled} for pixels, {option('input', name)} for the numbers themselves"
    if not inside:
        hint = f"{option('input', name)} if the integers are the features themselves; {scaled} if they are scaled first"
    span = f"{known.min():g}..{known.max():g}" if known.size else "nothing"
    return fail(
        "the samples are integers, the model compares real features with its own thresholds",
        where="input data",
        why=f"the thresholds lie in {span}; an integer of {lo}..{hi} could mean a pixel or the number itself",
        hint=f"{hint}; or pass floating-point features",
    )
