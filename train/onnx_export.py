"""Trained networks as standard ONNX: comparisons, Cast, MatMul, Add. No custom operators, nothing to round."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.train.encoders import Thermometer
from threshc.train.hidden_network import HiddenNetwork

if TYPE_CHECKING:
    import onnx

_EXACT = 1 << 24


def write_onnx(network: HiddenNetwork, path: str | Path, *, features: int, kind: str, about: dict[str, str]) -> None:
    """Writes the model, whole or not at all. kind, features: as for `as_onnx`."""
    data = as_onnx(network, features=features, kind=kind, about=about).SerializeToString()
    goal = Path(path)
    draft = goal.with_name(f".{goal.name}.partial")
    try:
        draft.write_bytes(data)
        os.replace(draft, goal)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise fail("the model cannot be written", where=str(path), why=error.strerror or str(error)) from None


def as_onnx(network: HiddenNetwork, *, features: int, kind: str, about: dict[str, str]) -> onnx.ModelProto:
    """The model. features: of a sample. kind: `classes` (a single score s becomes 0, s) or `values` (scores times
    scale).

    about: metadata. Raises CompileError for a network without units and for sums that float32 would round.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    if not len(network.t):
        raise fail("the network has no hidden units", why="its output is constant", hint="a smaller beta")
    if not network.u.any():
        raise fail("no hidden unit reads a feature", why="the network's output is constant", hint="train for longer")
    w, bias = network.w, network.bias
    if kind == "classes" and w.shape[1] == 1:
        w, bias = np.hstack([np.zeros_like(w), w]), np.append(0, bias)
    largest = 1 if isinstance(network.encode, Thermometer) else int(np.iinfo(network.encode.dtype).max) + 1
    reach = int(np.abs(network.u).sum(axis=0).max()) * largest
    if reach >= _EXACT:
        raise fail("the hidden sums do not fit the integers of float32", why=f"they reach {reach:,}")
    constants: dict[str, np.ndarray] = {}
    if isinstance(network.encode, Thermometer):
        kept = network.u.any(axis=1)  # thresholds that no unit reads need no comparator
        constants = {"feature": network.encode.feature[kept], "level": network.encode.threshold[kept]}
        nodes = [
            helper.make_node("Gather", ["x", "feature"], ["wide"], "spread", axis=1),
            helper.make_node("GreaterOrEqual", ["wide", "level"], ["over"], "compare"),
            helper.make_node("Cast", ["over"], ["bits"], "encode", to=TensorProto.FLOAT),
        ]
        u, dtype = network.u[kept], TensorProto.FLOAT
    else:
        nodes = [helper.make_node("Cast", ["x"], ["bits"], "encode", to=TensorProto.FLOAT)]
        u, dtype = network.u, helper.np_dtype_to_tensor_dtype(np.dtype(network.encode.dtype))
    constants |= {"u": u.astype(np.float32), "t": network.t.astype(np.float32)}
    constants |= {"w": w.astype(np.float32), "bias": bias.astype(np.float32)}
    last = "scores" if kind == "classes" else "whole"
    nodes += [
        helper.make_node("MatMul", ["bits", "u"], ["sums"], "hidden"),
        helper.make_node("GreaterOrEqual", ["sums", "t"], ["fires"], "step"),
        helper.make_node("Cast", ["fires"], ["hidden_bits"], "hidden_bits", to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["hidden_bits", "w"], ["weighted"], "output"),
        helper.make_node("Add", ["weighted", "bias"], [last], "scores"),
    ]
    if kind == "values":
        constants["scale"] = np.float32(network.scale).reshape(())
        nodes.append(helper.make_node("Mul", ["whole", "scale"], ["scores"], "scale"))
    graph = helper.make_graph(
        nodes,
        "threshc_train",
        [helper.make_tensor_value_info("x", dtype, ["N", features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", w.shape[1]])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="threshc train")
    helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    return model
