"""What a model computes from its input's integers by adding, subtracting, multiplying and dividing, as fractions.

(x / 255 - mean[c]) / std[c] is slope[c] * i + offset[c]. As in `--input`, numbers are read as they are written: 0.485
of float32 is 485/1000. Elements that the same constants made share one line, so few fractions are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from threshc.compiler.affine import Affine
from threshc.compiler.frontend.dtypes import is_float
from threshc.compiler.frontend.kernels.registry import Array, Kind, need, number
from threshc.compiler.frontend.symbolic import MOVES, Expr, IntArray, evaluate

_MOST = 1 << 16  # different lines
_PROBES = 1024
"""Integers of the input at which the model's own values are compared with the lines."""

Pair = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Element e (flattened) is slope * i + offset, (slope, offset) = pairs[which[e]], free of rounding."""

    which: IntArray
    pairs: tuple[Pair, ...]


class _NoLine(Exception):
    """The tensor is not an affine function of the input's integers, as far as is known."""


def input_lines(x: Expr, encoding: Affine) -> Lines | None:
    """Returns the lines of a tensor over the input's integers, or None where other operators lie between."""
    try:
        which, pairs = _of(x, encoding, {})
    except _NoLine:
        return None
    lines = Lines(which.ravel(), tuple(pairs))
    moved = all(n.op in MOVES for n in x.trail)
    return lines if all(s for s, _ in pairs) and (moved or _fits(x, lines)) else None


Known = tuple[IntArray, Sequence[Pair]]


def _of(x: Expr, encoding: Affine, memo: dict[int, Known]) -> Known:
    if id(x) not in memo:
        memo[id(x)] = _computed(x, encoding, memo)
    return memo[id(x)]


def _computed(x: Expr, encoding: Affine, memo: dict[int, Known]) -> Known:
    if x.node is None or x.kernel is None:
        slopes, offsets = encoding.line()
        return encoding.channel(x.leaf.lo.size).reshape(x.shape), list(zip(slopes, offsets, strict=True))
    op, first = x.node.op, x.args[0]
    if op in MOVES and op != "Pad" and x.kernel.kind is Kind.STRUCTURE and isinstance(first, Expr):
        which, pairs = _of(first, encoding, memo)
        return x.kernel.compute(x.node, [which, *(a for a in x.args[1:] if not isinstance(a, Expr))])[0], pairs
    if op in ("Identity", "Dropout") and isinstance(first, Expr):
        return _of(first, encoding, memo)
    if op == "Cast" and isinstance(first, Expr) and is_float(x.sample.dtype):
        return _of(first, encoding, memo)
    if not is_float(x.sample.dtype):
        raise _NoLine  # integers can wrap around
    args = [_of(a, encoding, memo) if isinstance(a, Expr) else None if a is None else _constant(a) for a in x.args]
    known = [a for a in args if a is not None]
    if op == "Neg":
        which, pairs = known[0]
        return which, [(-s, -o) for s, o in pairs]
    if op == "BatchNormalization":
        return _normalized(x, known)
    if op in ("Add", "Sub", "Mul", "Div") and len(known) == 2:
        return _combined(op, known[0], known[1], x.shape)
    raise _NoLine


def _constant(a: Array) -> Known:
    values, which = np.unique(a, return_inverse=True)
    if len(values) > _MOST or not np.isfinite(values.astype(np.float64)).all():
        raise _NoLine
    return which.reshape(np.shape(a)), [(Fraction(0), Fraction(str(v))) for v in values]


def _combined(op: str, a: Known, b: Known, shape: tuple[int, ...]) -> Known:
    """Two tensors element by element, once for each pair of lines that meets."""
    keys = np.broadcast_to(a[0] * len(b[1]) + b[0], shape)
    met, which = np.unique(keys, return_inverse=True)
    if len(met) > _MOST:
        raise _NoLine
    pairs = [_one(op, a[1][int(k) // len(b[1])], b[1][int(k) % len(b[1])]) for k in met]
    return which.reshape(shape), pairs


def _one(op: str, a: Pair, b: Pair) -> Pair:
    if op in ("Add", "Sub"):
        sign = 1 if op == "Add" else -1
        return a[0] + sign * b[0], a[1] + sign * b[1]
    if op == "Mul" and not a[0]:
        a, b = b, a
    if b[0] or (op == "Div" and not b[1]):
        raise _NoLine
    factor = b[1] if op == "Mul" else 1 / b[1]
    return a[0] * factor, a[1] * factor


def _normalized(x: Expr, known: Sequence[Known]) -> Known:
    """gamma * (x - mean) / sqrt(var + epsilon) + beta; the root is read to 53 bits."""
    assert x.node is not None
    var = np.asarray(need([None if isinstance(a, Expr) else a for a in x.args], 4))
    root = np.sqrt(var.astype(np.float64) + number(x.node, "epsilon", 1e-5))
    if not (np.isfinite(root) & (root > 0)).all():
        raise _NoLine
    values, which = np.unique(root, return_inverse=True)
    deviation: Known = (which.reshape(root.shape), [(Fraction(0), Fraction(float(v))) for v in values])
    per_channel = (-1, *[1] * (len(x.shape) - 2))
    gamma, beta, mean, deviation = ((w.reshape(per_channel), p) for w, p in (*known[1:4], deviation))
    found = _combined("Sub", known[0], mean, x.shape)
    for op, other in (("Mul", gamma), ("Div", deviation), ("Add", beta)):
        found = _combined(op, found, other, x.shape)
    return found


def _fits(x: Expr, lines: Lines) -> bool:
    """Whether the model's own values are those of the lines, up to the rounding of their type."""
    lo, hi = int(x.leaf.lo.min()), int(x.leaf.hi.max())
    slope, offset = (np.array([float(p[k]) for p in lines.pairs])[lines.which] for k in (0, 1))
    far = np.maximum(np.abs(slope) * max(abs(lo), abs(hi)), np.abs(offset))
    allowed = 4 * np.finfo(np.float32).eps * np.maximum(far, 1e-30)
    for i in np.unique(np.linspace(lo, hi, min(hi - lo + 1, _PROBES)).astype(np.int64)):
        away = np.abs(evaluate(x, np.full(x.leaf.shape, i, np.int64)).astype(np.float64).ravel() - (slope * i + offset))
        if not (away <= allowed).all():
            return False
    return True
