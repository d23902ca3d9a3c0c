"""The type of every tensor counts: integers that wrap, graphs in float64, float16 and bfloat16, casts out of range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.graph import Node, build_graph
from threshc.compiler.frontend.kernels.registry import kernels
from threshc.compiler.frontend.load import load, lower_model
from threshc.sim import reference
from threshc.sim.peers.find import find_peer
from threshc.sim.peers.onnxruntime_peer import onnxruntime_peer
from threshc.sim.peers.peer import CannotRunError

ml_dtypes = pytest.importorskip("ml_dtypes")
TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}


class Typed:
    """A graph with two layers in one floating-point type, and what a test puts between them."""

    def __init__(self, seed: int, dtype: str = "float32", features: int = 16, hidden: int = 12) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.features, self.hidden = features, hidden

    def const(self, value: object, dtype: object = None) -> str:
        self.constants.append(
            numpy_helper.from_array(
                np.asarray(value).astype(self.dtype if dtype is None else np.dtype(dtype)), f"c{len(self.constants)}"
            )
        )
        return self.constants[-1].name

    def op(self, op: str, *inputs: str, **attrs: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [f"t{len(self.nodes)}"], **attrs))
        return self.nodes[-1].output[0]

    def sign(self, *shape: int) -> np.ndarray:
        return self.rng.choice([-1, 1], shape)

    def step(self, x: str, threshold: str) -> str:
        return self.op("Where", self.op("Greater", x, threshold), self.const(1), self.const(-1))

    def first(self) -> str:
        x = self.op("Cast", "x", to=TYPES[self.dtype.name])
        x = self.step(x, self.const(0))
        return self.op("MatMul", x, self.const(self.sign(self.features, self.hidden)))

    def model(self, x: str, opset: int = 17) -> onnx.ModelProto:
        y = self.op("MatMul", x, self.const(self.sign(self.hidden, 5)))
        y = self.op("Cast", y, to=TensorProto.FLOAT)
        graph = helper.make_graph(
            self.nodes,
            "typed",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", self.features])],
            [onnx.ValueInfoProto(name=y)],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def same(model: onnx.ModelProto, features: int = 16, samples: int = 400) -> bool:
    """Whether the network gives the labels of onnx's reference evaluator on random signs."""
    x = np.random.default_rng(5).choice([-1, 1], (samples, features)).astype(np.float32)
    with np.errstate(all="ignore"):
        want = ReferenceEvaluator(model).run(None, {"x": x})[0]
    network = load(model)
    got = reference.run(network, x)
    return bool(np.array_equal(got.labels, want.argmax(axis=1)))


def _integer(m: Typed, to: str, op: str, value: int, threshold: int) -> onnx.ModelProto:
    """first layer -> Cast to an integer type -> an operator, with a constant -> step -> second layer."""
    i = m.op("Cast", m.first(), to=TYPES[to])
    i = m.op(op, i, m.const(value, to)) if op not in ("Neg", "Abs") else m.op(op, i)
    return m.model(m.step(i, m.const(threshold, to)))


INSIDE = [
    ("int8", "Add", 100, 103),
    ("int8", "Mul", 7, 3),
    ("int8", "Mul", -7, 3),
    ("int8", "Sub", 111, -110),
    ("int8", "Neg", 0, 3),
    ("int8", "Div", 3, 1),
    ("int8", "Div", -3, 1),
    ("int16", "Mul", 2000, 100),
    ("int64", "Mul", 10**15, 3),
    ("int32", "Add", 2**30, 2**30 + 5),
]
WRAPS = [
    ("int8", "Add", 120, 122),
    ("int8", "Mul", 20, 3),
    ("int8", "Sub", 120, -120),
    ("int8", "Mul", 9, 3),
    ("int32", "Add", 2**31 - 4, 2**31 - 6),
    ("int64", "Add", 2**63 - 4, 2**63 - 6),
    ("int64", "Mul", 2**61, 3),
]


@pytest.mark.parametrize("row", INSIDE, ids=str)
def test_integers_that_cannot_wrap_are_read(row: tuple[str, str, int, int]) -> None:
    model = _integer(Typed(1), *row)
    assert same(model)


@pytest.mark.parametrize("row", WRAPS, ids=str)
def test_integers_that_wrap_rise_and_fall(row: tuple[str, str, int, int]) -> None:
    assert same(_integer(Typed(1), *row))


NOT_NUMBERS = [
    ("Less", [9, 0, 12, -2, 9, 3], None),
    ("Greater", [0, 0, 0, 0, 0, 0], [1, -1, 1, 1, -1, 1]),
    ("Greater", [0, 2, -4, 8, 16, 20], [-1, 1, -1, 1, -1, 1]),
]


