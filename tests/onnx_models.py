"""ONNX models made for tests: a small graph writer, and random threshold networks in the usual spellings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


class Model:
    """Writes a graph node by node; every method returns the name of the tensor it makes."""

    def __init__(self, shape: Sequence[int | str], opset: int = 17, name: str = "x") -> None:
        self.input = name
        self.shape, self.opset = shape, opset
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(self, op: str, *inputs: str, domain: str = "", outputs: int = 1, **attrs: Any) -> str:
        made = [f"t{len(self.nodes)}_{op}" + (f"_{k}" if k else "") for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), made, name=f"n{len(self.nodes)}", domain=domain, **attrs))
        return made[-1]

    def build(self, *outputs: str) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "test",
            [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, self.shape)],
            [onnx.ValueInfoProto(name=o) for o in outputs],  # of whatever type they are
            self.initializers,
        )
        versions = {"": self.opset, **{n.domain: 1 for n in self.nodes if n.domain}}
        opsets = [helper.make_opsetid(domain, version) for domain, version in versions.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def batch_norm(self, x: str, rng: np.random.Generator, channels: int) -> str:
        gamma = rng.normal(size=channels) + 0.1
        beta, mean = rng.normal(scale=0.5, size=channels), rng.normal(scale=2, size=channels)
        var = rng.random(channels) * 9 + 0.5
        return self.op("BatchNormalization", x, *(self.const(v) for v in (gamma, beta, mean, var)))


STEP_SPELLINGS = (
    "sign",
    "where",
    "cast_affine",
    "less",
    "not",
    "bipolar_quant",
    "multi_threshold",
    "ternary_quant",
    "clip_round",
)


def step(m: Model, x: str, spelling: str) -> str:
    """A step at about zero, in one of the spellings found in real files."""
    zero = m.const(0.0)
    match spelling:
        case "sign":
            return m.op("Sign", x)
        case "where":
            return m.op("Where", m.op("GreaterOrEqual", x, zero), m.const(1.0), m.const(-1.0))
        case "cast_affine":
            bit = m.op("Cast", m.op("Greater", x, zero), to=TensorProto.FLOAT)
            return m.op("Sub", m.op("Mul", bit, m.const(2.0)), m.const(1.0))
        case "less":
            return m.op("Where", m.op("Less", x, zero), m.const(-1.0), m.const(1.0))
        case "not":
            return m.op("Cast", m.op("Not", m.op("LessOrEqual", x, zero)), to=TensorProto.FLOAT)
        case "bipolar_quant":
            return m.op("BipolarQuant", x, m.const(1.0), domain=QONNX)
        case "multi_threshold":
            steps = m.const([[-1.5, 0.0, 1.5]])
            return m.op("MultiThreshold", x, steps, domain=QONNX, out_scale=1.0, out_bias=-1.0)
        case "ternary_quant":
            args = (m.const(1.0), m.const(0.0), m.const(2.0))
            return m.op("Quant", x, *args, domain="onnx.brevitas", signed=1, narrow=1, rounding_mode="ROUND")
        case _:
            return m.op("Round", m.op("Clip", x, m.const(0.0), m.const(1.0)))


def weights(rng: np.random.Generator, fan_in: int, fan_out: int, kind: str) -> NDArray[np.float32]:
    """(fan_in, fan_out): `pm1`, `ternary`, `int`, `scaled` (+-s per output), `latent` (behind a Sign)."""
    shape = (fan_in, fan_out)
    match kind:
        case "pm1":
            return rng.choice([-1.0, 1.0], shape).astype(np.float32)
        case "ternary":
            return rng.integers(-1, 2, shape).astype(np.float32)
        case "int":
            return rng.integers(-5, 6, shape).astype(np.float32)
        case "scaled":
            scale = (rng.random(fan_out) + 0.05).astype(np.float32)
            return rng.choice([-1.0, 1.0], shape).astype(np.float32) * scale
        case _:
            return rng.normal(size=shape).astype(np.float32)


def dense(m: Model, x: str, rng: np.random.Generator, fan_in: int, fan_out: int, kind: str, gemm: bool) -> str:
    """A dense layer as MatMul or as Gemm with transB and bias."""
    w = weights(rng, fan_in, fan_out, kind)
    if gemm:
        name = m.const(w.T)
        name = m.op("Sign", name) if kind == "latent" else name
        return m.op("Gemm", x, name, m.const(rng.normal(scale=0.7, size=fan_out)), transB=1)
    name = m.const(w)
    name = m.op("Sign", name) if kind == "latent" else name
    return m.op("MatMul", x, name)


def random_mlp(
    seed: int, sizes: Sequence[int], kind: str, spelling: str, gemm: bool, norm: bool, head: str = "scores"
) -> onnx.ModelProto:
    """A random dense network on bipolar features; `head`: scores, argmax, topk, softmax, or step."""
    rng = np.random.default_rng(seed)
    m = Model(["batch", sizes[0]])
    x = step(m, m.input, "where")
    for k, (a, b) in enumerate(itertools.pairwise(sizes)):
        x = dense(m, x, rng, a, b, kind, gemm)
        x = m.batch_norm(x, rng, b) if norm else x
        if k < len(sizes) - 2 or head == "step":
            x = step(m, x, spelling)
    match head:
        case "argmax":
            x = m.op("ArgMax", x, axis=-1, keepdims=1)
        case "topk":
            x = m.op("TopK", x, m.const([1], np.int64), outputs=2, axis=-1)
        case "softmax":
            x = m.op("Softmax", x, axis=-1)
    return m.build(x)
