"""The QONNX operators as their documents and their reference implementations compute them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, rising, sign


def _scale_direction(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    scale = args[1]
    return 0 if k or scale is None else sign(scale)


@kernel("quant:BipolarQuant", direction=_scale_direction, types=("f",))
def bipolar_quant(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes scale * (+1 where x >= 0, else -1): x is not divided by the scale   (QONNX bipolarquant_v1.md)"""
    x, scale = need(args, 0), need(args, 1)
    y = np.where(x >= 0, x.dtype.type(1), x.dtype.type(-1))
    return [(y * scale).astype(x.dtype)]


_ROUNDING: dict[str, Callable[[Array], Array]] = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "ROUND_TO_ZERO": np.trunc,
    "DOWN": np.trunc,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5)),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - x.dtype.type(0.5)),
}


def quant_range(bits: float, signed: bool, narrow: bool) -> tuple[float, float]:
    """Returns the smallest and largest integer of a quantizer (qonnx.custom_op.general.intquant)."""
    if signed:
        return -(2.0 ** (bits - 1)) + narrow, 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1 - narrow


@kernel(
    "quant:Quant",
    "quant:IntQuant",
    direction=rising,
    types=("f", "f", "f", "fdi"),
    reads=("signed", "narrow", "rounding_mode"),
)
def quant(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes scale * (round(clip(x / scale + zero_point)) - zero_point)   (QONNX intquant_v1.md).

    It never falls: a negative scale divides and multiplies. One signed bit, which the document leaves undefined, is
    bipolar as in qonnx's executor.
    """
    x, scale, zero, bits = (need(args, k) for k in range(4))
    if bits.size != 1:
        raise ValueError("a bit width per channel is not supported")
    if (scale == 0).any():
        raise ValueError("a scale is 0")
    width = float(bits.reshape(()))
    signed, narrow = bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0))
    round_ = _rounding(node, "ROUND")
    if not 1 <= width <= 32 or width != int(width):
        raise ValueError(f"a bit width of {width:g} is not supported; 1 to 32 whole bits are")
    y = x / scale + zero
    if width == 1 and signed:
        y = np.where(y >= 0, x.dtype.type(1), x.dtype.type(-1))
    else:
        low, high = quant_range(width, signed, narrow)
        y = round_(np.clip(y, x.dtype.type(low), x.dtype.type(high)))
    return [((y - zero) * scale).astype(x.dtype)]


def _out_scale(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array | int:
    return sign(np.asarray(node.attrs.get("out_scale", 1.0))) if k == 0 else 0


@kernel(
    "quant:MultiThreshold",
    kind=Kind.CHANNELWISE,
    direction=_out_scale,
    types=("f",),
    reads=("out_scale", "out_bias", "data_layout"),
    void=("out_dtype",),
)
def multi_threshold(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes out_scale * (number of thresholds t with x >= t) + out_bias, thresholds (channels or 1, steps)."""
    x, thresholds = need(args, 0), need(args, 1)
    axis = channel_axis(str(node.attrs.get("data_layout", "")), x.ndim)
    if thresholds.ndim != 2 or thresholds.shape[0] not in (1, x.shape[axis]):
        raise ValueError(f"thresholds have shape {list(thresholds.shape)} for {x.shape[axis]} channels")
    shape = [1] * x.ndim
    shape[axis] = thresholds.shape[0]
    count = np.zeros(x.shape, x.dtype)
    for step in thresholds.T:
        count += x >= step.reshape(shape)
    scale, bias = (
        x.dtype.type(node.attrs.get(key, default)) for key, default in (("out_scale", 1.0), ("out_bias", 0.0))
    )
    return [scale * count + bias]


def channel_axis(layout: str, rank: int) -> int:
    """Returns the axis of the channels; without a layout (N, C), (N, W, C), (N, C, H, W) as in qonnx's executor."""
    if not layout:
        return 2 if rank == 3 else min(1, rank - 1)
    if len(layout) != rank or "C" not in layout:
        raise ValueError(f"data_layout {layout!r} does not fit {rank} dimensions")
    return layout.index("C")


@kernel("quant:Trunc", direction=rising, types=("f", "f", "f", "fdi"), reads=("rounding_mode", "signed", "narrow"))
def trunc(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Drops low bits: with five inputs (scale, zero point, width before, width after) as qonnx's Trunc_v1, with six
    (and the scale after) as its Trunc_v2, which also keeps the result within its width."""
    x, scale, zero = (need(args, k) for k in range(3))
    if (scale == 0).any():
        raise ValueError("a scale is 0")
    round_ = _rounding(node, "FLOOR")
    whole = np.rint(x / scale + zero)
    if len(args) < 6:
        if {"signed", "narrow"} & set(node.attrs):
            raise ValueError("signed and narrow belong to Trunc with the scale after it (six inputs)")
        divisor = np.float32(2.0) ** (need(args, 3) - need(args, 4)).astype(np.float32)
        return [((round_(whole / divisor) - zero) * scale).astype(x.dtype)]
    after, width = need(args, 4), need(args, 5)
    if width.size != 1 or not (after / scale > 0).all():
        raise ValueError("one output width, and scales of one sign, are supported")
    divisor = np.float32(2.0) ** np.rint(np.log2(after / scale)).astype(np.float32)
    low, high = quant_range(
        float(width.reshape(())), bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0))
    )
    kept = round_(np.clip(whole / divisor, x.dtype.type(low), x.dtype.type(high)))
    return [((kept - zero / divisor) * after).astype(x.dtype)]


def _rounding(node: Node, default: str) -> Callable[[Array], Array]:
    mode = str(node.attrs.get("rounding_mode", default)).upper()
    if mode not in _ROUNDING:
        raise ValueError(f"rounding mode {mode!r} is not supported; known: {', '.join(_ROUNDING)}")
    return _ROUNDING[mode]
