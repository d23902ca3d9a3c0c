"""Small models of kinds that were once read wrongly, with the labels that onnx's reference evaluator gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

Array = NDArray[Any]
QONNX = "qonnx.custom_op.general"
FEATURES, HIDDEN, CLASSES, SAMPLES = 16, 24, 5, 400


class Kind:
    """A model under construction: two layers of +-1 weights in a floating-point type, and what a kind puts between."""

    def __init__(self, number: int = TensorProto.FLOAT, opset: int = 17) -> None:
        self.rng = np.random.default_rng(number + opset)
        self.dtype = np.dtype(helper.tensor_dtype_to_np_dtype(number))
        self.number, self.opset = number, opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def const(self, value: object, dtype: object = None) -> str:
        array = np.asarray(np.asarray(value), self.dtype if dtype is None else np.dtype(dtype))  # type: ignore[call-overload]
        self.constants.append(numpy_helper.from_array(array, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def op(self, op: str, *inputs: str, domain: str = "", **attrs: Any) -> str:
        made = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [made], domain=domain, **attrs))
        return made

    def signs(self, *shape: int) -> Array:
        return self.rng.choice([-1, 1], shape)

    def step(self, x: str, threshold: str) -> str:
        return self.op("Where", self.op("Greater", x, threshold), self.const(1), self.const(-1))

    def sums(self) -> str:
        x = self.step(self.op("Cast", "x", to=self.number), self.const(0))
        return self.op("MatMul", x, self.const(self.signs(FEATURES, HIDDEN)))

    def model(self, x: str, info: int = TensorProto.FLOAT) -> onnx.ModelProto:
        """The graph that ends in a second layer over the tensor x; info: the type of its input."""
        y = self.op("MatMul", x, self.const(self.signs(HIDDEN, CLASSES)))
        y = self.op("Cast", y, to=TensorProto.FLOAT)
        ends = ("x", info, ["N", FEATURES]), (y, TensorProto.FLOAT, ["N", CLASSES])
        first, last = (helper.make_tensor_value_info(*end) for end in ends)
        graph = helper.make_graph(self.nodes, "kind", [first], [last], self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _quantized(output: int) -> onnx.ModelProto:
    k = Kind(opset=21)
    scale = k.const(3)
    return k.model(k.op("DequantizeLinear", k.op("QuantizeLinear", k.sums(), scale, output_dtype=output), scale))


def _wraps(factor: int) -> onnx.ModelProto:
    k = Kind()
    i = k.op("Mul", k.op("Cast", k.sums(), to=TensorProto.INT8), k.const(factor, "int8"))
    return k.model(k.step(i, k.const(3, "int8")))


def _cast_wraps() -> onnx.ModelProto:
    k = Kind()
    i = k.op("Mul", k.op("Cast", k.sums(), to=TensorProto.INT32), k.const(20, "int32"))
    return k.model(k.step(k.op("Cast", i, to=TensorProto.INT8), k.const(3, "int8")))


def _pixels(factor: int) -> onnx.ModelProto:
    k = Kind()
    bits = k.step(k.op("Mul", "x", k.const(factor, "uint8")), k.const(100, "uint8"))
    return k.model(k.op("MatMul", bits, k.const(k.signs(FEATURES, HIDDEN))), TensorProto.UINT8)


def _typed(number: int) -> onnx.ModelProto:
    k = Kind(number)
    tail = k.op("Mul", k.sums(), k.const(np.full(HIDDEN, 0.1)))
    return k.model(k.step(tail, k.const((np.arange(HIDDEN) - 12) * 0.2)))


def _bipolar(scale: float) -> onnx.ModelProto:
    k = Kind()
    above = k.op("Add", k.sums(), k.const(0.5))
    return k.model(k.op("BipolarQuant", above, k.const(scale), domain=QONNX))


KINDS: dict[str, Callable[[], onnx.ModelProto]] = {
    "quantizelinear_output_dtype_int8": lambda: _quantized(TensorProto.INT8),
    "quantizelinear_int4": lambda: _quantized(TensorProto.INT4),
    "quantizelinear_uint4": lambda: _quantized(TensorProto.UINT4),
    "quantizelinear_int16": lambda: _quantized(TensorProto.INT16),
    "integer_mul_inside": lambda: _wraps(7),
    "integer_mul_wraps": lambda: _wraps(20),
    "integer_cast_wraps": _cast_wraps,
    "pixels_mul_wraps": lambda: _pixels(3),
    "graph_float64": lambda: _typed(TensorProto.DOUBLE),
    "graph_float16": lambda: _typed(TensorProto.FLOAT16),
    "graph_bfloat16": lambda: _typed(TensorProto.BFLOAT16),
    "bipolarquant_negative_scale": lambda: _bipolar(-1.0),
}


def write_kinds(folder: Path) -> Path:
    """Write every kind as NAME.onnx, with samples and labels in NAME.npz. Returns the folder."""
    for name, build in KINDS.items():
        model, rng = build(), np.random.default_rng(1)
        pixels = model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
        x = rng.integers(0, 256, (SAMPLES, FEATURES)) if pixels else rng.choice([-1, 1], (SAMPLES, FEATURES))
        x = x.astype(np.uint8 if pixels else np.float32)
        onnx.save(model, folder / f"{name}.onnx")
        np.savez(folder / f"{name}.npz", x=x, label=_labels(model, x))
    return folder


def _labels(model: onnx.ModelProto, x: Array) -> Array:
    """The class of each sample. onnx's evaluator has no BipolarQuant; its document says it in standard operators."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for node in plain.graph.node:
        if node.op_type == "BipolarQuant":
            value, scale = node.input
            plain.graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
            bit = helper.make_node("GreaterOrEqual", [value, "zero"], ["bit"])
            less = helper.make_node("Neg", [scale], ["less"])
            where = helper.make_node("Where", ["bit", scale, "less"], list(node.output))
            at = list(plain.graph.node).index(node)
            nodes = [*plain.graph.node[:at], bit, less, where, *plain.graph.node[at + 1 :]]
            del plain.graph.node[:]
            plain.graph.node.extend(nodes)
            break
    with np.errstate(all="ignore"):
        (scores,) = ReferenceEvaluator(plain).run(None, {"x": x})
    return np.asarray(scores.argmax(axis=1))
