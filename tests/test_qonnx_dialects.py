"""A convolutional network as qonnx's own transformations rewrite it: lowered to Im2Col, and with its channels last."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx_models import QONNX, Model
from pattern import pm1, quant

import threshc
from threshc.compiler.diagnostics import CompileError

WINDOW = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1]}


def network() -> onnx.ModelProto:
    """Two convolutions, one of them padded and one depthwise, max pooling, a dense layer."""
    r, m = np.random.default_rng(0), Model([1, 2, 8, 8])
    x = m.op("BipolarQuant", m.input, m.const(1.0), domain=QONNX)
    x = m.op("Conv", x, m.const(pm1(r, 4, 2, 3, 3)), pads=[1, 1, 1, 1], group=1, **WINDOW)
    x = quant(m, m.batch_norm(x, r, 4), 2, 1, 0, 0.5)
    x = m.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    x = m.op("Conv", x, m.const(pm1(r, 4, 1, 3, 3)), pads=[0, 0, 0, 0], group=4, **WINDOW)
    x = m.op("BipolarQuant", m.batch_norm(x, r, 4), m.const(1.0), domain=QONNX)
    return m.build(m.op("MatMul", m.op("Flatten", x), m.const(pm1(r, 16, 5))))


@pytest.mark.parametrize(
    ("name", "operators"),
    [("LowerConvsToMatMul", {"Im2Col"}), ("ConvertToChannelsLastAndClean", {"Conv", "MaxPool", "BatchNormalization"})],
)
def test_the_rewritten_network_is_the_same(name: str, operators: set[str]) -> None:
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation import channels_last, lower_convs_to_matmul
        from qonnx.transformation.general import GiveUniqueNodeNames
        from qonnx.transformation.infer_shapes import InferShapes

        steps = vars(channels_last) | vars(lower_convs_to_matmul)
        stated = network()
        stated.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT  # qonnx takes an open type for none
        model = ModelWrapper(stated)
        for step in (InferShapes, GiveUniqueNodeNames, steps[name]):
            model = model.transform(step())
    assert operators <= {node.op_type for node in model.graph.node if "custom_op" in node.domain}
    x = np.random.default_rng(1).normal(size=(64, 2, 8, 8)).astype(np.float32)
    plain, other = (threshc.simulate(threshc.load(m), x) for m in (network(), model.model))
    assert np.array_equal(plain.scores, other.scores)
    report = threshc.verify(model.model, samples=16, rtl=False)
    assert report.ok, str(report)
    assert report.peer is not None
    assert "qonnx" in report.peer


@pytest.mark.parametrize(
    ("domain", "op", "attrs", "words"),
    [
        (
            "finn",
            "StreamingFCLayer_Batch",
            {"backend": "fpgadataflow"},
            "a hardware layer that FINN has already chosen",
        ),
        ("finn.custom_op.fpgadataflow", "MatrixVectorActivation", {}, "a hardware layer that FINN has already chosen"),
        ("qonnx.custom_op.channels_last", "AveragePool", {}, "'AveragePool' of domain 'qonnx.custom_op.channels_last'"),
        ("finn.custom_op.general", "QuantAvgPool2d", {}, "'QuantAvgPool2d' of domain 'finn.custom_op.general'"),
    ],
)
def test_refusals_name_the_domain_of_the_file(domain: str, op: str, attrs: dict[str, str], words: str) -> None:
    m = Model(["batch", 6])
    x = m.op(op, m.op("Sign", m.input), domain=domain, **attrs)
    with pytest.raises(CompileError) as error:
        threshc.load(m.build(m.op("MatMul", x, m.const(np.ones((6, 3))))))
    assert words in str(error.value)
    assert f"domain {domain!r}" in str(error.value)
    assert "'quant'" not in str(error.value)
