"""Real features as the integers that hidden units add: thermometer bits, or whole numbers, unchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail

WHOLE = ("uint8", "int8", "uint16", "int16")
"""Types of whole features that circuits read."""


@dataclass(frozen=True, slots=True, eq=False)
class Thermometer:
    """Bit k of a sample is x[feature[k]] >= threshold[k], compared in float32.

    feature: (bits,) int64. threshold: (bits,) float32. pixels: the integer type of features that are whole numbers,
    which the exported model then takes unchanged, with the comparisons part of the circuit; None for real features.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    pixels: str | None = None

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Returns zeros and ones (N, bits) of real features (N, d)."""
        return (as_float32(x)[:, self.feature] >= self.threshold).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """It takes features that are integers of `dtype` unchanged."""

    dtype: str

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Returns whole numbers (N, d) as int64. Raises CompileError by column and row for others."""
        info = np.iinfo(self.dtype)
        bad = np.argwhere((x != np.rint(x)) | (x < info.min) | (x > info.max))
        if len(bad):
            row, column = bad[0]
            raise fail(
                f"the feature {x[row, column]:g} is not of type {self.dtype}",
                where=f"column {column}, row {row}",
                hint="encoding='thermometer' takes any real features",
            )
        return x.astype(np.int64)


Encoder = Thermometer | Whole


def thermometer(x: NDArray[np.float64], levels: int) -> Thermometer:
    """Returns at most `levels` thresholds per feature of x (n, d): between all of its values, or between values at
    even quantiles."""
    columns = as_float32(x)
    feature, threshold = [], []
    for j in range(x.shape[1]):
        values, counts = np.unique(columns[:, j], return_counts=True)
        cuts = np.arange(1, len(values))
        if len(cuts) > levels:
            below = np.cumsum(counts)[:-1] / len(columns)
            wanted = np.arange(1, levels + 1) / (levels + 1)
            cuts = np.unique(np.abs(below[None, :] - wanted[:, None]).argmin(axis=1)) + 1
        low, high = values[cuts - 1], values[cuts]
        middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
        threshold += np.where(middle > low, middle, high).tolist()
        feature += [j] * len(cuts)
    return Thermometer(np.array(feature, np.int64), np.array(threshold, np.float32))


def whole(x: NDArray[np.float64]) -> Whole:
    """Returns the smallest integer type that holds all features x (n, d). Raises CompileError where there is none."""
    for dtype in WHOLE:
        info = np.iinfo(dtype)
        if x.min() >= info.min and x.max() <= info.max:
            Whole(dtype)(x)
            return Whole(dtype)
    Whole("int16")(x)
    raise AssertionError("a feature outside of int16 was not found")


def as_float32(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns features as the model sees them; beyond float32 they become infinite, which still compares correctly."""
    with np.errstate(over="ignore"):
        return x.astype(np.float32)
