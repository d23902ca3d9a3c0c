"""`--verify-passes`: whether two networks compute the same, on all inputs where those are few, else on telling ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.isomorphism import first_difference
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Input, Output

Evaluate = Callable[[Network, NDArray[np.generic]], Sequence[NDArray[np.generic]]]
"""Network and samples (N, n), integers lo..hi or, for a Step input, bool bits; one array (N, ..) per network output."""

EXHAUSTIVE = 2**16
"""Networks with at most this many different inputs are checked on every one of them."""
_RANDOM, _ONE_HOT, _BLOCK = 512, 64, 4096


def check_pass(before: Network, after: Network, evaluate: Evaluate, rng: np.random.Generator) -> str | None:
    """Returns the first difference between networks that should compute the same, with the sample that shows it; or
    None."""
    difference = _input_difference(before, after) or _output_difference(before.outputs, after.outputs)
    if difference is not None:
        return difference
    samples = check_samples(before.input, rng)
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK]
        results = zip(before.outputs, evaluate(before, block), evaluate(after, block), strict=True)
        for output, old, new in results:
            if np.array_equal(old, new):
                continue
            if old.shape != new.shape:
                return f"output {output.name!r} has shape {list(old.shape[1:])} before and {list(new.shape[1:])} after"
            at = np.argwhere(old != new)[0]
            sample = np.array2string(block[at[0]].astype(np.int64), threshold=4096, max_line_width=10**6)
            place = f"output {output.name!r} {at[1:].tolist()}"
            return f"{place} is {old[tuple(at)]} before and {new[tuple(at)]} after for the input {sample}"
    return None


def _input_difference(before: Network, after: Network) -> str | None:
    """The input is the interface to the user's data; no pass may touch it."""
    heads = [Network("", (n.input,), (Output("", 0, _kind(n), np.ones(()), np.zeros(())),)) for n in (before, after)]
    difference = first_difference(heads[0], heads[1])
    return None if difference is None else f"the input differs: {difference}"


def _kind(network: Network) -> Literal["scores", "bits"]:
    return "scores" if isinstance(network.input.encoding, Affine) else "bits"


def _output_difference(before: Sequence[Output], after: Sequence[Output]) -> str | None:
    for field in ("name", "kind"):
        old, new = [getattr(o, field) for o in before], [getattr(o, field) for o in after]
        if old != new:
            return f"the outputs' {field}s are {old} before and {new} after"
    for p, q in zip(before, after, strict=True):
        if not (np.array_equal(p.scale, q.scale) and np.array_equal(p.offset, q.offset)):
            return f"output {p.name!r} has another scale or offset"
    return None


def check_samples(op: Input, rng: np.random.Generator) -> NDArray[np.generic]:
    """Returns samples (N, n) for an input: all there are up to 2**16, else all lowest, all highest, some with one
    feature unlike the others, random ones of the extremes, and random ones."""
    n = math.prod(op.shape)
    lo, hi = (op.encoding.lo, op.encoding.hi) if isinstance(op.encoding, Affine) else (0, 1)
    base = hi - lo + 1
    if n * math.log2(base) <= math.log2(EXHAUSTIVE):
        samples = lo + np.arange(base**n)[:, None] // base ** np.arange(n) % base
    else:
        samples = _telling(n, lo, hi, rng)
    return samples if isinstance(op.encoding, Affine) else samples.astype(np.bool_)


def _telling(n: int, lo: int, hi: int, rng: np.random.Generator) -> NDArray[np.int64]:
    odd = rng.permutation(n)[:_ONE_HOT]
    one_hot = np.full((len(odd), n), lo)
    one_hot[np.arange(len(odd)), odd] = hi
    density = rng.random((_RANDOM, 1))
    extremes = np.where(rng.random((_RANDOM, n)) < density, hi, lo)
    uniform = rng.integers(lo, hi + 1, (_RANDOM, n))
    return np.concatenate([np.full((1, n), lo), np.full((1, n), hi), one_hot, lo + hi - one_hot, extremes, uniform])
