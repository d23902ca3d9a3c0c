"""Weights times coded activations as exact integer sums over bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.dtypes import digits, is_float, is_integer, limits
from threshc.compiler.frontend.grid import Floats, Integers, dyadic_grid, integer_grid, on_unit
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.rows import LARGEST
from threshc.compiler.frontend.symbolic import IntArray, Leaf, Sums
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import Loc, Value

_LIMIT = 2.0**61
_GREATEST = {"float64": 1.7976931348623157e308, "float16": 65504.0, "bfloat16": 3.3895313892515355e38}
_FINEST = {"float64": -1074, "float16": -24, "bfloat16": -133}  # exponents of the least positive numbers


def weight_grid(weights: Array, where: str) -> tuple[Integers, Floats]:
    """Weights (R, E) as integers (R, E) and a unit per row (R,), exactly; one unit for all rows if possible.

    In other types than float32 the units are powers of two, so that the types of the sums can be judged.
    """
    exact = weights.astype(np.float64)
    if weights.dtype != np.float32:
        found = dyadic_grid(exact)
        if found is None:
            raise fail(
                f"the {weights.dtype.name} weights of a layer differ too much in size to be exact integers",
                where=where,
                hint="quantize the weights before exporting, or export them in float32",
            )
        return found[0], np.full(len(exact), found[1])
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
    """Returns the leaf of `weights @ activations`: weights (R, E), activations coded as thermometer bits.

    The sums have the type of the weights.
    """
    n, row_unit = weight_grid(weights, where)
    m, unit = level_grid(coded)
    element, level = coded_bits(coded)
    delta = m[element, level + 1] - m[element, level]
    check_size([(n[:, element], delta), (n, m[:, 0])], where)
    check_type(weights.dtype, np.abs(n.astype(np.float64)) @ np.abs(m).max(axis=1), row_unit * unit[0], where)
    bits, column, width = flat_bits(builder, coded, element, level)
    w = np.zeros((len(n), width), np.int64)
    np.add.at(w.T, column, (n[:, element] * delta).T)  # two elements may be the same bit
    blur = row_unit * (np.abs(n) * level_blur(coded, m, np.resize(unit, len(m)))).max(axis=1)
    base, unit = n @ m[:, 0], row_unit * unit[0]
    return sums_leaf(bits, w, base, unit, np.zeros(len(n)), shape, name, weights.dtype, blur=blur)


def coded_bits(coded: Coded) -> tuple[IntArray, IntArray]:
    """Returns the element and the level of every bit, element by element."""
    element = np.repeat(np.arange(len(coded.count)), coded.count)
    return element, np.arange(len(element)) - np.repeat(np.cumsum(coded.count) - coded.count, coded.count)


def flat_bits(builder: Builder, coded: Coded, element: IntArray, level: IntArray) -> tuple[Value, IntArray, int]:
    """Returns a value of shape (n,) with the given bits, the position of each in it, and n."""
    position = coded.index[element, level]
    shape = builder.shape(coded.bits)
    if len(shape) == 1:
        return coded.bits, position, shape[0]
    value = gathered(builder, coded.bits, position, None, Loc("", coded.tensor))
    return value, np.arange(len(position)), len(position)


def level_grid(coded: Coded, groups: int = 1) -> tuple[IntArray, Floats]:
    """Returns the values of an activation as integers (E, K + 1), exactly, times one unit per group of elements
    (groups,)."""
    k = np.arange(coded.table.shape[1])
    table = np.where(k <= coded.count[:, None], coded.table, coded.table[:, :1]).astype(np.float64)
    find = integer_grid if coded.table.dtype == np.float32 else dyadic_grid
    grids = [find(part) for part in np.split(table, groups)]
    found = [g for g in grids if g is not None]
    if len(found) < groups:
        raise fail(
            "the values of an activation have no common unit",
            where=f"tensor {coded.tensor!r}",
            hint="use one scale for the layer",
        )
    return np.concatenate([n for n, _ in found]), np.array([unit for _, unit in found])


def level_blur(coded: Coded, levels: IntArray, unit: Floats) -> Floats:
    """Returns how far the values of each element (E,) are from integers times its unit, which float32 has rounded."""
    used = np.arange(levels.shape[1]) <= coded.count[:, None]
    away = np.abs(coded.table.astype(np.float64) - levels * unit[:, None])
    return np.asarray(np.where(used, away, 0.0).max(axis=1), np.float64)


def check_size(products: Sequence[tuple[IntArray, IntArray | Floats]], where: str) -> None:
    """Refuses rows whose sum of |products| does not fit 62 bits: pairs of (R, B) and (B,)."""
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


def want_plain(dtype: np.dtype[Any], slope: float, offset: Floats, where: str) -> None:
    """Refuses a scale between the input's integers and a layer of another floating-point type than float32."""
    if is_float(dtype) and dtype != np.float32 and (slope != 1 or offset.any()):
        raise fail(
            f"the input's integers enter a {dtype.name} layer through a scale",
            where=where,
            why=f"the {dtype.name} rounding of each feature is not followed through a sum; float32's scales are",
            hint="export the first layer in float32, or let the integers themselves enter it",
        )


