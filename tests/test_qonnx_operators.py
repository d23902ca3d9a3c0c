"""Every QONNX operator that is read, against qonnx's own executor, bit for bit, over its attributes and parameters.

Where executor and operator document differ, the test says which of the two is followed.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import Model
from patterns import bits
from qonnx_executor import qonnx_runs

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.graph import build_graph
from threshc.compiler.frontend.kernels.registry import find_kernel

DOMAIN = "qonnx.custom_op.general"
DOMAINS = (DOMAIN, "onnx.brevitas", "finn.custom_op.general")
MODES = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "round", "Half_up")


def one_node(
    op: str, parameters: list[np.ndarray], rank: int = 2, **attrs: Any
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """A model of one node over input x, and its parameters by name."""
    named = {f"p{k}": np.asarray(p) for k, p in enumerate(parameters)}
    node = helper.make_node(op, ["x", *named], ["y"], domain=attrs.pop("domain", DOMAIN), **attrs)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None] * rank)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in named.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]), named


def check(model: onnx.ModelProto, named: dict[str, Any], x: np.ndarray) -> None:
    """Values equal in every bit, and the stated direction is one (x must rise along its first axis)."""
    theirs = qonnx_runs(model.graph.node[0], {"x": x, **named})
    graph = build_graph(model, None)
    (ours,) = run_float(graph, x, ["y"])
    what = f"{model.graph.node[0]}{named}"
    assert theirs.dtype == ours.dtype == np.float32, what
    assert np.array_equal(ours, theirs.reshape(ours.shape)), what
    kernel = find_kernel(graph.nodes[0])
    assert kernel is not None
    direction = np.asarray(kernel.direction(graph.nodes[0], [None, *named.values()], 0, x.shape))
    assert (np.diff(ours.reshape(x.shape), axis=0) * direction >= 0).all(), what


def rising(*columns: int) -> np.ndarray:
    """Samples that rise along the first axis: ties of the quantizers below, their neighbours, large and tiny values."""
    grid = np.arange(-24, 25, dtype=np.float32) / 8
    far = np.float32([-3e9, -300.5, -1e-30, -0.0, 0.0, 1e-30, 127.5, 255.5, 3e9])
    values = np.concatenate([grid, np.nextafter(grid, 9), np.nextafter(grid, -9), far]).astype(np.float32)
    return np.broadcast_to(np.sort(values).reshape(-1, *[1] * len(columns)), (len(values), *columns)).copy()


F = np.float32
SCALES = [F(0.5), F(-0.25), F(0.1), F([[0.25, -0.5, 1.5, -3e-3]]), F([[-1.0]])]
ZEROS = [F(0), F(1), F(-0.3), F([[0.0, 1.5, -2.0, 0.25]])]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_quant(op: str, mode: str) -> None:
    """One signed bit: the document (intquant_v1.md) says that the operator does not work for it, and its listing would
    give -1 and 0; qonnx's executor computes -1 and +1, which is followed."""
    x = rising(4)
    widths = [F(1), F(2), F(4), F(8), F([8]), np.asarray(3), F(32)]
    for scale, zero, width in itertools.product(SCALES, ZEROS, widths):
        for signed, narrow in itertools.product((0, 1), (0, 1)):
            attrs = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
            check(*one_node(op, [scale, zero, width], **attrs), x)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("scale", [F(1), F(-1), F(0.0), F(-0.0), *SCALES], ids=str)
def test_bipolar_quant(domain: str, scale: np.ndarray) -> None:
    model, named = one_node("BipolarQuant", [scale], domain=domain)
    model.graph.node[0].domain = DOMAIN  # the executor knows this one best
    check(model, named, rising(4))


LAYOUTS = [(2, ""), (2, "NC"), (3, ""), (3, "NCW"), (3, "NWC"), (4, ""), (4, "NCHW"), (4, "NHWC"), (4, "NHCW")]


@pytest.mark.parametrize(("rank", "layout"), LAYOUTS)
def test_multi_threshold(rank: int, layout: str) -> None:
    """There is no operator document; the executor is the law: without a layout, 3 dimensions are (N, W, C)."""
    x = rising(*[3] * (rank - 1))
    r = np.random.default_rng(rank)
    rows = [F([[0.5]]), F([[-1.5, 0.0, 1.5]]), r.choice(x.ravel(), (3, 4)), F([[2.0, -1.0, 0.5]])]
    for thresholds, scale, bias in itertools.product(rows, (None, 1.0, -2.0, 0.1), (None, -1.0, 0.3)):
        attrs = {"out_scale": scale, "out_bias": bias, "data_layout": layout or None, "out_dtype": "INT8"}
        given = {key: value for key, value in attrs.items() if value is not None}
        check(*one_node("MultiThreshold", [np.asarray(thresholds, F)], rank, **given), x)


def test_xnor_popcount() -> None:
    r = np.random.default_rng(0)
    x, w = r.integers(0, 2, (50, 9)).astype(F), r.integers(0, 2, (9, 5)).astype(F)
    model, named = one_node("XnorPopcountMatMul", [w])
    theirs = qonnx_runs(model.graph.node[0], {"x": x, **named})
    assert np.array_equal(run_float(build_graph(model, None), x, ["y"])[0], theirs)


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
        ("Trunc", [F(1), F(0), F(8), F(4)], {"rounding_mode": "FLOOR"}, "Trunc"),
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
    r = np.random.default_rng(6)
    latent, last, x = r.normal(size=(8, 6)).astype(F), r.normal(size=(6, 3)).astype(F), r.choice(F([-1, 1]), (200, 8))
    weight_scale, step_scale = (scale, F(1)) if where == "weights" else (F(1), scale)
    m = Model(["batch", 8])
    w = m.op("BipolarQuant", m.const(latent), m.const(weight_scale), domain=DOMAIN)
    u = m.op("Add", m.op("MatMul", bits(m, m.input), w), m.const(0.5))
    d = m.op("BipolarQuant", u, m.const(step_scale), domain=DOMAIN)
    network = threshc.load(m.build(m.op("MatMul", d, m.const(last))))

    def bipolar(v: np.ndarray, s: np.ndarray) -> np.ndarray:
        return qonnx_runs(
            helper.make_node("BipolarQuant", ["v", "s"], ["y"], domain=DOMAIN), {"v": v, "s": np.asarray(s)}
        )

    sign = np.where(x >= 0, F(1), F(-1))
    scores = bipolar(sign @ bipolar(latent, weight_scale) + F(0.5), step_scale).astype(np.float64) @ last
    assert np.array_equal(threshc.simulate(network, x).labels, scores.argmax(axis=1))
