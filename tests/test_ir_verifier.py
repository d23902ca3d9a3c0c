"""One broken network per rule of the verifier, with what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Loc, Op, Output, Reduce, Sum, Window

ONE, NONE = np.ones(()), np.zeros(())
X = Input("x", (4,), Affine(0, 1))
BITS = (X, Bitplanes(0))
MAP = (*BITS, Gather((1,), np.arange(4).reshape(2, 2, 1)))
ROWS = (*BITS, Sum(1, np.ones((2, 4), np.int8), np.zeros(2, np.int64)))
ZERO1, ZERO2 = np.zeros(1, np.int64), np.zeros(2, np.int64)


def out(value: int, kind: Any = "bits", name: str = "y", scale: Any = ONE, offset: Any = NONE) -> Output:
    return Output(name, value, kind, scale, offset)


def step(feature: Sequence[int] = (0, 1), threshold: Sequence[float] = (0, 0), n: int = 2) -> Input:
    return Input("x", (n,), Step(2, np.array(feature), np.array(threshold, np.float32)))


def affine(*fields: Any) -> Input:
    return Input("x", (4,), Affine(*fields))


def of(op: Op, *, after: tuple[Op, ...] = BITS) -> tuple[Op, ...]:
    return (*after, op)


WEIGHTS = "weights must be (R, C) signed integers and bias (R,) int64, R > 0"
WINDOW = "kernel, stride and dilation must be positive, pads not negative, fill 0 or 1"
SCALE = "scale and offset must be scalars or one number per element of the last axis"


@pytest.mark.parametrize(
    ("ops", "rule"),
    [
        (of(Sum(2, np.ones((1, 4), np.int8), ZERO1)), "operand %2 is not defined before its use"),
        (of(Sum(-1, np.ones((1, 4), np.int8), ZERO1)), "operand %-1 is not defined before its use"),
        (of(Bitplanes(1)), "operand has type bits[4], Ints is needed"),
        (of(Sum(0, np.ones((1, 4), np.int8), ZERO1)), "operand has type ints[4] 0..1, Bits is needed"),
        (of(X), "the input must be the first operation, and the only one of its kind"),
        ((Input("x", (4, 4), Affine(0, 1)),), "shape [4, 4] is neither (n,) nor (H, W, C) with positive sizes"),
        ((Input("x", (0,), Affine(0, 1)),), "shape [0] is neither (n,) nor (H, W, C) with positive sizes"),
        ((affine(1, 1),), "integers 1..1 are not a range of at most 32 bits"),
        ((affine(0, 2**32),), "integers 0..4294967296 are not a range of at most 32 bits"),
        (
            (affine(0, 1, (("div", (0.0,)),)),),
            "the step div [0.0] leaves no finite number that says which integer it is",
        ),
        (
            (affine(0, 1, (("mul", (1e-60,)),)),),
            "the step mul [1e-60] leaves no finite number that says which integer it is",
        ),
        (
            (affine(0, 1, (("add", (np.inf,)),)),),
            "the step add [inf] leaves no finite number that says which integer it is",
        ),
        (
            (affine(0, 1, (("add", (1.0, 2.0)), ("div", (1.0, 2.0, 3.0))), 1),),
            "the step add has 2 numbers, others have 3",
        ),
        ((affine(0, 1, (("add", (1.0, 2.0)),)),), "2 channels of 0 features do not divide the shape [4]"),
        ((affine(0, 1, (("add", (1.0, 2.0, 3.0)),), 1),), "3 channels of 1 features do not divide the shape [4]"),
        ((step(n=3),), "feature and threshold must have the input's shape"),
        ((step(feature=(0, 2)),), "feature reaches outside the 2 features"),
        ((step(threshold=(0, np.nan)),), "a threshold is NaN"),
        (of(Gather((), np.array([-1]))), "a gather needs an operand"),
        (of(Gather((1,), np.zeros((2, 2), np.int64))), "index has shape [2, 2], (n,) or (H, W, C) is needed"),
        (of(Gather((1,), np.zeros(0, np.int64))), "index has shape [0], (n,) or (H, W, C) is needed"),
        (of(Gather((1, 1), np.array([8]))), "index reaches outside the 8 operand bits"),
        (of(Gather((1,), np.array([-3]))), "index reaches outside the 4 operand bits"),
        (of(Window(1, (1, 1))), "operand has shape [4], (H, W, C) is needed"),
        (of(Window(2, (0, 1)), after=MAP), WINDOW),
        (of(Window(2, (1, 1), pads=(0, 0, -1, 0)), after=MAP), WINDOW),
        (of(Window(2, (1, 1), fill=2), after=MAP), WINDOW),
        (of(Window(2, (3, 1)), after=MAP), "the window does not fit into 2 x 2"),
        (of(Sum(1, np.ones(4, np.int8), ZERO1)), WEIGHTS),
        (of(Sum(1, np.ones((1, 4), np.uint8), ZERO1)), WEIGHTS),
        (of(Sum(1, np.ones((1, 4), np.int8), np.zeros(1, np.int32))), WEIGHTS),
        (of(Sum(1, np.ones((0, 4), np.int8), np.zeros(0, np.int64))), WEIGHTS),
        (of(Sum(1, np.ones((1, 3), np.int8), ZERO1)), "weights have 3 columns for 4 bits"),
        (of(Sum(1, np.full((1, 4), 2**60), ZERO1)), "the sum of |weights| and |bias| of a row does not fit 62 bits"),
        (of(Compare(2, ZERO1, ZERO2), after=ROWS), "row and threshold must be (M,) arrays of one length, not empty"),
        (
            of(Compare(2, ZERO1[:0], ZERO1[:0]), after=ROWS),
            "row and threshold must be (M,) arrays of one length, not empty",
        ),
        (of(Compare(2, np.array([2]), ZERO1), after=ROWS), "row reaches outside the 2 sums"),
        (of(Reduce(1, "or", 3)), "cannot reduce 4 bits over 3 taps by 'or'"),
        (of(Reduce(1, "xor", 2)), "cannot reduce 4 bits over 2 taps by 'xor'"),  # type: ignore[arg-type]
        (
            of(ArgMax(3), after=(*MAP, Sum(2, np.ones((1, 1), np.int8), ZERO1))),
            "operand has shape [2, 2, 1], (n,) is needed",
        ),
    ],
)
def test_rules_of_operations(ops: tuple[Op, ...], rule: str) -> None:
    with pytest.raises(CompileError) as caught:
        Network("n", ops, (out(0, "scores"),))
    last = len(ops) - 1
    assert (rule, f"%{last} = {type(ops[last]).__name__}") in [(d.what, d.where) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("outputs", "rule", "where"),
    [
        ((), "the network has no output", ""),
        ((out(1), out(1)), "two outputs share a name", ""),
        ((out(3),), "value %3 does not exist", "output 'y'"),
        ((out(-1),), "value %-1 does not exist", "output 'y'"),
        ((out(2),), "an output of kind 'bits' cannot have type ints[2] 0..4", "output 'y'"),
        ((out(1, "scores"),), "an output of kind 'scores' cannot have type bits[4]", "output 'y'"),
        ((out(2, "class"),), "a class output is a single integer", "output 'y'"),
        ((out(1, scale=np.ones(3), offset=np.ones(3)),), SCALE, "output 'y'"),
        ((out(1, scale=np.ones(4)),), SCALE, "output 'y'"),
    ],
)
def test_rules_of_outputs(outputs: tuple[Output, ...], rule: str, where: str) -> None:
    with pytest.raises(CompileError) as caught:
        Network("n", ROWS, outputs)
    assert [(d.what, d.where) for d in caught.value.diagnostics] == [(rule, where)]


def test_an_empty_network() -> None:
    with pytest.raises(CompileError) as caught:
        Network("n", (), ())
    assert [d.what for d in caught.value.diagnostics] == ["the network is empty", "the network has no output"]


def test_every_error_is_reported_once_with_its_node() -> None:
    """What only follows from a reported error is not reported again."""
    bad = Sum(1, np.ones((1, 3), np.int8), ZERO1, Loc("fc", "s"))
    ops = (*BITS, bad, Compare(2, ZERO1, ZERO1), Reduce(1, "or", 3))
    with pytest.raises(CompileError) as caught:
        Network("n", ops, (out(3),))
    assert [(d.what, d.where) for d in caught.value.diagnostics] == [
        ("weights have 3 columns for 4 bits", "%2 = Sum from 'fc'"),
        ("cannot reduce 4 bits over 3 taps by 'or'", "%4 = Reduce"),
    ]
