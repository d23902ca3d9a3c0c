"""The input's own integers in a layer: as bit planes with a scale per channel, or through a quantizer in few bits."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.context import Context
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.input_line import Lines, input_lines
from threshc.compiler.frontend.input_table import WIDEST, InputTable, Staircase, input_table
from threshc.compiler.frontend.numbers import Numbers
from threshc.compiler.frontend.sums import want_plain
from threshc.compiler.frontend.symbolic import Expr, Features, IntArray
from threshc.compiler.ir.ops import ZERO, Bitplanes, Compare, Gather, Loc, Sum, Value
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints

_BITS, _FINEST = 40, 28
"""Bits of the whole numbers that stand in the ratio of the channels' scales. Where the numbers as they are written have
no such ratio (1 / 0.26862954 beside 1 / 0.26130258), the ratio is read to 40 bits, or as many as fit, but at least 28:
float32, in which the model holds its scales, has 24."""


def enters_as_integers(context: Context, x: Expr) -> bool:
    """Returns whether a layer reads the input's integers themselves, not the bits of comparisons with them."""
    return _several(x) and (not x.stepped or _form(context, x, 1) is not None)


def input_numbers(context: Context, node: Node, x: Expr, padded: bool, room: int, uses: int) -> Numbers | None:
    """Returns a tensor as integers over the input's bits, or None where it is not a function of its integers, or better
    coded as the bits of its steps.

    padded: zeros stand beside it, so that nothing may be added to the integers that is not one of them. room: bits that
    the layer's sums have left for what multiplies each weight.
    """
    form = _form(context, x, uses)
    if isinstance(form, Lines):
        return _on_lines(context.builder, node, x, form, padded, room)
    if form is None and _several(x) and not x.stepped:
        raise fail(
            "the input reaches a layer through a map that is not affine",
            where=f"{node.where}, tensor {x.tensor!r}",
            why="features that are not compared first must be integers times a scale, plus an offset, or take values "
            f"that are whole multiples of one number (looked at for up to {WIDEST} integers)",
            hint="scale the features by multiplication and addition only, or compare them with thresholds",
        )
    return None if form is None else _on_table(context.builder, x, form)


def _several(x: Expr) -> bool:
    """Whether the leaf is the input with more than two integers."""
    return x.leaf.source == Features(True) and int((x.leaf.hi - x.leaf.lo).max()) > 1


def _form(context: Context, x: Expr, uses: int) -> Lines | InputTable | None:
    encoding = context.builder.encoding
    if encoding is None or not _several(x):
        return None
    return input_lines(x, encoding) or input_table(x, uses)


def _on_lines(builder: Builder, node: Node, x: Expr, lines: Lines, padded: bool, room: int) -> Numbers:
    lo, hi = int(x.leaf.lo.min()), int(x.leaf.hi.max())
    plane, k = np.array(plane_weights(lo, hi)), len(plane_weights(lo, hi))
    slopes, offsets = [p[0] for p in lines.pairs], [p[1] for p in lines.pairs]
    n, unit, exact = _in_one_unit([*slopes, *offsets] if padded else slopes, room - k, node.where)
    if not exact:
        builder.notes.append(
            f"{node.where}: the scales of the input's channels have no common unit of {_BITS} bits, "
            f"and were rounded to one of 2^-{min(_BITS, room - k)} of the largest (float32 has 2^-24)"
        )
    real = np.array([float(o) for o in offsets])
    want_plain(x.sample.dtype, float(unit), real, node.where)
    count, which = len(lines.pairs), lines.which
    none = np.zeros(len(which))
    base = n[count:][which] if padded else np.zeros(len(which), np.int64)
    index = x.src.reshape(-1, 1) * k + np.arange(k)
    delta = n[:count][which][:, None] * plane
    return Numbers(builder.planes(), index, delta, base, float(unit), none if padded else real[which], none)


