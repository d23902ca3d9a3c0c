"""What the readers of data files share: names of arrays and columns, sizes of blocks, and what a sample must be."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail

Block = NDArray[np.generic]
Blocks = Iterator[tuple[Block, int | None]]
"""Samples (n, ...) in order, each time with the number of all samples where that is known."""


def warn(text: str) -> None:
    """Shows a note as a warning, where no callback was given."""
    warnings.warn(text, stacklevel=2)


BLOCK_BYTES = 8 << 20
SAMPLES = ("x", "X", "inputs", "input", "images", "data")
"""Names of the samples in an .npz."""
LABELS = ("y", "Y", "labels", "label", "true", "target")
"""Names of the labels in an .npz."""
TARGETS = ("target", "class", "label", "labels", "y")
"""Names of the labels' column in a table, in capitals or not."""
HINT = ".npy, .npz, idx(.gz), .csv or .tsv (.gz), .parquet, or a folder of images"


def rows_per_block(shape: tuple[int, ...], itemsize: int) -> int:
    """Returns samples of a shape that make a block, whole planes of 512."""
    return max(512, BLOCK_BYTES // max(1, math.prod(shape) * itemsize) // 512 * 512)


def check(shape: tuple[int, ...], dtype: np.dtype[np.generic], where: str) -> None:
    """Refuses arrays that are not samples: (N, ...) numbers with N > 0 are needed."""
    if dtype.kind not in "biuf":
        raise fail(f"samples have dtype {dtype}, numbers are needed", where=where)
    if len(shape) < 2 or not math.prod(shape):
        why = "there are none" if len(shape) > 1 else "a sample has features, one or more"
        hint = "x.reshape(-1, 1) where each sample has one feature" if len(shape) == 1 else "one row for each sample"
        raise fail(f"samples have shape {shape}, (N, features) is needed", where=where, why=why, hint=hint)
