"""Scores in the order of the real numbers, where float32 rounds outputs together or apart in no consistent way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.frontend.affine_tail import before_rising
from threshc.compiler.frontend.dtypes import digits
from threshc.compiler.frontend.exact_head import exact_head
from threshc.compiler.frontend.heads import SPAN_LIMIT, Head, departures, fitted, reachable, span
from threshc.compiler.frontend.symbolic import Expr

_SMALL = 1 << 12
"""Factors of scores up to which nothing smaller is looked for, since small ones keep the margins as well."""


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """Scores in the order of the real numbers, not of the model's rounded ones.

    output: their name, or that of their class; tensor: of the model. slack: two scores of the model that are nearer to
    each other than this may stand in either order. note: what a user should know of it.
    """

    output: str
    tensor: str
    slack: float
    note: str


def real_order(expr: Expr, name: str) -> tuple[Head, Rounded | None]:
    """Returns integer scores with the order of the real numbers, small ones where every reachable sum can be looked at;
    None where that is the order of the model's own numbers too.

    Raises CompileError where others than scales, biases, BatchNormalization and functions that rise follow the sums.
    """
    head = exact_head(before_rising(expr))
    ends = [np.asarray(end, np.float64) for end in (expr.sample, expr.top)]
    kind = expr.sample.dtype
    slack = float(np.abs(ends).max()) * 4 * 2.0 ** -digits(kind)
    if span(expr) > SPAN_LIMIT or head.weights is not None:
        note = (
            f"the sums behind the scores {name!r} take up to {span(expr):,} values, too many to look at each: their "
            f"order is that of the real numbers, also where {kind.name} rounds two of them to the same number"
        )
        return head, Rounded(name, expr.tensor, slack, note)
    values, sums = reachable(expr)
    scores = [f * s + o for f, s, o in zip(head.factor, sums, head.offset, strict=True)]
    if np.abs(head.factor).max() > _SMALL:
        head = fitted(scores, sums, head.factor * head.scale, head.offset * head.scale) or head
    broken, total = departures(values, scores)
    if not broken:
        return head, None
    note = (
        f"the scores {name!r} have the order of the real numbers; {kind.name} rounds {broken:,} of {total:,} pairs of "
        "reachable sums of two classes into another order"
    )
    return head, Rounded(name, expr.tensor, slack, note)
