"""Every QONNX operator that is read, against qonnx's own executor, bit for bit, over its attributes and parameters.

Where executor and operator document differ, the test says which of the two is followed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_models import Model
from patterns import bits

sys.path.append(str(Path(__file__).resolve().parents[1]))  # `bench` is a folder of the repository, not of the package

import threshc
from bench.qonnx_operators import (
    CASES,
    DOMAIN,
    LAYOUTS,
    MODES,
    F,
    bipolar_cases,
    executed,
    multi_threshold_cases,
    one_node,
    qonnx_rows,
    quant_cases,
    rising,
    trunc_cases,
    xnor_cases,
)
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.graph import build_graph
from threshc.compiler.frontend.kernels.registry import find_kernel

pytestmark = pytest.mark.slow


def check(model: onnx.ModelProto, named: dict[str, Any], x: np.ndarray) -> None:
    """Values equal in every bit, and the stated direction is one (x must rise along its first axis)."""
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    theirs = executed(model.graph.node[0], {"x": x, **named})
    graph = build_graph(model, None)
    (ours,) = run_float(graph, x, ["y"])
    what = f"{model.graph.node[0]}{named}"
    assert theirs.dtype == ours.dtype == np.float32, what
    assert np.array_equal(ours, theirs.reshape(ours.shape)), what
    kernel = find_kernel(graph.nodes[0])
    assert kernel is not None
    direction = np.asarray(kernel.direction(graph.nodes[0], [None, *named.values()], 0, x.shape))
    assert (np.diff(ours.reshape(x.shape), axis=0) * direction >= 0).all(), what


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_quant(op: str, mode: str) -> None:
    """One signed bit: the document (intquant_v1.md) says that the operator does not work for it, and its listing would
    give -1 and 0; qonnx's executor computes -1 and +1, which is followed."""
    for case in quant_cases(op, mode):
        check(*case)


@pytest.mark.parametrize("domain", ["onnx.brevitas", "brevitas.onnx", "finn", "finn.custom_op.general", DOMAIN])
def test_bipolar_quant(domain: str) -> None:
    for model, named, x in bipolar_cases():
        check(model, named, x)
        other = onnx.ModelProto()
        other.CopyFrom(model)
        other.graph.node[0].domain = domain
        same = [run_float(build_graph(m, None), x, ["y"])[0] for m in (model, other)]
        assert np.array_equal(*same)


@pytest.mark.parametrize(("rank", "layout"), LAYOUTS)
def test_multi_threshold(rank: int, layout: str) -> None:
    """There is no operator document; the executor is the law: without a layout, 3 dimensions are (N, W, C)."""
    for case in multi_threshold_cases(rank, layout):
        check(*case)


def test_trunc() -> None:
    for case in trunc_cases():
        check(*case)


LAST = "qonnx.custom_op.channels_last"


@pytest.mark.parametrize(
    ("op", "shape", "weights", "attrs"),
    [
        ("Conv", (2, 5, 6, 4), (3, 2, 3, 4), {"kernel_shape": [2, 3], "pads": [0, 1, 2, 1], "strides": [2, 1]}),
        ("Conv", (1, 5, 6, 4), (4, 2, 2, 2), {"kernel_shape": [2, 2], "group": 2, "dilations": [2, 1]}),
        ("Conv", (1, 7, 4), (3, 2, 4), {"kernel_shape": [2], "strides": [2], "dilations": [1], "pads": [1, 0]}),
        ("MaxPool", (2, 5, 6, 3), None, {"kernel_shape": [2, 3], "strides": [1, 2], "pads": [1, 0, 0, 1]}),
        ("BatchNormalization", (2, 4, 5, 3), (4, 3), {"epsilon": 0.5, "momentum": 0.9}),
    ],
)
def test_channels_last(op: str, shape: tuple[int, ...], weights: tuple[int, ...] | None, attrs: dict[str, Any]) -> None:
    """Through the package's own wrappers, which ask onnxruntime."""
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    from qonnx.custom_op.registry import getCustomOp

    r = np.random.default_rng(3)
    x = r.integers(-3, 4, shape).astype(F)
    w = [] if weights is None else [r.integers(1, 4, weights).astype(F)]
    if op == "BatchNormalization":
        w = list(w[0])
    if op == "Conv":
        rank = len(shape) - 2
        attrs = {"strides": [1] * rank, "dilations": [1] * rank, "pads": [0] * (2 * rank), "group": 1} | attrs
    model, named = one_node(op, w, len(shape), domain=LAST, **attrs)
    (ours,) = run_float(build_graph(model, None), x, ["y"])
    node = model.graph.node[0]
    context = {"x": x, **named, "y": np.zeros(shape, F)}
    operator = getCustomOp(node)
    operator.onnx_opset_version = 17  # of the model that it makes for onnxruntime
    operator.execute_node(context, None)
    want = context["y"].reshape(ours.shape)
    assert np.array_equal(ours, want) if op != "BatchNormalization" else np.allclose(ours, want, rtol=1e-6)


