"""Scores as the real numbers that they are, as integers: compared before any rounding to float32."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np

from threshc.compiler.frontend.affine_tail import affine_tail
from threshc.compiler.frontend.heads import Head
from threshc.compiler.frontend.symbolic import Expr, IntArray, Sums

_LIMIT = 2**61
_FINE = 40
"""Integer scores come within 2**-_FINE of the greatest to real ones that are not whole multiples of a unit."""


def exact_head(expr: Expr) -> Head:
    """Returns integer scores with the order of the exact real outputs.

    Only scales, biases and BatchNormalization may follow the sums. Their float32 rounding, which can make two outputs
    equal, is not imitated: the order is that of the real numbers. A bias that is float32(n * u), u being what one unit
    of its sum counts for, stands for n * u, as a level of a quantizer does. Where the real scores have no common unit
    of 62 bits, as behind the root of a BatchNormalization, they are rounded far below float32. Raises CompileError for
    other tails.
    """
    source = expr.leaf.source
    assert isinstance(source, Sums)
    row = expr.src.ravel() // source.places
    slope, bias = (part.ravel().tolist() for part in affine_tail(expr))
    unit = [Fraction(float(source.unit[r])) / source.over for r in row]
    shift = [Fraction(float(source.shift[r])) for r in row]
    factors = [a * u for a, u in zip(slope, unit, strict=True)]
    offsets = [a * s + b for a, s, b in zip(slope, shift, bias, strict=True)]
    offsets = _in_units(factors, offsets)
    rows = (source.step[:, None] * source.weights)[row]
    reach = (np.abs(rows).sum(axis=1) + np.abs(source.base[row])).tolist()
    most = max(abs(f) * n + abs(o) for f, o, n in zip(factors, offsets, reach, strict=True))
    found = _whole(factors, offsets, most) or _near(factors, offsets, most, max(reach) + 1)
    if found is not None:
        whole, unit_of_scores = found
        factor, offset = whole[: len(row)], whole[len(row) :]
        scale = np.full(len(row), float(unit_of_scores))
        return Head(np.array(factor, np.int64), np.array(offset, np.int64), scale, np.zeros(len(row)))
    return _by_weight(factors, offsets, rows, source.base[row].tolist(), most)


def _in_units(factors: list[Fraction], offsets: list[Fraction]) -> list[Fraction]:
    """The offsets as whole multiples of the factors, where each is one as far as float32 can tell; else unchanged."""
    found = []
    for f, o in zip(factors, offsets, strict=True):
        n = round(o / f) if f else 0
        if abs(o - n * f) * 2**23 > abs(o) or abs(n) >= 2**20:
            return offsets
        found.append(n * f)
    return found


def _whole(factors: list[Fraction], offsets: list[Fraction], most: Fraction) -> tuple[list[int], Fraction] | None:
    """Factors and offsets as integers without a common divisor, and what one unit of them counts for."""
    denominator = lcm(*(f.denominator for f in factors + offsets))
    exact = [int(f * denominator) for f in factors + offsets]
    common = gcd(*exact) or 1
    if most * denominator / common >= _LIMIT:
        return None
    return [w // common for w in exact], Fraction(common, denominator)


def _near(
    factors: list[Fraction], offsets: list[Fraction], most: Fraction, reach: int
) -> tuple[list[int], Fraction] | None:
    """The nearest integers: half a unit of the scores for each unit of a sum, and for the offset."""
    bits = reach.bit_length() + _FINE
    if bits > 60:
        return None
    unit = most / 2**bits
    return [round(f / unit) for f in factors + offsets], unit


def _by_weight(
    factors: list[Fraction], offsets: list[Fraction], rows: IntArray, base: list[int], most: Fraction
) -> Head:
    """Each weight of the scores rounded by itself, where a factor for all of a score would need too many bits."""
    unit = most / 2 ** (_FINE + rows.shape[1].bit_length())
    ways = list(zip(factors, offsets, rows.tolist(), base, strict=True))
    weights = [[round(f * w / unit) for w in row] for f, _, row, _ in ways]
    offset = np.array([round((f * b + o) / unit) for f, o, _, b in ways], np.int64)
    scale = np.full(len(rows), float(unit))
    return Head(np.ones(len(rows), np.int64), offset, scale, 0 * scale, weights=np.array(weights, np.int64))