@pytest.mark.parametrize(("op", "offset", "gamma"), NOT_NUMBERS, ids=str)
def test_a_square_root_below_zero_is_not_monotone(op: str, offset: list[int], gamma: list[int] | None) -> None:
    """NaN compares False: below 0 as above a threshold, between them it is True."""
    m = Typed(4, hidden=6)
    t = m.op("Sqrt", m.op("Add", m.first(), m.const(offset)))
    if gamma is not None:
        t = m.op("BatchNormalization", t, *(m.const(v) for v in (gamma, [0] * 6, [1.7] * 6, [1] * 6)))
    assert same(m.model(m.step(t, m.const(0)) if gamma else _below(m, t)))


def test_a_square_root_that_only_begins_below_zero_is_read() -> None:
    m = Typed(4, hidden=6)
    t = m.op("Sqrt", m.op("Add", m.first(), m.const([9, 0, 12, -2, 8, 3])))
    assert same(m.model(m.step(t, m.const(2))))


def _below(m: Typed, x: str) -> str:
    return m.op("Where", m.op("Less", x, m.const(2)), m.const(1), m.const(-1))


def test_a_cast_between_integers_keeps_the_low_bits() -> None:
    m = Typed(2)
    i = m.op("Mul", m.op("Cast", m.first(), to=TensorProto.INT32), m.const(20, "int32"))
    assert same(m.model(m.step(m.op("Cast", i, to=TensorProto.INT8), m.const(3, "int8"))))


def test_a_wrap_that_happens_at_one_step_only_is_read() -> None:
    """100 + 10 u over u = 0 .. 4, then >= 120 or wrapped: two levels although the integers wrap."""
    m = Typed(3)
    bits = m.op("Where", m.op("Greater", m.first(), m.const(0)), m.const(1), m.const(0))
    total = m.op("Cast", m.op("MatMul", bits, m.const(np.eye(12))), to=TensorProto.INT8)
    wrapped = m.op("Add", m.op("Mul", total, m.const(100, "int8")), m.const(100, "int8"))
    assert same(m.model(m.step(wrapped, m.const(0, "int8"))))


@pytest.mark.parametrize("to", ["int8", "uint8", "int64"])
def test_a_float_cast_out_of_range_is_refused(to: str) -> None:
    m = Typed(4)
    x = m.op("Mul", m.first(), m.const(1e30 if to == "int64" else 20.0))
    with pytest.raises(CompileError, match=f"cast to {to} that does not fit") as caught:
        load(m.model(m.step(m.op("Cast", x, to=TYPES[to]), m.const(3, to))))
    assert "Clip" in str(caught.value)


def test_integer_division_by_zero_is_refused() -> None:
    m = Typed(4)
    i = m.op("Div", m.op("Cast", m.first(), to=TensorProto.INT32), m.const(0, "int32"))
    with pytest.raises(CompileError, match="divided by zero"):
        load(m.model(m.step(i, m.const(3, "int32"))))


def _tail(m: Typed) -> str:
    """An affine tail whose constants are not short numbers."""
    x = m.op("Mul", m.first(), m.const(np.full(m.hidden, 0.1)))
    return m.op("Add", x, m.const(m.rng.normal(size=m.hidden)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("seed", range(6))
def test_a_tail_is_evaluated_in_its_own_type(dtype: str, seed: int) -> None:
    m = Typed(seed, dtype, features=64)
    threshold = (np.arange(m.hidden) - 6) * 0.2
    assert same(m.model(m.step(_tail(m), m.const(threshold))), 64)


def test_float64_thresholds_are_float64s() -> None:
    """The sum 7 times 0.1 is 0.7000000000000001 in float64; between it and 0.7 there is no float32."""
    for value, neurons in ((0.7, [0, 1]), (0.7000000000000001, [1])):
        m = Typed(0, "float64", features=7, hidden=2)
        x = m.op("MatMul", m.step(m.op("Cast", "x", to=TensorProto.DOUBLE), m.const(0)), m.const(np.ones((7, 2))))
        tail = m.op("Mul", x, m.const(0.1))
        assert lower_model(m.model(m.step(tail, m.const([value, 0.0])))).probes[-1].element.tolist() == neurons


def test_float64_levels_reach_the_next_layer_unrounded() -> None:
    """0.1 and 0.3 as float64s have no common unit below 62 bits' worth of sums: refused, not rounded to float32."""
    m = Typed(0, "float64")
    step = m.op("Where", m.op("Greater", m.first(), m.const(0)), m.const(0.5), m.const(-0.25))
    assert same(m.model(m.step(m.op("MatMul", step, m.const(m.sign(12, 12) * 0.1)), m.const(-1e-10))))
    m = Typed(0, "float64")
    step = m.op("Where", m.op("Greater", m.first(), m.const(0)), m.const(0.1), m.const(-0.3))
    weights = m.const(m.rng.normal(size=(12, 12)))
    with pytest.raises(CompileError, match=r"62 bits|no common unit|too much in size"):
        load(m.model(m.step(m.op("MatMul", step, weights), m.const(0))))


@pytest.mark.parametrize(("dtype", "most"), [("float16", 2048), ("bfloat16", 256)])
def test_sums_of_narrow_floats_are_taken_up_to_the_last_exact_integer(dtype: str, most: int) -> None:
    for features, taken in ((most, True), (most + 1, False)):
        m = Typed(1, dtype, features=features, hidden=3)
        model = m.model(m.step(m.first(), m.const(0)))
        if taken:
            assert same(model, features, 20)
        else:
            with pytest.raises(CompileError, match="depends on the order in which it is added") as caught:
                load(model)
            assert dtype in str(caught.value)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_scores_whose_order_a_narrow_type_loses_are_refused(dtype: str) -> None:
    m = Typed(5, dtype, features=64, hidden=64)
    x = m.step(m.first(), m.const(0))
    y = m.op("Add", m.op("MatMul", x, m.const(m.sign(64, 5))), m.const(m.rng.normal(size=5) * 0.01))
    model = m.model(m.step(m.first(), m.const(0)))
    model.graph.output[0].name = y
    with pytest.raises(CompileError, match=f"{dtype} outputs") as caught:
        load(model)
    assert "export what follows the sums in float32" in str(caught.value)


def test_output_bits_whose_two_values_no_float64_joins_are_refused() -> None:
    m = Typed(1)
    y = m.op("Where", m.op("Greater", m.first(), m.const(0)), m.const(1e-30), m.const(-1))
    model = m.model(m.step(m.first(), m.const(0)))
    model.graph.output[0].name = y
    with pytest.raises(CompileError, match="differ too much in size"):
        load(model)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_before_opset_13_runs_over_all_axes_behind_its_own(op: str) -> None:
    """Against opset 13 on the flattened tensor; onnx's evaluator knows the new meaning only."""
    x = np.random.default_rng(1).normal(size=(2, 3, 4)).astype(np.float32)
    kernel = kernels()["", op].compute
    old, new = ([("axis", 1)], 11, x), ([("axis", 1)], 13, x.reshape(2, 12))
    a, b = (kernel(Node(op, "", "n", ("x",), ("y",), dict(attrs), v), [value])[0] for attrs, v, value in (old, new))
    assert np.array_equal(a.reshape(2, 12), b)
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], axis=1)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.allclose(session.run(None, {"x": x})[0], a, atol=1e-6)


