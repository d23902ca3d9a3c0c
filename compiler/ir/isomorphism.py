"""Whether two networks are the same up to the numbering of their values."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from threshc.compiler.encoding import Step
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Op, operands

_OPERANDS = ("x", "s", "loc")  # compared through the pairing, or only on request


def isomorphic(a: Network, b: Network, *, locs: bool = False) -> bool:
    """Returns whether both compute the same by the same operations; the order of independent operations does not
    matter."""
    return first_difference(a, b, locs=locs) is None


def first_difference(a: Network, b: Network, *, locs: bool = False) -> str | None:
    """Returns the first difference in the order of a's operations, naming operation and field, or None for isomorphic
    networks.

    Values are paired from the outputs backwards; arrays are compared by shape and value, not dtype; `loc` on request.
    """
    if a.name != b.name:
        return f"name: {a.name!r} and {b.name!r}"
    if len(a.outputs) != len(b.outputs):
        return f"outputs: {len(a.outputs)} and {len(b.outputs)}"
    for k, (p, q) in enumerate(zip(a.outputs, b.outputs, strict=True)):
        for field in ("name", "kind", "scale", "offset", "order_only"):
            if not _same(getattr(p, field), getattr(q, field)):
                return f"output {k}, {field}: {_show(getattr(p, field))} and {_show(getattr(q, field))}"
    if len(a.ops) != len(b.ops):
        return f"operations: {len(a.ops)} and {len(b.ops)}"
    pairs = _pair(a, b)
    forward: dict[int, int] = {}
    backward: dict[int, int] = {}
    for x, y in sorted(pairs):
        difference = _difference(a.ops[x], b.ops[y], locs)
        if difference is not None:
            return f"%{x} and %{y}, {difference}"
        if forward.setdefault(x, y) != y:
            return f"%{x} stands for both %{forward[x]} and %{y} of the second network"
        if backward.setdefault(y, x) != x:
            return f"%{y} of the second network stands for both %{backward[y]} and %{x}"
    return None


def _pair(a: Network, b: Network) -> set[tuple[int, int]]:
    """Every pair of values in the same place, walking back from the inputs, the outputs and the values nobody reads."""
    todo = [(0, 0), *((p.value, q.value) for p, q in zip(a.outputs, b.outputs, strict=True))]
    todo += zip(_unread(a), _unread(b), strict=False)
    seen = set(todo)
    while todo:
        x, y = todo.pop()
        if type(a.ops[x]) is not type(b.ops[y]):
            continue
        fresh = set(zip(operands(a.ops[x]), operands(b.ops[y]), strict=False)) - seen
        seen |= fresh
        todo += fresh
    return seen


def _unread(network: Network) -> list[int]:
    out = {o.value for o in network.outputs}
    return [v for v, users in enumerate(network.users()) if not users and v not in out]


def _difference(p: Op, q: Op, locs: bool) -> str | None:
    if type(p) is not type(q):
        return f"operation: {type(p).__name__} and {type(q).__name__}"
    if len(operands(p)) != len(operands(q)):
        return f"operands: {len(operands(p))} and {len(operands(q))}"
    for field in fields(p):
        if field.name in _OPERANDS and not (locs and field.name == "loc"):
            continue
        u, w = getattr(p, field.name), getattr(q, field.name)
        if not _same(u, w):
            return f"{type(p).__name__}, {field.name}: {_show(u)} and {_show(w)}"
    return None


def _same(u: object, w: object) -> bool:
    if isinstance(u, np.ndarray) and isinstance(w, np.ndarray):
        return np.array_equal(u, w, equal_nan=u.dtype.kind == "f" and w.dtype.kind == "f")
    if isinstance(u, Step) and isinstance(w, Step):
        return u.features == w.features and _same(u.feature, w.feature) and _same(u.threshold, w.threshold)
    return bool(u == w)


def _show(u: object) -> str:
    if isinstance(u, np.ndarray):
        return np.array2string(u, threshold=16, edgeitems=4).replace("\n", "") + f" {list(u.shape)}"
    return repr(u) if isinstance(u, str) else str(u)
