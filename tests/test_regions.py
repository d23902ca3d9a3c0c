"""Real features through what moves up and down: the bits of onnx's evaluator, or the hint to state the input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_models import Model
from pattern import FLOAT, pm1

import threshc
from threshc.compiler.diagnostics import CompileError

F = np.float32
Step = Callable[[Model, str], str]


def clipped_detach(m: Model, x: str) -> str:
    c = m.op("Clip", x, m.const(-1.0), m.const(1.0))
    return m.op("Add", c, m.op("Sub", m.op("Sign", x), c))


def detach_in_other_order(m: Model, x: str) -> str:
    c = m.op("Clip", x, m.const(-2.0), m.const(0.5))
    return m.op("Sub", c, m.op("Sub", c, m.op("Sign", x)))


def masked(m: Model, x: str) -> str:
    """The gradient passes where |x| < 1, written twice."""
    mask = m.op("Cast", m.op("Less", m.op("Abs", x), m.const(1.0)), to=FLOAT)
    return m.op("Add", m.op("Mul", x, mask), m.op("Sub", m.op("Sign", x), m.op("Mul", x, mask)))


def where_mask(m: Model, x: str) -> str:
    return m.op("Sign", m.op("Where", m.op("Greater", x, m.const(0.25)), x, m.const(-1.0)))


def falling_branch(m: Model, x: str) -> str:
    below = m.op("Less", x, m.const(-0.5))
    return m.op("Sign", m.op("Where", below, m.op("Neg", x), m.op("Sub", x, m.const(3.0))))


def band(m: Model, x: str) -> str:
    return m.op("Cast", m.op("LessOrEqual", m.op("Abs", m.op("Sub", x, m.const(0.75))), m.const(0.5)), to=FLOAT)


def equal_mask(m: Model, x: str) -> str:
    zero = m.op("Equal", x, m.const(0.0))
    return m.op("Sign", m.op("Where", zero, m.const(1.0), m.op("Sub", x, m.const(-0.125))))


def nothing_added(m: Model, x: str) -> str:
    return m.op("Add", m.op("Sign", x), m.op("Sub", m.op("Relu", x), m.op("Relu", x)))


STEPS = [clipped_detach, detach_in_other_order, masked, where_mask, falling_branch, band, equal_mask, nothing_added]


def numbers() -> np.ndarray:
    """Constants that occur, their neighbours, and numbers of every size."""
    rng = np.random.default_rng(0)
    at = F([0, 0.125, 0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 3.0, 2.0**24, 2.0**25, 3e38, 1e-40, 1e-45])
    at = np.concatenate([at, -at])
    with np.errstate(all="ignore"):
        near = np.concatenate([at, np.nextafter(at, F(9e9)), np.nextafter(at, F(-9e9))])
    wild = (rng.choice([-1, 1], 3000) * 2.0 ** rng.uniform(-30, 30, 3000)).astype(F)
    values = np.concatenate([near, wild, rng.normal(size=3000).astype(F)])
    return values[: len(values) // 3 * 3].reshape(-1, 3)


@pytest.mark.parametrize("step", STEPS)
def test_bits_are_those_of_the_reference_evaluator(step: Step) -> None:
    m, x = Model(["batch", 3]), numbers()
    model = m.build(m.op("MatMul", step(m, m.input), m.const(pm1(np.random.default_rng(1), 3, 4))))
    with np.errstate(all="ignore"):
        want = np.asarray(ReferenceEvaluator(model).run(None, {"x": x})[0])
    got = threshc.simulate(threshc.load(model), x)
    assert np.array_equal(got.labels, want.argmax(axis=1))
    assert np.unique(want, axis=0).shape[0] > 2


def detach(m: Model, x: str) -> str:
    return m.op("Add", x, m.op("Sub", m.op("Sign", x), x))


def third(m: Model, x: str) -> str:
    """A third is not a power of two: float32 rounds c + (1/3 - c)."""
    c = m.op("Clip", x, m.const(-1.0), m.const(1.0))
    return m.op("Add", c, m.op("Sub", m.op("Mul", m.op("Sign", x), m.const(1 / 3)), c))


def smooth(m: Model, x: str) -> str:
    """ReActNet's gradient, by the side of the sign."""
    square = m.op("Add", m.op("Mul", m.op("Neg", x), x), m.op("Mul", m.const(2.0), x))
    return m.op("Add", m.op("Sub", m.op("Sign", x), square), square)


@pytest.mark.parametrize("step", [detach, third, smooth])
def test_what_float32_rounds_is_refused_without_the_input(step: Step) -> None:
    m = Model(["batch", 3])
    model = m.build(m.op("MatMul", step(m, m.input), m.const(pm1(np.random.default_rng(1), 3, 4))))
    with pytest.raises(CompileError, match="first state the input with input="):
        threshc.load(model)
    assert threshc.verify(model, input="bipolar", samples=8, rtl=False).ok


def test_the_lemma_in_every_float16() -> None:
    """c + (K - c) and c - (c - K) are K for every c between 0 and K * 2**11."""
    c = np.arange(0x7C00, dtype=np.uint16).view(np.float16)
    for k in (1.0, 0.25, 4.0):
        near = c[c <= k * 2.0**11]
        one = np.float16(k)
        assert (near + (one - near) == one).all()
        assert (near - (near - one) == one).all()
        assert (-near + (-one + near) == -one).all()
