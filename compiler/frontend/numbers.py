"""Tensors of integers over bits of any weights: the form in which the input's own integers enter a layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.grid import Floats
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.sums import check_size, check_type, sums_leaf, weight_grid
from threshc.compiler.frontend.symbolic import IntArray, Leaf
from threshc.compiler.ir.ops import Gather, Loc, Value


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A tensor of E elements: element e is unit * (base[e] + delta[e] . bits[index[e]]) + shift[e].

    bits: IR value, flattened; index, delta (E, B), where bits of delta 0 are not read; base (E,) int64; shift (E,)
    float64. blur (E,): how far one rounding takes the model's numbers from these.
    """

    bits: Value
    index: IntArray
    delta: IntArray
    base: IntArray
    unit: float
    shift: Floats
    blur: Floats

    @property
    def reach(self) -> Floats:
        """The greatest |integer| of each element (E,)."""
        return np.asarray(np.abs(self.delta).astype(np.float64).sum(axis=1) + np.abs(self.base), np.float64)


def room_beside(weights: Array, where: str) -> int:
    """Returns the bits that weights (R, E) leave, in a sum of 62, for what multiplies each of them."""
    n, _ = weight_grid(weights, where)
    return 61 - int(np.abs(n.astype(np.float64)).sum(axis=1).max(initial=1)).bit_length()


def number_sums(
    builder: Builder, numbers: Numbers, weights: Array, shape: tuple[int, ...], name: str, where: str
) -> Leaf:
    """Returns the leaf of `weights @ numbers`, weights (R, E). The sums have the type of the weights."""
    n, row_unit = weight_grid(weights, where)
    check_size([(n, numbers.reach)], where)
    check_type(weights.dtype, np.abs(n.astype(np.float64)) @ numbers.reach, row_unit * numbers.unit, where)
    element, b = np.nonzero(numbers.delta)
    place, each = numbers.index[element, b], n[:, element] * numbers.delta[element, b]
    bits, known = numbers.bits, builder.shape(numbers.bits)
    if len(known) > 1:
        used, place = np.unique(place, return_inverse=True)
        bits, known = builder.add(Gather((bits,), used, Loc("", name))), used.shape
    if len(place) == known[0] and (place == np.arange(len(place))).all():
        w = each
    else:
        w = np.zeros((len(n), known[0]), np.int64)
        np.add.at(w.T, place, each.T)  # a feature may be read several times
    shift = weights.astype(np.float64) @ numbers.shift
    blur = (np.abs(weights.astype(np.float64)) * numbers.blur).max(axis=1)
    unit = row_unit * numbers.unit
    return sums_leaf(bits, w, n @ numbers.base, unit, shift, shape, name, weights.dtype, blur=blur)