def _in_one_unit(values: list[Fraction], room: int, where: str) -> tuple[IntArray, Fraction, bool]:
    """Whole numbers and a unit: the largest of which all values are multiples, or one of as many bits as `room`.

    And whether the values are those multiples exactly.
    """
    below = lcm(*{v.denominator for v in values})
    whole = [v.numerator * (below // v.denominator) for v in values]
    unit = gcd(*whole)
    if max(map(abs, whole)) // unit < 1 << _BITS:
        return np.array([w // unit for w in whole], np.int64), Fraction(unit, below), True
    bits = min(_BITS, room)
    if bits < _FINEST:
        raise fail(
            f"the channels' scales of the input have no common unit of {_FINEST} bits",
            where=where,
            why="each weight is multiplied by its channel's scale, as a whole number, and the sums have 62 bits",
            hint="use scales with fewer decimals, one scale for all channels, or weights of fewer bits",
        )
    finest = max(map(abs, values)) / (1 << bits)
    return np.array([round(v / finest) for v in values], np.int64), finest, False


def _on_table(builder: Builder, x: Expr, table: InputTable) -> Numbers:
    """Thresholds of the input, as they are or counted, beside its own bits."""
    loc, src, which = Loc(x.trail[-1].name if x.trail else "", x.tensor), x.src.ravel(), table.which
    threshold, jump = _even([_units(s) for s in table.stairs] if table.counted else [_jumps(s) for s in table.stairs])
    base, none = np.array([s.base for s in table.stairs], np.int64)[which], np.zeros(len(src))
    element, slot = np.nonzero(jump[which])
    place = np.full((len(src), jump.shape[1]), ZERO)
    place[element, slot] = np.arange(len(element))
    compared = [builder.add(Compare(0, src[element], threshold[which[element], slot], loc))] if len(element) else []
    if table.counted:
        bits, weights = _counted(builder, compared[0], place, np.sign(jump.sum(axis=0)), loc)
        index = np.arange(len(src) * len(weights)).reshape(len(src), -1)
        delta = np.broadcast_to(weights, index.shape)
        return Numbers(bits, index, delta, base, table.unit, none, none + table.blur)
    own = np.stack([s.weights for s in table.stairs])
    delta = np.concatenate([own[which], jump[which]], axis=1)
    index = src[:, None] * own.shape[1] + np.arange(own.shape[1])
    bits = builder.planes()
    if compared:
        index = np.concatenate([index, place + builder.shape(bits)[0]], axis=1)
        read = delta != 0
        used, at = np.unique(index[read], return_inverse=True)
        bits, index = builder.add(Gather((bits, *compared), used, loc)), np.zeros(index.shape, np.int64)
        index[read] = at
    return Numbers(bits, index, delta, base, table.unit, none, none + table.blur)


def _jumps(s: Staircase) -> tuple[IntArray, IntArray]:
    return s.threshold, s.jump


def _units(s: Staircase) -> tuple[IntArray, IntArray]:
    """The same thresholds, each as often as the function moves there, so that every one counts 1."""
    often = np.abs(s.jump)
    return np.repeat(s.threshold, often), np.repeat(np.sign(s.jump), often)


def _even(parts: list[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    """Thresholds and jumps (G, T) of functions with several counts of them: all rises first, then all falls."""
    sides = []
    for sign in (1, -1):
        own = [(t[j * sign > 0], j[j * sign > 0]) for t, j in parts]
        most = max(len(t) for t, _ in own)
        sides.append([np.stack([np.pad(v[k], (0, most - len(v[k]))) for v in own]) for k in (0, 1)])
    return np.concatenate([s[0] for s in sides], axis=1), np.concatenate([s[1] for s in sides], axis=1)


def _counted(builder: Builder, bits: Value, place: IntArray, sign: IntArray, loc: Loc) -> tuple[Value, IntArray]:
    """How many of the thresholds of each element are passed, (E * k,) bits, and the weights (k,) of these."""
    each = builder.add(Gather((bits,), place[:, None, :], loc))
    total = builder.add(Sum(each, sign[None].astype(np.int8), np.zeros(1, np.int64), loc))
    reach = builder.types[total]
    assert isinstance(reach, Ints)
    weights = np.array(plane_weights(reach.lo, reach.hi))
    planes = builder.add(Bitplanes(total, loc))
    return builder.add(Gather((planes,), np.arange(len(place) * len(weights)), loc)), weights
