"""Resize and Upsample to the nearest element: moves, as ONNX counts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, optional

LARGEST = 1 << 24
"""Elements of a resized tensor, at most."""

_SOURCE: dict[str, Callable[[Array, Any, int, int], Array]] = {
    "asymmetric": lambda i, scale, n, m: i / scale,
    "half_pixel": lambda i, scale, n, m: (i + i.dtype.type(0.5)) / scale - i.dtype.type(0.5),
    "pytorch_half_pixel": lambda i, scale, n, m: (
        (i + i.dtype.type(0.5)) / scale - i.dtype.type(0.5) if m > 1 else i * 0
    ),
    "align_corners": lambda i, scale, n, m: i * i.dtype.type(n - 1) / i.dtype.type(max(m - 1, 1)),
}
"""Where element i of m lies among the n of the input, by coordinate_transformation_mode."""

_NEAREST: dict[str, Callable[[Array], Array]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda x: np.ceil(x - x.dtype.type(0.5)),
    "round_prefer_ceil": lambda x: np.floor(x + x.dtype.type(0.5)),
}


@kernel(
    "Resize",
    kind=Kind.STRUCTURE,
    types=("*", "F", "F", "i"),
    reads=("mode", "axes", "keep_aspect_ratio_policy", "coordinate_transformation_mode", "nearest_mode"),
    void=("antialias", "cubic_coeff_a", "exclude_outside", "extrapolation_value"),
)
def resize(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Elements of the input nearest to the places of the output, axis by axis   (onnx.reference op_resize)"""
    x = need(args, 0)
    _want_nearest(node)
    if node.opset < 11:  # the operator of opset 10 is Upsample under another name
        return [_take(x, _scales(need(args, 1), range(x.ndim), x.ndim), None, "asymmetric", "floor")]
    policy = str(node.attrs.get("keep_aspect_ratio_policy", "stretch"))
    if policy != "stretch":
        raise ValueError(f"keep_aspect_ratio_policy {policy!r} is not supported; stretch is")
    given = node.attrs.get("axes")
    axes = range(x.ndim) if given is None else [int(a) % x.ndim for a in given]
    scales, sizes = optional(args, 2), optional(args, 3)
    how = str(node.attrs.get("coordinate_transformation_mode", "half_pixel"))
    rule = str(node.attrs.get("nearest_mode", "round_prefer_floor"))
    if sizes is not None and np.size(sizes):
        shape = list(x.shape)
        for axis, size in zip(axes, np.ravel(sizes), strict=True):
            shape[axis] = int(size)
        factors = [np.float64(m) / n for m, n in zip(shape, x.shape, strict=True)]
        return [_take(x, factors, shape, how, rule)]
    if scales is None or not np.size(scales):
        raise ValueError("neither scales nor sizes are given")
    return [_take(x, _scales(scales, axes, x.ndim), None, how, rule)]


@kernel("Upsample", kind=Kind.STRUCTURE, types=("*", "F"), reads=("mode", "scales"))
def upsample(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns every element repeated: the nearest below the place of the output divided by the scale."""
    x, given = need(args, 0), optional(args, 1)
    _want_nearest(node)
    scales = np.asarray(node.attrs["scales"] if given is None else given)
    return [_take(x, _scales(scales, range(x.ndim), x.ndim), None, "asymmetric", "floor")]


def _want_nearest(node: Node) -> None:
    mode = str(node.attrs.get("mode", "nearest"))
    if mode != "nearest":
        raise ValueError(
            f"mode {mode!r} mixes neighbouring elements in float32; nearest, which moves them, is supported"
        )


def _scales(given: Array, axes: Sequence[int], rank: int) -> list[np.float64]:
    scales = [np.float64(1)] * rank
    for axis, scale in zip(axes, np.ravel(given), strict=True):
        scales[axis] = np.float64(scale)
    return scales


def _take(x: Array, scales: Sequence[np.float64], shape: Sequence[int] | None, how: str, rule: str) -> Array:
    if how not in _SOURCE or rule not in _NEAREST:
        raise ValueError(f"{how!r} and {rule!r} are not supported; {', '.join(_SOURCE)}; {', '.join(_NEAREST)}")
    sizes = shape or [int(np.floor(n * s)) for n, s in zip(x.shape, scales, strict=True)]
    if min(sizes) < 1 or prod(sizes) > LARGEST:
        raise ValueError(f"a size of {sizes} is not supported")
    for axis, (size, scale) in enumerate(zip(sizes, scales, strict=True)):
        if size == x.shape[axis] and scale == 1:
            continue
        if how == "align_corners" and shape is None and size != x.shape[axis] * scale:
            raise ValueError(
                f"align_corners: a scale of {scale:g} that gives no whole size is read in two ways; use sizes"
            )
        index = [_index(t, x.shape[axis], size, scale, how, rule) for t in (np.float32, np.float64)]
        if (index[0] != index[1]).any():
            raise ValueError(
                "which element is nearest depends on how the scale is rounded; use a whole scale, or sizes"
            )
        x = np.take(x, index[1], axis=axis)
    return x


def _index(dtype: type[Any], n: int, m: int, scale: np.float64, how: str, rule: str) -> Array:
    place = _SOURCE[how](np.arange(m, dtype=dtype), dtype(scale), n, m)
    return np.clip(_NEAREST[rule](place), 0, n - 1).astype(np.int64)
