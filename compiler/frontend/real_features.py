"""What is said of real features that reach a step through operators that move up and down."""

from __future__ import annotations

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.frontend.symbolic import Expr, evaluate

_PROBES = np.concatenate([np.linspace(0.01, 0.99, 99), 2.0 ** np.arange(0, 31, 5)]).astype(np.float32)


def any_number(expr: Expr, where: str, operator: str) -> CompileError:
    """Returns the refusal, with two positive numbers for which the tensor is not the same, where some are found.

    operator: the one of which nothing proves that it moves one way.
    """
    values = []
    for number in _PROBES:
        with np.errstate(all="ignore"):
            made = evaluate(expr, np.full(expr.leaf.shape, int(number.view(np.int32)), np.int64))
        values.append(made.ravel()[0])
    other = next((k for k, v in enumerate(values) if v != values[0]), None)
    seen = (
        "" if other is None else f": it is {values[0]:g} at {_PROBES[0]:g} and {values[other]:g} at {_PROBES[other]:g}"
    )
    return fail(
        "real features reach a step through operators that are not known to be monotone",
        where=where,
        why=f"any number may come, and nothing proves that {operator} moves one way{seen}. In float32 a straight-"
        "through x + (sign(x) - x) is sign(x) up to 2**24 only",
        hint=f"first state the input with {option('input')}, so that each of its values is evaluated: bipolar, "
        "uint8/255, int8/128, ... (docs/guide/inputs.md); or export sign(x) alone, or a comparison",
    )