def check_type(dtype: np.dtype[Any], bound: Floats, unit: Floats, where: str, again: bool = False) -> None:
    """Refuses sums whose value in their own type depends on the order in which they are added, or wraps around.

    bound (R,): the greatest |partial sum| in units; unit (R,). float32 and float64 sums are exact by the law. Those of
    float16 and bfloat16 are taken only where every partial sum is a number of the type, whatever the order; so are
    those of float64 where sums are summed again, since the law rounds each of them.
    """
    if dtype == np.float32 or (dtype == np.float64 and not again):
        return
    row = int(np.argmax(bound * np.abs(unit)))
    reach = float(bound[row] * abs(unit[row]))
    if is_integer(dtype):
        if reach > limits(dtype)[1]:
            raise fail(
                f"a sum of {dtype.name} can wrap around",
                where=f"{where}, output {row}",
                why=f"its partial sums reach {reach:.0f}; {dtype.name} ends at {limits(dtype)[1]}",
                hint="compute the sum in a wider type, or in float32",
            )
        return
    row, most = int(np.argmax(bound)), 2 ** digits(dtype)
    _, exponent = np.frexp(unit)
    if float(bound[row]) > most or reach > _GREATEST[dtype.name] or int(exponent.min()) - 1 < _FINEST[dtype.name]:
        raise fail(
            f"a {dtype.name} sum depends on the order in which it is added",
            where=f"{where}, output {row}",
            why=f"its partial sums reach {float(bound[row]):.0f} units; {dtype.name} has every integer up to {most}",
            hint="export the layer in float32 (in PyTorch: model.float()), or use weights of +-1",
        )


def sums_leaf(
    bits: Value,
    w: IntArray,
    base: IntArray,
    unit: Floats,
    shift: Floats,
    shape: tuple[int, ...],
    name: str,
    dtype: np.dtype[Any],
    column: IntArray | None = None,
    width: int = 0,
    over: int = 1,
    blur: Floats | None = None,
) -> Leaf:
    """Returns the leaf of R sums at every place: shape is (.., R) for one place, (1, R, H, W) for a map.

    w (R, K) over the bits `column` (R, K) of `width`, or over all in order; the real sums are divided by `over`.
    dtype: the type of the model's own sums, to which the exact ones are rounded once. blur (R,): as in `Sums`.
    """
    if math.prod(shape) > LARGEST:
        raise fail(f"a layer has {math.prod(shape)} sums", where=f"tensor {name!r}", why=f"at most {LARGEST} are taken")
    step = np.maximum(np.gcd.reduce(w, axis=1), 1)
    w = w // step[:, None]
    places = int(np.prod(shape)) // len(w)
    each = (slice(None), None)

    away = np.zeros(len(w)) if blur is None else blur

    def beside(u: IntArray, side: int) -> Array:
        flat = u.reshape(len(step), places)
        exact: Floats = unit[each] * (step[each] * flat + base[each]) / over + (shift + side * away)[each]
        with np.errstate(over="ignore"):  # beyond float32 the model itself computes infinity
            return exact.astype(dtype).reshape(u.shape)

    lo, hi = (np.repeat(f(w, 0).sum(axis=1), places).reshape(shape) for f in (np.minimum, np.maximum))
    width = w.shape[1] if column is None else width
    blur = away if away.any() else None
    source = Sums(bits, w, step, base, unit, shift, column, width, over, places, blur)
    return Leaf(name, shape, lo, hi, lambda u: beside(u, 0), source, None if blur is None else beside)
