"""Every function of one number before a step, on every input, against onnx's evaluator (by `verify`, onnxruntime)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx_models import Model
from pattern import bits, pm1

import threshc
from threshc.compiler.diagnostics import CompileError

End = Callable[[Model, str], str]
X = np.array(list(itertools.product((-1.0, 1.0), repeat=9)), np.float32)


def _plain(op: str, **attrs: object) -> End:
    return lambda m, x: m.op(op, x, **attrs)


def _within(op: str, low: float, high: float) -> End:
    """An operator that is defined on an interval only."""
    return lambda m, x: m.op(op, m.op("Clip", x, m.const(low), m.const(high)))


def _with(op: str, value: object, **attrs: object) -> End:
    return lambda m, x: m.op(op, x, m.const(value), **attrs)


FUNCTIONS: dict[str, tuple[End, tuple[float, ...], int]] = {
    "PRelu": (_with("PRelu", 0.25), (-0.3, 0.0, 0.7), 17),
    "PRelu, a slope per channel": (_with("PRelu", [0.25, 0.0, 1.5, 0.1]), (-0.2, 0.4), 17),
    "PRelu, negative slopes": (_with("PRelu", [0.25, -0.5, -1.0, 0.0]), (0.3, -0.1, 1.0), 17),
    "LeakyRelu, a negative slope": (_plain("LeakyRelu", alpha=-0.5), (0.3,), 17),
    "Elu": (_plain("Elu", alpha=0.7), (-0.3, 0.2), 17),
    "Selu": (_plain("Selu"), (-0.5, 0.4), 17),
    "Celu": (_plain("Celu", alpha=0.5), (-0.3, 0.2), 17),
    "ThresholdedRelu": (_plain("ThresholdedRelu", alpha=1.0), (0.5, 2.0), 17),
    "ThresholdedRelu below 0": (_plain("ThresholdedRelu", alpha=-1.0), (-0.4,), 17),
    "Shrink": (_plain("Shrink", lambd=1.0, bias=0.5), (-0.6, 0.6), 17),
    "Shrink that jumps over": (_plain("Shrink", lambd=0.5, bias=2.0), (-0.6, 0.6), 17),
    "HardSwish": (_plain("HardSwish"), (-0.2, -0.35, 0.5), 17),
    "HardSigmoid": (_plain("HardSigmoid", alpha=0.3), (0.4,), 17),
    "Gelu": (_plain("Gelu"), (-0.1, -0.16, 0.3), 20),
    "Gelu, tanh": (_plain("Gelu", approximate="tanh"), (-0.1, -0.16, 0.3), 20),
    "Mish": (_plain("Mish"), (-0.2, -0.3, 0.3), 18),
    "Swish": (_plain("Swish", alpha=1.5), (-0.1, 0.3), 24),
    "x * Sigmoid(x)": (lambda m, x: m.op("Mul", x, m.op("Sigmoid", x)), (-0.2, 0.3), 17),
    "Gelu written out": (
        lambda m, x: m.op(
            "Mul", m.op("Mul", x, m.const(0.5)), m.op("Add", m.op("Erf", m.op("Div", x, m.const(2**0.5))), m.const(1.0))
        ),
        (-0.1, 0.3),
        17,
    ),
    "Erf": (_plain("Erf"), (-0.3, 0.4), 17),
    "Tanh": (_plain("Tanh"), (-0.3, 0.4), 17),
    "Softplus": (_plain("Softplus"), (0.5,), 17),
    "Softsign": (_plain("Softsign"), (0.3,), 17),
    "Sin": (_plain("Sin"), (-0.3, 0.5), 17),
    "Cos": (_plain("Cos"), (-0.3, 0.5), 17),
    "Tan": (_plain("Tan"), (0.5,), 17),
    "Asin": (_within("Asin", -1.0, 1.0), (0.3,), 17),
    "Acos": (_within("Acos", -1.0, 1.0), (1.0,), 17),
    "Atan": (_plain("Atan"), (-0.3, 0.5), 17),
    "Sinh": (_plain("Sinh"), (0.5,), 17),
    "Cosh": (_plain("Cosh"), (1.5,), 17),
    "Asinh": (_plain("Asinh"), (0.5,), 17),
    "Acosh": (_within("Acosh", 1.0, 9.0), (0.7,), 17),
    "Atanh": (_within("Atanh", -0.9, 0.9), (0.7,), 17),
    "Exp": (_plain("Exp"), (0.5, 2.0), 17),
    "Log": (_within("Log", 0.1, 99.0), (-0.5, 0.5), 17),
    "Log below 0": (_plain("Log"), (0.5,), 17),
    "Sqrt below 0": (_plain("Sqrt"), (0.5,), 17),
    "Pow": (_with("Pow", 2.0), (1.0, 3.0), 17),
    "Pow, odd": (_with("Pow", 3.0), (1.0, -3.0), 17),
    "Reciprocal": (_plain("Reciprocal"), (0.5, -0.5), 17),
    "Abs": (_plain("Abs"), (1.0, 2.5), 17),
    "Mod": (_with("Mod", 1.5, fmod=1), (0.5, -0.5), 17),
    "IsNaN": (lambda m, x: m.op("Cast", m.op("IsNaN", m.op("Log", x)), to=1), (0.5,), 17),
    "IsInf": (lambda m, x: m.op("Cast", m.op("IsInf", m.op("Log", m.op("Relu", x))), to=1), (0.5,), 17),
    "Mean with a constant": (_with("Mean", 0.5), (0.3,), 17),
    "Floor": (_plain("Floor"), (0.5,), 17),
}
"""Function, the thresholds of the step behind it (on either side of where it turns), and the opset."""


def network(function: End, threshold: float, opset: int) -> onnx.ModelProto:
    """Nine bits, a layer with BatchNormalization, the function, a comparison, and a layer."""
    if opset > onnx.defs.onnx_opset_version():
        pytest.skip(f"needs an onnx that knows opset {opset}")
    rng = np.random.default_rng(1)
    m = Model(["batch", 9], opset)
    x = m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 9, 4)))
    scale = (
        np.array([0.9, 1.3, -0.7, 1.1]),
        np.array([0.1, -0.3, 0.2, 0.05]),
        np.array([0, 1, -1, 0.5]),
        np.full(4, 4),
    )
    x = m.op("BatchNormalization", x, *(m.const(v) for v in scale))
    return m.build(m.op("MatMul", bits(m, function(m, x), threshold), m.const([[1, 2], [2, -3], [-3, 1], [5, 4]])))


def scores(model: onnx.ModelProto) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    with np.errstate(all="ignore"):
        (found,) = ReferenceEvaluator(model).run(None, {"x": X})
    return np.asarray(found)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_before_a_step_is_exact_on_every_input(name: str) -> None:
    function, thresholds, opset = FUNCTIONS[name]
    constant = 0
    for threshold in thresholds:
        model = network(function, threshold, opset)
        found = threshc.simulate(threshc.load(model), X)
        assert found.scores is not None
        output = threshc.load(model).output("scores")
        assert output is not None
        wanted = scores(model)
        np.testing.assert_array_equal(output.scale * found.scores + output.offset, wanted)
        constant += len(np.unique(wanted, axis=0)) == 1
    assert constant < len(thresholds)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_evaluators_that_are_not_ours_agree(name: str) -> None:
    function, thresholds, opset = FUNCTIONS[name]
    report = threshc.verify(network(function, thresholds[0], opset), X[::8], rtl=False)
    assert report.ok, str(report)
    assert report.peer


def test_a_step_that_rises_and_falls_goes_through_circuits() -> None:
    report = threshc.verify(network(_plain("Mish"), -0.2, 18), X[::8], rtl_samples=8)
    assert report.ok, str(report)
    assert sum(c.bits for c in report.checks if "RTL" in c.name)


def test_a_map_of_functions_that_turn() -> None:
    """Convolutions read bits with weights +1 and -1 as well, and padding stays 0."""
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(2)
    m = Model(["batch", 2, 5, 5])
    x = m.op("Conv", bits(m, m.input), m.const(pm1(rng, 3, 2, 3, 3)))
    x = bits(m, m.op("HardSwish", m.op("Mul", x, m.const(0.4))), -0.3)
    x = m.op("Conv", x, m.const(pm1(rng, 2, 3, 3, 3)), pads=[1, 1, 1, 1])
    model = m.build(m.op("Flatten", bits(m, x, 0.5)))
    data = rng.choice([-1.0, 1.0], (64, 2, 5, 5)).astype(np.float32)
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": data})
    found = threshc.simulate(threshc.load(model), data)
    np.testing.assert_array_equal(found.values[0].reshape(64, -1) * 2.0 - 1, wanted)


def test_a_turning_function_over_real_weights_is_refused_by_name() -> None:
    rng = np.random.default_rng(3)
    m = Model(["batch", 9])
    x = m.op("HardSwish", m.op("MatMul", bits(m, m.input), m.const(rng.normal(size=(9, 4)))))
    with pytest.raises(CompileError) as caught:
        threshc.load(m.build(m.op("MatMul", bits(m, x, -0.2), m.const(pm1(rng, 4, 2)))))
    assert "HardSwish" in str(caught.value)
    assert "reachable sums are too many" in str(caught.value)
    assert "no later step" not in str(caught.value)


@pytest.mark.parametrize("op", ["LayerNormalization", "InstanceNormalization", "RMSNormalization"])
def test_what_mixes_channels_says_so(op: str) -> None:
    rng = np.random.default_rng(3)
    m = Model(["batch", 9])
    x = m.op(op, m.op("MatMul", bits(m, m.input), m.const(pm1(rng, 9, 4))), m.const(np.ones(4)))
    with pytest.raises(CompileError) as caught:
        threshc.load(m.build(m.op("MatMul", bits(m, x), m.const(pm1(rng, 4, 2)))))
    assert "depends on several sums at once" in str(caught.value)
