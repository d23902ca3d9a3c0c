"""Integer matrices whose rows have few entries: depthwise kernels, pools and sums of maps, without their zeros.

A matrix (R, width) is kept as weights (R, K) and the column of each, (R, K); columns None: K is the width, in order.
No column stands twice in a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail

IntArray = NDArray[np.int64]
LARGEST = 1 << 26
"""Sums of a layer, and elements of its weight matrix, up to which a layer is taken."""


def full(weights: IntArray, column: IntArray | None, width: int, where: str) -> IntArray:
    """Returns the matrix (R, width) with its zeros. Raises CompileError beyond LARGEST elements."""
    if column is None:
        return weights
    want_size(len(weights) * width, where)
    matrix = np.zeros((len(weights), width), np.int64)
    np.put_along_axis(matrix, column, weights, axis=1)
    return matrix


def want_size(size: int, where: str) -> None:
    """Refuses layers with more than LARGEST weights."""
    if size > LARGEST:
        why = f"it has {size} weights, zeros between them included; at most {LARGEST} are taken"
        raise fail("a layer is too large", where=where, why=why, hint="use fewer channels or smaller windows")


def even_rows(columns: Sequence[IntArray], weights: Sequence[IntArray], width: int) -> tuple[IntArray, IntArray]:
    """Weights and columns (R, K) of rows of several lengths: shorter ones get zeros at columns that they do not use."""
    most = max(len(c) for c in columns)
    even_weights, even_columns = np.zeros((len(columns), most), np.int64), np.zeros((len(columns), most), np.int64)
    for r, (c, w) in enumerate(zip(columns, weights, strict=True)):
        even_weights[r, : len(w)], even_columns[r, : len(c)] = w, c
        if len(c) < most:
            even_columns[r, len(c) :] = np.setdiff1d(np.arange(width), c)[: most - len(c)]
    return even_weights, even_columns
