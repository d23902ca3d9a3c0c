"""Weights times coded activations as exact integer sums over bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.grid import Floats, Integers, integer_grid, on_unit
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.symbolic import IntArray, Leaf, Linear
from threshc.compiler.ir.ops import Value

_LIMIT = 2.0**61


def weight_grid(weights: Array, where: str) -> tuple[Integers, Floats]:
    """Weights (R, E) float as integers (R, E) and a unit per row (R,), exactly; one unit for all rows if possible."""
    exact = weights.astype(np.float64)
    nonzero = np.abs(exact[exact != 0])
    common = on_unit(exact, float(nonzero.min())) if nonzero.size else None
    if common is not None:
        return common, np.full(len(exact), float(nonzero.min()))
    rows, units = [], []
    for r, row in enumerate(exact):
        found = integer_grid(row)
        if found is None:
            raise fail(
                "the weights of a neuron differ too much in size to be exact integers",
                where=f"{where}, output {r}",
                why=f"nonzero sizes from {np.abs(row[row != 0]).min():g} to {np.abs(row).max():g}",
                hint="quantize the weights before exporting",
            )
        rows.append(found[0])
        units.append(found[1])
    return np.stack(rows), np.array(units)


def coded_sums(coded: Coded, weights: Array, shape: tuple[int, ...], name: str, where: str) -> Leaf:
    """The leaf of `weights @ activations`: weights (R, E) float32, activations coded as thermometer bits."""
    n, row_unit = weight_grid(weights, where)
    k = np.arange(coded.table.shape[1])
    table = np.where(k <= coded.count[:, None], coded.table, coded.table[:, :1]).astype(np.float64)
    grid = integer_grid(table)
    if grid is None:
        raise fail(
            "the values of an activation have no common unit",
            where=f"tensor {coded.tensor!r}",
            hint="use one scale for the layer",
        )
    m, unit = grid
    element = np.repeat(np.arange(len(coded.count)), coded.count)
    level = np.arange(len(element)) - coded.start[element]
    delta = m[element, level + 1] - m[element, level]
    _check_size(n[:, element], delta, n, m[:, 0], where)
    w = n[:, element] * delta
    return _leaf(coded.bits, w, n @ m[:, 0], row_unit * unit, np.zeros(len(n)), shape, name)


def plane_sums(
    planes: Value,
    plane: IntArray,
    slope: float,
    offset: Floats,
    weights: Array,
    shape: tuple[int, ...],
    name: str,
    where: str,
) -> Leaf:
    """The leaf of `weights @ x` for features x = offset[e] + slope * i_e with integers i given as bit planes.

    plane: (k,) weights of an element's bits; weights (R, E); offset (E,).
    """
    n, row_unit = weight_grid(weights, where)
    _check_size(n, np.full(n.shape[1], np.abs(plane).sum()), n, np.zeros(n.shape[1], np.int64), where)
    w = (n[:, :, None] * plane).reshape(len(n), -1)
    shift = weights.astype(np.float64) @ offset
    return _leaf(planes, w, np.zeros(len(n), np.int64), row_unit * slope, shift, shape, name)


def _check_size(w: IntArray, delta: IntArray, n: IntArray, m0: IntArray, where: str) -> None:
    size = np.abs(w.astype(np.float64)) @ np.abs(delta.astype(np.float64)) + np.abs(n.astype(np.float64)) @ np.abs(
        m0.astype(np.float64)
    )
    if (size >= _LIMIT).any():
        r = int(size.argmax())
        raise fail(
            "the exact integer sum of a neuron does not fit 62 bits",
            where=f"{where}, output {r}",
            why=f"its weights need about {np.log2(size[r]):.0f} bits",
            hint="quantize the weights before exporting",
        )


def _leaf(
    bits: Value, w: IntArray, base: IntArray, unit: Floats, shift: Floats, shape: tuple[int, ...], name: str
) -> Leaf:
    step = np.maximum(np.gcd.reduce(w, axis=1), 1)
    w = w // step[:, None]
    linear = Linear(bits, w, step, base, unit, shift)

    def real(u: IntArray) -> NDArray[np.float32]:
        flat = u.reshape(-1, len(step))
        exact: Floats = unit * (step * flat + base) + shift
        return exact.astype(np.float32).reshape(u.shape)

    lo, hi = np.minimum(w, 0).sum(axis=1), np.maximum(w, 0).sum(axis=1)
    return Leaf(name, shape, lo.reshape(shape), hi.reshape(shape), real, linear)
