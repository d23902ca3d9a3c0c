"""What an estimator's X becomes: integers in one shape, and the encoder that repeats it for new samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError
from threshc.train.encoders import Encoder, Thermometer, Whole, thermometer, whole

ENCODINGS = ("auto", "thermometer", "integer")

_CHUNK = 4096


def sample_shape(x: NDArray[Any], image_shape: Sequence[int] | None, *, flat: bool) -> tuple[int, ...]:
    """Returns the shape of a sample as the network takes it: (n,), or (C, H, W) of images.

    x: (N, n), (N, H, W) or (N, C, H, W). image_shape: overrides that of x. flat: for a network without convolutions.
    Raises ValueError for others.
    """
    shape = tuple(x.shape[1:]) if image_shape is None else tuple(int(n) for n in image_shape)
    size = math.prod(x.shape[1:])
    if math.prod(shape) != size or not 1 <= len(shape) <= 3:
        raise ValueError(f"samples of shape {tuple(x.shape[1:])} are not images of shape {shape}")
    if flat:
        return (size,)
    return (1, *shape) if len(shape) == 2 else shape


def encoder(x: NDArray[Any], encoding: str, levels: int, *, flat: bool) -> Encoder:
    """Returns the encoder of samples like x (N, ..).

    encoding: auto takes integers unchanged where x is of an integer type or meant for a convolution, and compares real
    features otherwise. levels: comparisons per feature. flat: for a network without convolutions. Raises ValueError for
    samples that it cannot take.
    """
    if encoding == "thermometer" and not flat:
        raise ValueError("encoding='thermometer' makes no images; a convolution needs whole numbers, as uint8 pixels")
    if encoding == "integer" or (encoding == "auto" and (x.dtype.kind in "iub" or not flat)):
        found: Encoder = _valid(lambda: whole(_rows(x)))
        return found
    return thermometer(np.asarray(_rows(x), np.float64), levels)


def encoded(encode: Encoder, x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.integer[Any]]:
    """Returns the integers (N, *shape) of samples x, in the smallest of uint8, int8, int16, int32 that is sure to
    hold them."""
    dtype = np.uint8 if isinstance(encode, Thermometer) else {"uint16": np.int32}.get(encode.dtype, encode.dtype)
    rows = _rows(x)
    if isinstance(encode, Whole) and rows.dtype == encode.dtype:
        return rows.astype(dtype).reshape(len(x), *shape)
    parts = [_valid(lambda k=k: encode(rows[k : k + _CHUNK]).astype(dtype)) for k in range(0, len(rows), _CHUNK)]
    return np.concatenate(parts).reshape(len(x), *shape)


def normalization(encode: Encoder, integers: NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Returns scale and offset such that (x - offset) * scale of the integers has mean 0 and deviation 1.

    Thermometer bits become -1 and 1.
    """
    if isinstance(encode, Thermometer):
        return 2.0, 0.5
    return 1 / (float(integers.std()) or 1.0), float(integers.mean())


def _rows(x: NDArray[Any]) -> NDArray[Any]:
    rows = x.reshape(len(x), -1)
    return rows.astype(np.uint8) if rows.dtype.kind == "b" else rows


def _valid(make: Any) -> Any:
    try:
        return make()
    except CompileError as error:
        raise ValueError(str(error)) from None