def test_the_evaluator_computes_in_the_type_of_the_input() -> None:
    """A uint8 image is divided as integers, also where the samples come as float32."""
    m = Typed(1)
    step = m.step(m.op("Div", "x", m.const(3, "uint8")), m.const(40, "uint8"))
    model = m.model(m.op("MatMul", step, m.const(m.sign(16, 12))))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    x = np.random.default_rng(2).integers(0, 256, (50, 16)).astype(np.uint8)
    want = ReferenceEvaluator(model).run(None, {"x": x})[0]
    (got,) = run_float(build_graph(model, None), x.astype(np.float32), [model.graph.output[0].name])
    assert np.array_equal(got, want)
    assert np.array_equal(reference.run(load(model), x).labels, want.argmax(axis=1))


def test_verify_asks_an_evaluator_that_rounds_to_float16() -> None:
    """onnxruntime computes float16 in float32 on a CPU, so it has no opinion; onnx's evaluator rounds."""
    pytest.importorskip("onnxruntime")
    m = Typed(2, "float16")
    model = m.model(m.step(_tail(m), m.const(np.arange(12) * 0.1)))
    with pytest.raises(CannotRunError, match="computes float16 in float32"):
        onnxruntime_peer(model, None)
    x = np.ones((2, 16), np.float32)
    opinion = find_peer(model, None, x, [model.graph.output[0].name], True)
    assert opinion.peer is not None
    assert "reference evaluator" in opinion.peer.name


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_weights_that_are_no_signs_are_refused(dtype: str) -> None:
    m = Typed(1, dtype)
    weights = m.const(m.rng.normal(size=(m.hidden, m.hidden)))
    x = m.op("MatMul", m.step(m.first(), m.const(0)), weights)
    with pytest.raises(CompileError, match="depends on the order"):
        load(m.model(m.step(x, m.const(0))))


LABELS: list[tuple[str, Callable[[int], bool]]] = [("int8", lambda n: n <= 128), ("bool", lambda n: False)]


@pytest.mark.parametrize("classes", [128, 129])
@pytest.mark.parametrize(("to", "fits"), LABELS, ids=[t for t, _ in LABELS])
def test_a_class_index_is_cast_only_to_types_that_hold_it(to: str, fits: Callable[[int], bool], classes: int) -> None:
    m = Typed(1, features=8)
    x = m.op("MatMul", m.step("x", m.const(0)), m.const(m.sign(8, classes)))
    y = m.op("Cast", m.op("ArgMax", x, axis=1, keepdims=0), to=TYPES[to])
    graph = helper.make_graph(
        m.nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info(y, TYPES[to], None)],
        m.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if fits(classes):
        assert load(model).outputs
    else:
        with pytest.raises(CompileError, match="class index"):
            load(model)
