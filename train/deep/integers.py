"""The network that predicts and is exported: integers only, evaluated exactly by numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.train.encoders import Encoder, Thermometer
from threshc.train.onnx_draft import EXACT

Ints = NDArray[np.int64]
Floats = NDArray[Any]
"""Exact integers as float32, or as float64 where sums may reach 2^24."""

_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class IntegerLayer:
    """A layer computes low + gain * #{k: s >= threshold[k]} of the max-pooled sums s = weight x, integers all.

    weight: (rows, fan-in), or (rows, channels, k, k) for a convolution with stride and zero padding. threshold:
    (levels, rows). pool: kernel and stride, 1 for none.
    """

    weight: Ints
    threshold: Ints
    low: int
    gain: int
    stride: int = 1
    padding: int = 0
    pool: int = 1

    @property
    def largest(self) -> int:
        """Returns the largest magnitude of its values."""
        return max(abs(self.low), abs(self.low + self.gain * len(self.threshold)))


@dataclass(frozen=True, slots=True, eq=False)
class IntegerNetwork:
    """A network computes scores = weight h + bias of the last hidden layer's values h, integers all.

    encode: real features to integers; the samples' integers have `shape`, (n,) or (C, H, W), before the first layer.
    weight: (classes, fan-in). bias: (classes,). scale: the real score that the integer 1 stands for.
    """

    encode: Encoder
    shape: tuple[int, ...]
    layers: tuple[IntegerLayer, ...]
    weight: Ints
    bias: Ints
    scale: float

    def scores(self, x: NDArray[Any]) -> Ints:
        """Returns integer scores (N, classes) of features (N, ..)."""
        parts = [h.astype(np.int64) for *_, h in self._values(x)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.bias)), np.int64)

    def hidden(self, x: NDArray[Any]) -> list[Ints]:
        """Returns the integer values (N, ..) of every hidden layer for features (N, ..)."""
        parts = [values[:-1] for values in self._values(x)]
        return [np.concatenate(layer).astype(np.int64) for layer in zip(*parts, strict=True)]

    @property
    def neurons(self) -> int:
        """Returns the number of thresholds; those of a convolution count once per channel."""
        return sum(layer.threshold.size for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """Returns the share of all weights that are 0."""
        weights = [layer.weight for layer in self.layers] + [self.weight]
        return float(sum((w == 0).sum() for w in weights) / max(1, sum(w.size for w in weights)))

    def check(self) -> None:
        """Raises CompileError where a sum leaves the integers that float32 holds exactly."""
        for k, reach in enumerate(self._reaches()):
            if reach >= EXACT:
                raise fail(
                    "sums do not fit the integers of float32",
                    where=f"hidden layer {k}" if k < len(self.layers) else "output layer",
                    why=f"they may reach {reach:,}, {EXACT:,} is too much",
                    hint="weights of fewer bits, or encoding='thermometer'",
                )

    def _reaches(self) -> list[int]:
        """The largest magnitude that a sum of each layer can have, the output last."""
        sizes = [largest_input(self.encode), *(layer.largest for layer in self.layers)]
        weights = [*(layer.weight for layer in self.layers), self.weight]
        sums = [np.abs(w).reshape(len(w), -1).sum(axis=1) * size for w, size in zip(weights, sizes, strict=True)]
        sums[-1] = sums[-1] + np.abs(self.bias)
        return [int(s.max()) for s in sums]

    def _values(self, x: NDArray[Any]) -> Iterator[list[Floats]]:
        dtype = np.float32 if max(self._reaches()) < EXACT else np.float64
        for start in range(0, len(x), _CHUNK):
            part = x[start : start + _CHUNK]
            h = self.encode(part.reshape(len(part), -1)).reshape(len(part), *self.shape).astype(dtype)
            values = []
            for layer in self.layers:
                h = _fired(layer, h)
                values.append(h)
            yield [*values, h.reshape(len(h), -1) @ self.weight.T.astype(dtype) + self.bias]


def largest_input(encode: Encoder) -> int:
    """Returns the largest magnitude of the encoder's integers."""
    return (
        1 if isinstance(encode, Thermometer) else max(-int(np.iinfo(encode.dtype).min), int(np.iinfo(encode.dtype).max))
    )


def _fired(layer: IntegerLayer, h: Floats) -> Floats:
    s = _sums(layer, h)
    if layer.pool > 1:
        p, rows, (height, width) = layer.pool, s.shape[1], (s.shape[2] // layer.pool, s.shape[3] // layer.pool)
        s = s[:, :, : height * p, : width * p].reshape(len(s), rows, height, p, width, p).max(axis=(3, 5))
    places = (1,) * (s.ndim - 2)
    count = np.zeros_like(s)
    for threshold in layer.threshold:
        count += s >= threshold.reshape(-1, *places)
    return np.asarray(layer.low + layer.gain * count, s.dtype)


def _sums(layer: IntegerLayer, h: Floats) -> Floats:
    flat = layer.weight.reshape(len(layer.weight), -1).T.astype(h.dtype)
    if layer.weight.ndim == 2:
        return np.asarray(h.reshape(len(h), -1) @ flat)
    p, size = layer.padding, layer.weight.shape[2:]
    padded = np.pad(h, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(2, 3))
    windows = windows[:, :, :: layer.stride, :: layer.stride].transpose(0, 2, 3, 1, 4, 5)
    s = windows.reshape(-1, len(flat)) @ flat
    return np.asarray(s.reshape(*windows.shape[:3], -1).transpose(0, 3, 1, 2))
