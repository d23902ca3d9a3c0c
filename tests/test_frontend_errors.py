"""Every refusal of the front end: the message says what, where, why and what to try; nothing else is ever raised."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import QONNX, Model, random_mlp

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.frontend.load import load


def refused(source: Any, *parts: str, input: str | None = None) -> str:
    """Assert that loading is refused and that the message has these parts, in order."""
    with pytest.raises(CompileError) as caught:
        load(source, input=input)
    message = str(caught.value)
    assert re.search(".*".join(map(re.escape, parts)), message, re.DOTALL), message
    return message


def good() -> onnx.ModelProto:
    return random_mlp(0, (6, 5, 4), "pm1", "where", False, False)


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "model file does not exist", "none.onnx")


def test_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


def test_text_file(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_text("this is not a model\n" * 10)
    refused(path, "text", str(path))


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    data = good().SerializeToString()
    path.write_bytes(data[: len(data) // 2])
    refused(path, "damaged or truncated")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"PK\x03\x04abc", "zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x1f\x8b\x08\x00damaged", "not an ONNX model"),
    ],
)
def test_bytes_of_other_files(data: bytes, message: str) -> None:
    refused(data, message)


def test_damaged_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx.gz"
    path.write_bytes(gzip.compress(good().SerializeToString())[:-20])
    refused(path, "gzip file is damaged or truncated")


def test_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx.gz"
    path.write_bytes(gzip.compress(good().SerializeToString()))
    assert load(path).input.shape == (6,)


def test_empty_graph() -> None:
    model = good()
    del model.graph.node[:]
    refused(model, "the model's graph is empty", "0 nodes")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    m = Model(["batch", 3])
    x = m.op("Sign", m.op("MatMul", m.op("Sign", m.input), m.const([[1.0], [value], [1.0]])))
    refused(m.build(x), f"a constant is {value}", "tensor 'c0', index [1, 0]", "train or export")


def test_cycle() -> None:
    model = good()
    model.graph.node[0].input[0] = model.graph.node[-2].output[0]
    refused(model, "the graph has a cycle", "node")


def test_undefined_tensor() -> None:
    model = good()
    model.graph.node[1].input[0] = "nowhere"
    refused(model, "a tensor is read that nothing defines", "'nowhere'")


def test_tensor_defined_twice() -> None:
    model = good()
    model.graph.node[1].output[0] = model.graph.node[0].output[0]
    refused(model, "a tensor is defined twice")


def test_relu_network_reports_every_layer() -> None:
    m = Model(["batch", 4])
    x = m.op("Sign", m.input)
    for _ in range(3):
        x = m.op("Relu", m.op("MatMul", x, m.const(np.ones((4, 4)))))
    message = refused(m.build(x), "a layer's input is not binary", "ReLU networks are not threshold networks", "try:")
    assert message.count("a layer's input is not binary") == 1
    assert message.count("(MatMul), tensor") == 2


def test_lost_sign_of_binarynet() -> None:
    m = Model(["batch", 4])
    x = m.op("Clip", m.op("MatMul", m.input, m.const(np.ones((4, 4)))), m.const(-1.0), m.const(1.0))
    message = refused(m.build(m.op("MatMul", x, m.const(np.ones((4, 2))))), "input=")
    assert "Sign was lost on export" in message
    assert "torch.where" in message


def test_input_encoding_is_asked_for() -> None:
    m = Model(["batch", 4])
    x = m.op("Sign", m.op("MatMul", m.input, m.const(np.ones((4, 2)))))
    refused(m.build(x), "nothing states its integers", "input 'x'", "input=")


@pytest.mark.parametrize("text", ["", "uint", "uint8/0", "int1", "uint99", "float32", "uint8*nan", "uint8/255/"])
def test_input_encodings_that_mean_nothing(text: str) -> None:
    with pytest.raises(CompileError, match="input encoding"):
        parse_encoding(text)


@pytest.mark.parametrize("behind", ["input", "sum", "class"])
@pytest.mark.parametrize("number", [0, 99, 255, -1])
def test_a_cast_to_a_number_that_is_no_type(number: int, behind: str) -> None:
    m = Model([1, 3])
    x = m.input
    if behind != "input":
        x = m.op("MatMul", m.op("Sign", x), m.const(np.eye(3)))
    if behind == "class":
        x = m.op("ArgMax", x, axis=1)
    refused(m.build(m.op("Cast", x, to=number)), "(Cast)", "export the model", input="bipolar")


@pytest.mark.parametrize(
    ("op", "domain", "hint"),
    [
        ("Bernoulli", "", "docs/reference/onnx.md lists the operators"),
        ("ScatterND", "", "torch.where(x >= 0, 1.0, -1.0)"),
        ("NonZero", "", "assigning to a mask"),
        ("LSTM", "", "recurrent layers"),
        ("TruthTable", "finn.custom_op.general", "before its neurons were turned into tables"),
        ("MVAU_hls", "finn.custom_op.fpgadataflow.hls", "before FINN's conversion to hardware"),
        ("FusedMatMul", "com.microsoft", "before optimization"),
    ],
)
def test_unknown_operators_say_what_to_do(op: str, domain: str, hint: str) -> None:
    m = Model(["batch", 4])
    message = refused(m.build(m.op(op, m.input, domain=domain)), f"operator '{op}'", "node 'n0' (")
    assert hint in message


def test_two_inputs() -> None:
    model = good()
    model.graph.input.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [1, 2]))
    refused(model, "the model has 2 inputs", "'x', 'second'")


def test_open_feature_size() -> None:
    m = Model(["batch", "features"])
    refused(m.build(m.op("Sign", m.input)), "the size of a sample is not stated", "shape [?, ?]")


def test_weights_of_wrong_shape() -> None:
    m = Model(["batch", 4])
    refused(m.build(m.op("MatMul", m.op("Sign", m.input), m.const(np.ones((5, 2))))), "[1, 4] and [5, 2]")


def test_broadcast_that_does_not_fit() -> None:
    m = Model(["batch", 4])
    refused(m.build(m.op("Add", m.input, m.const(np.ones(3)))), "an operator does not fit its inputs", "(Add)")


def test_rounding_mode_that_is_unknown() -> None:
    m = Model(["batch", 4])
    args = (m.const(1.0), m.const(0.0), m.const(2.0))
    x = m.op(
        "Quant", m.op("MatMul", m.op("Sign", m.input), m.const(np.eye(4))), *args, domain=QONNX, rounding_mode="DICE"
    )
    refused(m.build(m.op("MatMul", x, m.const(np.eye(4)))), "rounding mode 'DICE'")


def test_output_that_ignores_the_input() -> None:
    m = Model(["batch", 4])
    refused(m.build(m.op("Add", m.const(1.0), m.const(2.0))), "does not depend on its input")


def external(tmp_path: Path, location: str) -> Path:
    m = Model(["batch", 4])
    model = m.build(m.op("MatMul", m.op("Sign", m.input), m.const(np.ones((4, 2)))))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "32")):
        tensor.external_data.add(key=key, value=value)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "outside.bin").write_bytes(np.ones(8, np.float32).tobytes())
    (folder / "inside.bin").write_bytes(np.ones(8, np.float32).tobytes())
    (folder / "short.bin").write_bytes(b"abc")
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    return folder / "a.onnx"


def test_external_data_inside_the_folder(tmp_path: Path) -> None:
    assert load(external(tmp_path, "inside.bin")).input.model_shape == (4,)


@pytest.mark.parametrize("location", ["../outside.bin", "/etc/passwd", "link.bin", "..\\outside.bin", "C:\\x", ""])
def test_external_data_outside_the_folder(tmp_path: Path, location: str) -> None:
    refused(external(tmp_path, location), "external data lies outside the model's folder", "put the data file beside")


def test_external_data_missing_or_short(tmp_path: Path) -> None:
    refused(external(tmp_path, "none.bin"), "external data file is missing")
    (tmp_path / "second").mkdir()
    refused(external(tmp_path / "second", "short.bin"), "outside its external data file", "the file has 3")
