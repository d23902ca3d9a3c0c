"""Weights times coded activations as exact integer sums over bits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.grid import Floats, Integers, integer_grid, on_unit
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.symbolic import IntArray, Leaf, Sums
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import Loc, Value

_LIMIT = 2.0**61
LARGEST = 1 << 26
"""Sums of a layer, and elements of its weight matrix, up to which a layer is taken."""


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


def coded_sums(builder: Builder, coded: Coded, weights: Array, shape: tuple[int, ...], name: str, where: str) -> Leaf:
    """The leaf of `weights @ activations`: weights (R, E) float32, activations coded as thermometer bits."""
    n, row_unit = weight_grid(weights, where)
    m, unit = level_grid(coded)
    element, level = coded_bits(coded)
    delta = m[element, level + 1] - m[element, level]
    check_size([(n[:, element], delta), (n, m[:, 0])], where)
    bits, column, width = flat_bits(builder, coded, element, level)
    w = np.zeros((len(n), width), np.int64)
    np.add.at(w.T, column, (n[:, element] * delta).T)  # two elements may be the same bit
    return sums_leaf(bits, w, n @ m[:, 0], row_unit * unit, np.zeros(len(n)), shape, name)


def coded_bits(coded: Coded) -> tuple[IntArray, IntArray]:
    """Element and level of every bit, element by element."""
    element = np.repeat(np.arange(len(coded.count)), coded.count)
    return element, np.arange(len(element)) - np.repeat(np.cumsum(coded.count) - coded.count, coded.count)


def flat_bits(builder: Builder, coded: Coded, element: IntArray, level: IntArray) -> tuple[Value, IntArray, int]:
    """A value of shape (n,) with the given bits, the position of each in it, and n."""
    position = coded.index[element, level]
    shape = builder.shape(coded.bits)
    if len(shape) == 1:
        return coded.bits, position, shape[0]
    value = gathered(builder, coded.bits, position, None, Loc("", coded.tensor))
    return value, np.arange(len(position)), len(position)


def level_grid(coded: Coded) -> tuple[IntArray, float]:
    """The values of an activation as integers (E, K + 1) times one unit, exactly."""
    k = np.arange(coded.table.shape[1])
    table = np.where(k <= coded.count[:, None], coded.table, coded.table[:, :1]).astype(np.float64)
    grid = integer_grid(table)
    if grid is None:
        raise fail(
            "the values of an activation have no common unit",
            where=f"tensor {coded.tensor!r}",
            hint="use one scale for the layer",
        )
    return grid


def plane_sums(
    planes: Value,
    plane: IntArray,
    factor: IntArray,
    slope: float,
    offset: Floats,
    weights: Array,
    shape: tuple[int, ...],
    name: str,
    where: str,
) -> Leaf:
    """The leaf of `weights @ x` for features x = offset[e] + slope * factor[e] * i_e with integers i as bit planes.

    plane: (k,) weights of an element's bits; weights (R, E); factor, offset (E,).
    """
    n, row_unit = weight_grid(weights, where)
    check_size([(n, np.abs(factor) * float(np.abs(plane).sum()))], where)
    n = n * factor
    w = (n[:, :, None] * plane).reshape(len(n), -1)
    shift = weights.astype(np.float64) @ offset
    return sums_leaf(planes, w, np.zeros(len(n), np.int64), row_unit * slope, shift, shape, name)


def check_size(products: Sequence[tuple[IntArray, IntArray | Floats]], where: str) -> None:
    """Refuse rows whose sum of |products| does not fit 62 bits: pairs of (R, B) and (B,)."""
    size = sum(np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64)) for a, b in products)
    worst = int(np.argmax(size))
    total = float(np.asarray(size)[worst])
    if total >= _LIMIT:
        raise fail(
            "the exact integer sum of a neuron does not fit 62 bits",
            where=f"{where}, output {worst}",
            why=f"its weights need about {np.log2(total):.0f} bits",
            hint="quantize the weights before exporting",
        )


def sums_leaf(
    bits: Value, w: IntArray, base: IntArray, unit: Floats, shift: Floats, shape: tuple[int, ...], name: str
) -> Leaf:
    """The leaf of R sums at every place: shape is (.., R) for one place, (1, R, H, W) for a map."""
    if math.prod(shape) > LARGEST:
        raise fail(f"a layer has {math.prod(shape)} sums", where=f"tensor {name!r}", why=f"at most {LARGEST} are taken")
    step = np.maximum(np.gcd.reduce(w, axis=1), 1)
    w = w // step[:, None]
    places = int(np.prod(shape)) // len(w)
    column = (slice(None), None)

    def real(u: IntArray) -> NDArray[np.float32]:
        flat = u.reshape(len(step), places)
        exact: Floats = unit[column] * (step[column] * flat + base[column]) + shift[column]
        with np.errstate(over="ignore"):  # beyond float32 the model itself computes infinity
            return exact.astype(np.float32).reshape(u.shape)

    lo, hi = (np.repeat(f(w, 0).sum(axis=1), places).reshape(shape) for f in (np.minimum, np.maximum))
    return Leaf(name, shape, lo, hi, real, Sums(bits, w, step, base, unit, shift, places))
