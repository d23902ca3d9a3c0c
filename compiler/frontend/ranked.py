"""Outputs of few values as scores: quantized scores, and functions at the end that make scores equal, as Relu does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.affine_tail import before_rising, is_affine
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context
from threshc.compiler.frontend.heads import Floats, Head
from threshc.compiler.frontend.levels import NotAStep
from threshc.compiler.frontend.sums import coded_sums
from threshc.compiler.frontend.symbolic import Expr, IntArray, Sums, leaf_expr
from threshc.compiler.ir.ops import Compare, Loc, Value

MOST_BITS, PER_SCORE = 1 << 14, 1 << 12
"""Comparisons that the values of all scores together, and those of one, may take."""
_FEW = 1 << 12
"""The same for functions behind which there is another way: the order of the real numbers."""


def level_scores(context: Context, expr: Expr, name: str) -> Expr:
    """Returns the values of a step as sums over its bits. Raises NotAStep where it takes too many."""
    coded = context.code(expr, PER_SCORE, MOST_BITS)
    exact = np.float32 if coded.table.dtype == np.float32 else np.float64
    weights = np.eye(len(coded.count), dtype=exact)
    return leaf_expr(coded_sums(context.builder, coded, weights, (1, len(coded.count)), name, name))


def ranked_scores(context: Context, expr: Expr, name: str) -> tuple[Expr, Head]:
    """Returns sums over bits that are the rank of each output among all values that the outputs can take: their exact
    order, equal ones included, whatever function it is. Raises NotAStep where they take too many values."""
    most = _FEW if is_affine(before_rising(expr)) else MOST_BITS
    if expr.src.size > most:
        raise NotAStep(fail("it takes too many values").diagnostics)
    coded = context.code(expr, PER_SCORE, most)
    used = np.arange(coded.table.shape[1]) <= coded.count[:, None]
    values, rank = np.unique(coded.table[used], return_inverse=True)
    table = np.zeros(coded.table.shape, np.float32)
    table[used] = rank
    count = len(coded.count)
    ranks = replace(coded, table=table)
    whole = leaf_expr(coded_sums(context.builder, ranks, np.eye(count, dtype=np.float32), (1, count), name, name))
    slope = (float(values[-1]) - float(values[0])) / max(len(values) - 1, 1)
    one = np.ones(count, np.int64)
    return whole, Head(one, 0 * one, np.full(count, slope), np.full(count, float(values[0])), True)


def bits_of_two(context: Context, coded: Coded, name: str) -> tuple[Value, IntArray, Floats, Floats] | None:
    """Returns, for a step of two values that rises and falls: an IR value, the positions (E,) of the bits `value is
    high`, and both values (E,).

    None where an element takes more than two values. Each is a comparison of the sum over the element's bits, +-1 each.
    """
    used = np.arange(coded.table.shape[1]) <= coded.count[:, None]
    low, high = (
        f(np.where(used, coded.table, coded.table[:, :1]), axis=1).astype(np.float64) for f in (np.min, np.max)
    )
    table = np.where(used, coded.table, coded.table[:, :1]).astype(np.float64)
    if ((table != low[:, None]) & (table != high[:, None])).any():
        return None
    marks = replace(coded, table=(table == high[:, None]).astype(np.float32))
    count = len(coded.count)
    leaf = coded_sums(context.builder, marks, np.eye(count, dtype=np.float32), (1, count), name, name)
    sums = leaf.source
    assert isinstance(sums, Sums)
    least = 1 - sums.base  # of step * u, which is +-1 or 0 in all that can occur
    value = context.builder.sums(leaf, np.ones(count, np.int64), Loc("", name))
    value = context.builder.add(Compare(value, np.arange(count), -(-least // sums.step), Loc("", name)))
    return value, np.arange(count), low, high
