"""The direction of every operator is a proof: tried over all reachable integers, for every type and every input."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from operator_cases import CASES, Case
from test_declared import KERNELS, TYPES, _arguments, _stored, _versions

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.declared import check_node, check_types
from threshc.compiler.frontend.dtypes import is_float, letter, limits
from threshc.compiler.frontend.graph import QUANT, Node
from threshc.compiler.frontend.kernels.registry import Kind
from threshc.compiler.frontend.symbolic import Features, Leaf, apply, evaluate, leaf_expr

SPAN = 41
QONNX = [
    Case("BipolarQuant", lambda r, t, s=s: [r.normal(size=(2, 3)).astype(t), np.full(3, s, t)], {}, domain=QUANT)
    for s in (0.5, -0.5)
] + [
    Case(
        "Quant",
        lambda r, t, s=s: [r.normal(size=(2, 3)).astype(t), t.type(s), t.type(1), t.type(3)],
        {"signed": signed, "narrow": 1, "rounding_mode": mode},
        domain=QUANT,
    )
    for s in (0.5, -0.5)
    for signed in (0, 1)
    for mode in ("ROUND", "CEIL", "FLOOR", "ROUND_TO_ZERO", "UP", "HALF_UP", "HALF_DOWN")
]
ELEMENTWISE = [
    c for c in CASES + QONNX if KERNELS[c.domain, c.op].kind in (Kind.ELEMENTWISE, Kind.CHANNELWISE) and c.outputs == 1
]


def _leaf(like: np.ndarray, rng: np.random.Generator) -> Leaf | None:
    """Integers whose real values surround, and for integer types leave, what the type can hold."""
    dtype = like.dtype
    if letter(dtype) == "b":
        lo, hi = np.zeros(like.shape, np.int64), np.ones(like.shape, np.int64)
    elif letter(dtype) in ("i", "q"):
        least, most = (max(v, -(2**40)) if v < 0 else min(v, 2**40) for v in limits(dtype))
        at = rng.choice([least, max(least, -20), 0, max(most - SPAN + 1, 0)], like.shape)
        lo, hi = at, np.minimum(at + SPAN - 1, most)
    else:
        lo = rng.integers(-SPAN, 1, like.shape)
        hi = lo + SPAN - 1

    def real(i: np.ndarray) -> np.ndarray[Any, Any]:
        return np.asarray((i / 8).astype(dtype) if is_float(dtype) else i.astype(dtype))

    return Leaf("u", like.shape, lo, hi, real, Features(True))


@pytest.mark.parametrize("case", ELEMENTWISE, ids=lambda c: f"{c.op}-{dict(c.attrs)}"[:60])
def test_directions_hold_at_every_reachable_integer(case: Case) -> None:
    kernel, rng, claims = KERNELS[case.domain, case.op], np.random.default_rng(3), Counter[int]()
    for opset in (_versions(case) or [1])[-1:]:
        for dtype in TYPES:
            args = _arguments(case, dtype) or []
            names = tuple(f"i{k}" for k in range(len(args)))
            node = Node(case.op, case.domain, "n", names, ("y",), _stored(case.attrs), opset)
            for k, array in enumerate(args):
                leaf = _leaf(array, rng) if letter(array.dtype) else None
                if leaf is None:
                    continue
                try:
                    check_node(node, kernel)
                    check_types(node, kernel, [a.dtype for a in args])
                    expr = apply(node, kernel, [leaf_expr(leaf) if j == k else a for j, a in enumerate(args)], "y")
                except (CompileError, ValueError):
                    continue
                claims.update(expr.direction.ravel().tolist())
                if not expr.direction.any():
                    continue
                steps = [np.minimum(leaf.lo + i, leaf.hi) for i in range(SPAN)]
                values = np.stack([evaluate(expr, i).astype(np.float64) for i in steps])
                with np.errstate(invalid="ignore"):
                    moves = np.diff(values, axis=0)
                moves = np.where(np.isnan(moves), 0, moves)  # infinity beside infinity
                assert not ((moves < 0).any(axis=0) & (expr.direction > 0)).any(), (dtype, k)
                assert not ((moves > 0).any(axis=0) & (expr.direction < 0)).any(), (dtype, k)
    assert claims


def test_integers_that_reach_the_end_of_their_type_have_no_direction() -> None:
    node = Node("Add", "", "n", ("a", "b"), ("y",), {}, 17)
    kernel = KERNELS["", "Add"]
    for top, known in ((126, 1), (127, 0)):
        ends = np.array([0]), np.array([top])
        leaf = Leaf("u", (1,), *ends, lambda i: i.astype(np.int8), Features(True))
        assert apply(node, kernel, [leaf_expr(leaf), np.int8([1])], "y").direction.tolist() == [known]
