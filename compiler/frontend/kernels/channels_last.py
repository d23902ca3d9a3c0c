"""Operators on (N, .., C) tensors: those of `qonnx.custom_op.channels_last`, MaxPoolNHWC, and Im2Col."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.geometry import Geometry, geometry
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.elementwise import batch_normalization
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, sign
from threshc.compiler.frontend.kernels.spatial import conv, max_pool, taps


def first(x: Array) -> Array:
    """Returns (N, .., C) as (N, C, ..)."""
    return np.moveaxis(x, -1, 1)


@kernel(
    "channels_last:Conv",
    kind=Kind.LINEAR,
    types=("f",),
    reads=("strides", "pads", "dilations", "auto_pad", "kernel_shape", "group"),
)
def conv_channels_last(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Weights are (R, .., C / group)."""
    (y,) = conv(node, [first(need(args, 0)), first(need(args, 1)), *args[2:]])
    return [np.moveaxis(y, 1, -1)]


@kernel(
    "channels_last:MaxPool",
    "quant:MaxPoolNHWC",
    kind=Kind.OTHER,
    types=("f",),
    reads=("strides", "pads", "dilations", "auto_pad", "kernel_shape", "ceil_mode"),
    void=("storage_order",),
)
def max_pool_channels_last(node: Node, args: Sequence[Array | None]) -> list[Array]:
    (y,) = max_pool(node, [first(need(args, 0))])
    return [np.moveaxis(y, 1, -1)]


def _gamma(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    return 0 if k else sign(need(args, 1))


@kernel(
    "channels_last:BatchNormalization",
    kind=Kind.CHANNELWISE,
    direction=_gamma,
    types=("f",),
    reads=("epsilon",),
    void=("momentum",),
    fixed={"training_mode": (0,), "spatial": (1,)},
)
def batch_normalization_channels_last(node: Node, args: Sequence[Array | None]) -> list[Array]:
    (y,) = batch_normalization(node, [first(need(args, 0)), *args[1:]])
    return [np.moveaxis(y, 1, -1)]


def patches(node: Node, shape: Sequence[int]) -> Geometry:
    """Returns the window of an Im2Col node over a tensor (1, H, W, C)."""
    if len(shape) != 4:
        raise ValueError(f"a tensor of shape {list(shape)} is not a (N, H, W, C) map")
    names = {"stride": "strides", "pad_amount": "pads", "dilations": "dilations"}
    attrs = {names[key]: value for key, value in node.attrs.items() if key in names}
    window = Node("Conv", "", node.name, node.inputs, node.outputs, attrs, node.opset)
    return geometry(window, shape[1:3], [int(k) for k in node.attrs["kernel_size"]])


@kernel(
    "quant:Im2Col",
    kind=Kind.OTHER,
    types=("f",),
    reads=("stride", "kernel_size", "pad_amount", "pad_value", "dilations"),
    void=("input_shape", "depthwise"),  # the tensor's own shape; a hint for hardware
)
def im2col(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns (N, OH, OW, kernel places * C): what a window sees, place after place, each with its channels."""
    x = need(args, 0)
    return [gather_patches(x, patches(node, x.shape), x.dtype.type(node.attrs.get("pad_value", 0)))]


def gather_patches(x: Array, window: Geometry, fill: float) -> Array:
    """Returns the same with any constant outside of the map."""
    seen = np.stack(list(taps(first(x), window, fill)), axis=1)  # (N, places, C, OH, OW)
    return np.asarray(seen.transpose(0, 3, 4, 1, 2).reshape(len(x), *window.out, -1))
