"""What a model says of its input itself: integer types, FINN's annotations; and statements that contradict it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from frontend_compare import compare
from onnx import TensorProto
from onnx_models import Model, step

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.load import load


def pixels(dtype: int) -> onnx.ModelProto:
    m = Model(["batch", 6])
    x = m.op("Cast", m.input, to=TensorProto.FLOAT)
    x = m.op("MatMul", x, m.const(np.random.default_rng(0).integers(-2, 3, (6, 5))))
    x = step(m, m.op("Sub", x, m.const(0.5)), "where")
    model = m.build(m.op("MatMul", x, m.const(np.eye(5)[:, :3])))
    model.graph.input[0].type.tensor_type.elem_type = dtype
    return model


@pytest.mark.parametrize(
    ("dtype", "bounds"),
    [
        (TensorProto.UINT8, (0, 255)),
        (TensorProto.INT8, (-128, 127)),
        (TensorProto.BOOL, (0, 1)),
        (TensorProto.INT16, (-(2**15), 2**15 - 1)),
    ],
)
def test_integer_types_state_the_encoding(dtype: int, bounds: tuple[int, int]) -> None:
    model = pixels(dtype)
    encoding = load(model).input.encoding
    assert (encoding.lo, encoding.hi) == bounds  # type: ignore[union-attr]
    report = threshc.verify(model, samples=100, rtl=False)
    assert report.ok, str(report)
    assert str(report.peer).startswith("onnxruntime ")


def test_wide_integers_are_asked_for() -> None:
    with pytest.raises(CompileError, match="which integers the int64 input holds"):
        load(pixels(TensorProto.INT64))
    assert load(pixels(TensorProto.INT64), input="uint4").input.encoding.hi == 15  # type: ignore[union-attr]


def test_contradictions_are_refused() -> None:
    with pytest.raises(CompileError, match="does not fit an input of type uint8"):
        load(pixels(TensorProto.UINT8), input="uint8/255")
    with pytest.raises(CompileError, match="does not fit an input of type uint8"):
        load(pixels(TensorProto.UINT8), input="int8")
    with pytest.raises(CompileError, match="type float16"):
        load(pixels(TensorProto.FLOAT16))


@pytest.mark.parametrize(("datatype", "text"), [("UINT4", "uint4"), ("BIPOLAR", "bipolar"), ("BINARY", "bit")])
def test_finn_annotation_states_the_encoding(datatype: str, text: str) -> None:
    m = Model(["batch", 6])
    x = step(m, m.op("MatMul", m.input, m.const(np.ones((6, 4)) * [1, -1, 1, 2])), "where")
    model = m.build(m.op("MatMul", x, m.const(np.eye(4))))
    note = model.graph.quantization_annotation.add(tensor_name="x")
    note.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)
    assert str(load(model).input.encoding) == text


@pytest.mark.parametrize("picked", [[1, 3], [5, 4, 3, 2, 1, 0], [0, 0, 1, 5, 5, 5], [2, 2, 2, 2, 2, 2, 2, 0]], ids=str)
def test_features_that_are_picked_from_the_input(picked: list[int]) -> None:
    """A layer reads some features, several times or not at all."""
    m, rng = Model(["batch", 6]), np.random.default_rng(0)
    x = m.op("Gather", m.input, m.const(picked, np.int64), axis=1)
    x = m.op("MatMul", x, m.const(rng.integers(-3, 4, (len(picked), 5))))
    x = m.op("Where", m.op("GreaterOrEqual", x, m.const(50.0)), m.const(1.0), m.const(-1.0))
    model = m.build(m.op("MatMul", x, m.const(rng.choice([-1.0, 1.0], (5, 3)))))
    compare(model, rng.integers(0, 256, (64, 6)).astype(np.float32), "uint8")
