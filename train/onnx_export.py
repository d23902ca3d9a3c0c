"""Trained networks as standard ONNX: comparisons, Cast, MatMul, Add. No custom operators, nothing to round."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.train.encoders import Thermometer
from threshc.train.hidden_network import HiddenNetwork
from threshc.train.model_file import write_model
from threshc.train.onnx_draft import EXACT, checked_model

if TYPE_CHECKING:
    import onnx

Values = tuple[NDArray[np.float32], NDArray[np.float32]]


def write_onnx(
    network: HiddenNetwork, path: str | Path, *, features: int, about: dict[str, str], values: Values | None = None
) -> None:
    """Writes the model of `as_onnx`, which has the parameters, whole or not at all. Raises CompileError as it does,
    and where the file cannot be written."""
    write_model(as_onnx(network, features=features, about=about, values=values), path)


def as_onnx(
    network: HiddenNetwork, *, features: int, about: dict[str, str], values: Values | None = None
) -> onnx.ModelProto:
    """Returns the model from features (N, features) to scores.

    features: how many a sample has. about: metadata. values: scale and offset (K,) float32; there are then K outputs
    (N, 1), scores * scale + offset each. Without values there is one output (N, K) of the scores of classes, a single
    score s as (0, s).

    Raises CompileError for a network without units and for sums that float32 would round.
    """
    from onnx import TensorProto, helper

    if not len(network.t):
        raise fail("the network has no hidden units", why="its output is constant", hint="a smaller beta")
    if not all(layer.u.any() for layer in network.hidden):
        raise fail("no hidden unit reads a feature", why="the network's output is constant", hint="train for longer")
    w, bias = network.w, network.bias
    if values is None and w.shape[1] == 1:
        w, bias = np.hstack([np.zeros_like(w), w]), np.append(0, bias)
    largest = 1 if isinstance(network.encode, Thermometer) else int(np.iinfo(network.encode.dtype).max) + 1
    for layer in network.hidden:
        reach = int(np.abs(layer.u).sum(axis=0).max()) * largest
        largest = 1
        if reach >= EXACT:
            raise fail("the hidden sums do not fit the integers of float32", why=f"they reach {reach:,}")
    constants: dict[str, np.ndarray] = {}
    first = network.hidden[0].u
    if isinstance(network.encode, Thermometer):
        kept = first.any(axis=1)  # thresholds that no unit reads need no comparator
        constants = {"feature": network.encode.feature[kept], "level": network.encode.threshold[kept]}
        nodes = [
            helper.make_node("Gather", ["x", "feature"], ["wide"], "spread", axis=1),
            helper.make_node("GreaterOrEqual", ["wide", "level"], ["over"], "compare"),
            helper.make_node("Cast", ["over"], ["bits"], "encode", to=TensorProto.FLOAT),
        ]
        first, dtype = first[kept], TensorProto.FLOAT
    else:
        nodes = [helper.make_node("Cast", ["x"], ["bits"], "encode", to=TensorProto.FLOAT)]
        dtype = helper.np_dtype_to_tensor_dtype(np.dtype(network.encode.dtype))
    bits = "bits"
    for k, layer in enumerate(network.hidden):
        end = "" if len(network.hidden) == 1 else str(k + 1)
        constants |= {f"u{end}": (first if k == 0 else layer.u).astype(np.float32)}
        constants |= {f"t{end}": layer.t.astype(np.float32)}
        nodes += [
            helper.make_node("MatMul", [bits, f"u{end}"], [f"sums{end}"], f"hidden{end}"),
            helper.make_node("GreaterOrEqual", [f"sums{end}", f"t{end}"], [f"fires{end}"], f"step{end}"),
            helper.make_node("Cast", [f"fires{end}"], [f"hidden_bits{end}"], f"hidden_bits{end}", to=TensorProto.FLOAT),
        ]
        bits = f"hidden_bits{end}"
    heads = [slice(None)] if values is None else [slice(k, k + 1) for k in range(w.shape[1])]
    outputs = {}
    for k, head in enumerate(heads):
        end = "" if len(heads) == 1 else str(k)
        constants |= {f"w{end}": w[:, head].astype(np.float32), f"bias{end}": bias[head].astype(np.float32)}
        nodes.append(helper.make_node("MatMul", [bits, f"w{end}"], [f"weighted{end}"], f"output{end}"))
        last = f"scores{end}" if values is None else f"whole{end}"
        nodes.append(helper.make_node("Add", [f"weighted{end}", f"bias{end}"], [last], f"scores{end}"))
        if values is not None:
            constants |= {f"scale{end}": values[0][head], f"offset{end}": values[1][head]}
            nodes.append(helper.make_node("Mul", [last, f"scale{end}"], [f"scaled{end}"], f"scale{end}"))
            nodes.append(helper.make_node("Add", [f"scaled{end}", f"offset{end}"], [f"scores{end}"], f"offset{end}"))
        outputs[f"scores{end}"] = len(bias[head])
    return checked_model(nodes, constants, (dtype, (features,)), outputs, about)