def test_xnor_popcount() -> None:
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    for model, named, x in xnor_cases():
        theirs = executed(model.graph.node[0], {"x": x, **named})
        assert np.array_equal(run_float(build_graph(model, None), x, ["y"])[0], theirs)


def test_the_rows_of_the_benchmark() -> None:
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    rows = qonnx_rows()
    assert [row.name.split(":")[0] for row in rows] == list(CASES)
    assert all(row.met for row in rows)


def test_debug_marker() -> None:
    model, named = one_node("DebugMarker", [], export_debug_name="d")
    check(model, named, rising(4))


@pytest.mark.parametrize(
    ("mode", "value"),
    [("ROUND", -2), ("CEIL", -2), ("FLOOR", -3), ("UP", -3), ("DOWN", -2), ("HALF_UP", -3), ("HALF_DOWN", -2)],
)
def test_the_documents_table_of_rounding_modes(mode: str, value: float) -> None:
    """The row of -2.5 in intquant_v1.md, without an executor."""
    model, _ = one_node("Quant", [F(1), F(0), F(8)], rounding_mode=mode)
    assert run_float(build_graph(model, None), F([[-2.5]]), ["y"])[0] == value


@pytest.mark.parametrize(
    ("op", "parameters", "attrs", "message"),
    [
        ("Quant", [F(1), F(0), F(2.5)], {}, "a bit width of 2.5 is not supported"),
        ("Quant", [F(1), F(0), F(0)], {}, "a bit width of 0 is not supported"),
        ("Quant", [F(1), F(0), F(33)], {}, "a bit width of 33 is not supported"),
        ("Quant", [F(1), F(0), F([2, 4, 2, 4])], {}, "a bit width per channel is not supported"),
        ("Quant", [F(1), F(0), F(4)], {"rounding_mode": "STOCHASTIC"}, "rounding mode 'STOCHASTIC' is not supported"),
        ("Quant", [F([1, 0, 1, 1]), F(0), F(4)], {}, "a scale is 0"),
        ("MultiThreshold", [F([[0]])], {"data_layout": "NHWC"}, "data_layout 'NHWC' does not fit 2 dimensions"),
        ("MultiThreshold", [F([[0], [1]])], {}, "thresholds have shape [2, 1] for 4 channels"),
        ("Trunc", [F(1), F(0), F(8), F(4)], {"rounding_mode": "ODD"}, "rounding mode 'ODD' is not supported"),
        ("Trunc", [F(1), F(0), F(8), F(4)], {"signed": 1}, "signed and narrow belong to Trunc with the scale after it"),
        ("Trunc", [F(1), F(0), F(8), F(-2), F(4)], {}, "one output width, and scales of one sign"),
        ("FloatQuant", [F(1), F(4), F(3), F(7), F(240)], {}, "FloatQuant"),
    ],
)
def test_refusals(op: str, parameters: list[np.ndarray], attrs: dict[str, Any], message: str) -> None:
    m = Model(["batch", 4])
    x = m.op("MatMul", bits(m, m.input), m.const(np.ones((4, 4))))
    x = m.op(op, x, *(m.const(p) for p in parameters), domain=DOMAIN, **attrs)
    with pytest.raises(CompileError) as error:
        threshc.load(m.build(m.op("MatMul", x, m.const(np.eye(4)))))
    assert message in str(error.value)


@pytest.mark.parametrize("where", ["weights", "activations"])
@pytest.mark.parametrize("scale", [F(-1), F(0.5), F([[0.5, -0.5, 0.5, -0.5, -0.5, 0.5]])], ids=str)
def test_bipolar_quant_in_a_network(where: str, scale: np.ndarray) -> None:
    """Labels of whole networks whose BipolarQuant is computed by qonnx."""
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    r = np.random.default_rng(6)
    latent, last, x = r.normal(size=(8, 6)).astype(F), r.normal(size=(6, 3)).astype(F), r.choice(F([-1, 1]), (200, 8))
    weight_scale, step_scale = (scale, F(1)) if where == "weights" else (F(1), scale)
    m = Model(["batch", 8])
    w = m.op("BipolarQuant", m.const(latent), m.const(weight_scale), domain=DOMAIN)
    u = m.op("Add", m.op("MatMul", bits(m, m.input), w), m.const(0.5))
    d = m.op("BipolarQuant", u, m.const(step_scale), domain=DOMAIN)
    network = threshc.load(m.build(m.op("MatMul", d, m.const(last))))

    def bipolar(v: np.ndarray, s: np.ndarray) -> np.ndarray:
        return executed(
            helper.make_node("BipolarQuant", ["v", "s"], ["y"], domain=DOMAIN), {"v": v, "s": np.asarray(s)}
        )

    sign = np.where(x >= 0, F(1), F(-1))
    scores = bipolar(sign @ bipolar(latent, weight_scale) + F(0.5), step_scale).astype(np.float64) @ last
    assert np.array_equal(threshc.simulate(network, x).labels, scores.argmax(axis=1))
