"""Comparisons, logic, and the choice between two values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.elementwise import both_rise, falls, falls_second
from threshc.compiler.frontend.kernels.registry import Array, kernel, need


def _rises_second(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    return -1 if k == 0 else 1


@kernel("Greater", direction=falls_second, types=("Fi",))
def greater(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) > need(args, 1)]


@kernel("GreaterOrEqual", direction=falls_second, types=("Fi",))
def greater_or_equal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) >= need(args, 1)]


@kernel("Less", direction=_rises_second, types=("Fi",))
def less(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) < need(args, 1)]


@kernel("LessOrEqual", direction=_rises_second, types=("Fi",))
def less_or_equal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) <= need(args, 1)]


@kernel("Equal", types=("Fib",))
def equal(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [need(args, 0) == need(args, 1)]


@kernel("Not", direction=falls, types=("b",))
def not_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_not(need(args, 0))]


@kernel("And", direction=both_rise, types=("b",))
def and_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_and(need(args, 0), need(args, 1))]


@kernel("Or", direction=both_rise, types=("b",))
def or_(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_or(need(args, 0), need(args, 1))]


@kernel("Xor", types=("b",))
def xor(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.logical_xor(need(args, 0), need(args, 1))]


def _where_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    if k:
        return 1
    a, b = args[1], args[2]
    return 0 if a is None or b is None else np.where(np.asarray(a) < np.asarray(b), -1, 1)


@kernel("Where", direction=_where_direction, types=("b", "Fib"))
def where(node: Node, args: Sequence[Array | None]) -> list[Array]:
    return [np.where(need(args, 0), need(args, 1), need(args, 2))]
