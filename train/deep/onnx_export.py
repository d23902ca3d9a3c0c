"""Deep integer networks as standard ONNX: Conv, MatMul, MaxPool, GreaterOrEqual, Cast, Add, Mul; exact in float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.train.deep.integers import IntegerLayer, IntegerNetwork
from threshc.train.encoders import Thermometer
from threshc.train.model_file import write_model
from threshc.train.onnx_draft import Draft

if TYPE_CHECKING:
    import onnx


def write_network(network: IntegerNetwork, path: str | Path, *, features: int, about: dict[str, str]) -> None:
    """Writes the model of `as_onnx`, which has the parameters, whole or not at all. Raises CompileError as it does,
    and where the file cannot be written."""
    write_model(as_onnx(network, features=features, about=about), path)


def as_onnx(network: IntegerNetwork, *, features: int, about: dict[str, str]) -> onnx.ModelProto:
    """Returns the model from features (N, features) or (N, C, H, W) to scores (N, classes).

    features: how many a flat sample has. about: metadata. Raises CompileError for sums that float32 would round, and
    for a network that reads no feature.
    """
    network.check()
    first, *others = [layer.weight for layer in network.layers]
    if not first.any():
        raise fail("no hidden unit reads a feature", why="the network's output is constant", hint="train for longer")
    draft = Draft()
    used = np.asarray(first.reshape(len(first), -1).any(axis=0))
    h = draft.encoded(network.encode, used)
    if isinstance(network.encode, Thermometer):
        first = first[:, used]
    flat = len(network.shape) == 1
    for k, (layer, weight) in enumerate(zip(network.layers, [first, *others], strict=True)):
        h, flat = _layer(draft, f"l{k}_", layer, weight, h, flat)
    h = h if flat else draft.node("Flatten", [h], "flat")
    h = draft.node("MatMul", [h, draft.constant("w", network.weight.T)], "weighted")
    draft.node("Add", [h, draft.constant("bias", network.bias)], "scores")
    return draft.model((features,) if len(network.shape) == 1 else network.shape, len(network.bias), about)


def _layer(
    draft: Draft, at: str, layer: IntegerLayer, weight: NDArray[np.int64], h: str, flat: bool
) -> tuple[str, bool]:
    """Nodes of a hidden layer; the name of its values, and whether they are flat."""
    conv = weight.ndim == 4
    if conv:
        pads = [layer.padding] * 4
        h = draft.node(
            "Conv", [h, draft.constant(at + "w", weight)], at + "sums", strides=[layer.stride] * 2, pads=pads
        )
    else:
        h = h if flat else draft.node("Flatten", [h], at + "flat")
        h = draft.node("MatMul", [h, draft.constant(at + "w", weight.T)], at + "sums")
    if layer.pool > 1:
        h = draft.node("MaxPool", [h], at + "most", kernel_shape=[layer.pool] * 2, strides=[layer.pool] * 2)
    bits = []
    for k, threshold in enumerate(layer.threshold):
        t = draft.constant(f"{at}t{k}", threshold[:, None, None] if conv else threshold)
        bits.append(draft.cast(draft.node("GreaterOrEqual", [h, t], f"{at}fires{k}"), f"{at}bits{k}"))
    h = bits[0]
    for k, more in enumerate(bits[1:], start=1):
        h = draft.node("Add", [h, more], f"{at}count{k}")
    if layer.gain != 1:
        h = draft.node("Mul", [h, draft.constant(at + "gain", np.array(layer.gain))], at + "times")
    if layer.low:
        h = draft.node("Add", [h, draft.constant(at + "low", np.array(layer.low))], at + "value")
    return h, not conv
