"""What one inference of a network costs, counted from the IR: no estimate, nothing measured.

Layers and their names are those of `threshc.compiler.ir.layers`.
All figures are per sample; operations are multiplied by the positions of a convolution, stored bits are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.layers import Layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Compare, Op, Reduce, Sum, Value
from threshc.compiler.ir.shapes import plane_weights, row_bounds
from threshc.compiler.ir.types import Ints


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """Counts of one layer; `dataclasses.asdict` makes it JSON.

    name, value:     of the layer (`threshc.compiler.ir.layers.Layer`)
    input_shape:     bits (integers for a layer without a Sum) that the layer reads
    output_shape:    of its first Compare, else of the sums themselves
    positions:       how often the same weights are applied (OH * OW of a convolution, else 1)
    fan_in, rows:    the weight matrix is (rows, fan_in); of a Reduce, its taps and 0
    weight_kind:     `+-1` (no other values), `ternary` (-1, 0, 1), `integer`, or `none` (no Sum)
    weight_width:    bits to store one weight: 1, 2, or the least two's complement that holds all; 0 without weights
    density:         nonzero weights / weights
    synapses:        nonzero weights * positions
    xnor_ops:        one-bit products of a +-1 layer: its synapses; 0 otherwise
    and_ops:         one-bit products of other layers: synapses * (1 for ternary, weight_width for integer weights)
    full_adders:     3:2 counters (half_adders: 2:2 counters) that add one bit per nonzero signed digit (non-adjacent
                     form) of every weight, column by column: h > 0 bits of one weight take (h - 1) // 2 full adders,
                     and a half adder where h is even, and send h // 2 carries up; thresholds and biases are constants
    popcounts:       64-bit words of products whose ones a processor counts instead: per row, position and signed digit
                     of the weights, one for 64 inputs
    compares:        threshold comparisons, and n - 1 per ArgMax of n numbers
    pool_ops:        ORs and ANDs of two bits of a Reduce: taps - 1 for every bit of its result
    weight_bits:     rows * fan_in * weight_width
    threshold_bits:  per Compare element the bits for every threshold that matters, lo..hi+1 of its row; per row that is
                     output as a number, its bias in the width of the sum, unless all biases are 0
    activation_bits: bits of all Compare results; without any, of the sums; of the result of a Reduce
    float32_bytes:   the same layer in float32: 4 * (weights + one bias per row)
    """

    name: str
    value: Value
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    positions: int
    fan_in: int
    rows: int
    weight_kind: str
    weight_width: int
    density: float
    synapses: int
    xnor_ops: int
    and_ops: int
    full_adders: int
    half_adders: int
    popcounts: int
    compares: int
    pool_ops: int
    weight_bits: int
    threshold_bits: int
    activation_bits: int
    float32_bytes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all layers; memory_bits = weight_bits + threshold_bits."""

    synapses: int
    xnor_ops: int
    and_ops: int
    full_adders: int
    half_adders: int
    popcounts: int
    compares: int
    pool_ops: int
    weight_bits: int
    threshold_bits: int
    memory_bits: int
    activation_bits: int
    float32_bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a network; input_bits: the bits of one encoded sample."""

    network: str
    input_bits: int
    layers: tuple[LayerCounts, ...]
    totals: Totals


def count(network: Network) -> Counts:
    """Counts every layer of a network, in order."""
    found = tuple(_count(network, layer) for layer in layers(network))

    def total(field: str) -> int:
        return sum(getattr(layer, field) for layer in found)

    memory = total("weight_bits") + total("threshold_bits")
    totals = {f.name: memory if f.name == "memory_bits" else total(f.name) for f in fields(Totals)}
    return Counts(network.name, _bits(network, 0), found, Totals(**totals))


def adders(weights: NDArray[np.signedinteger]) -> tuple[int, int]:
    """Returns the full and half adders that sum the rows of (R, C) weights once (see `LayerCounts.full_adders`)."""
    w = weights.astype(np.int64)
    height = np.zeros(len(w), np.int64)
    full = half = 0
    while w.any() or (height > 1).any():
        digit = np.where(w & 1, 2 - (w & 3), 0)
        w = (w - digit) >> 1
        height += np.count_nonzero(digit, axis=1)
        full += int((np.maximum(height - 1, 0) // 2).sum())
        half += int(((height > 0) & (height % 2 == 0)).sum())
        height //= 2
    return full, half


def digits(weights: NDArray[np.signedinteger]) -> int:
    """Returns how many signed digits (non-adjacent form) the longest of the weights has; 0 if all are 0."""
    w = weights.astype(np.int64)
    found = 0
    while w.any():
        w = (w - np.where(w & 1, 2 - (w & 3), 0)) >> 1
        found += 1
    return found


def _count(network: Network, layer: Layer) -> LayerCounts:
    op = network.ops[layer.value]
    match op:
        case Sum():
            return _sum_layer(network, layer, op)
        case Compare() | ArgMax():
            return _plain_layer(network, layer, op)
        case Reduce():
            return _pool_layer(network, layer, op)
        case _:
            raise AssertionError(f"{type(op).__name__} begins no layer")


def _sum_layer(network: Network, layer: Layer, op: Sum) -> LayerCounts:
    v, rows, fan_in = layer.value, layer.rows, layer.columns
    t = network.types[v]
    assert isinstance(t, Ints)
    positions = math.prod(layer.positions)
    readers = layer.values[1:]
    compares = [u for u in readers if isinstance(network.ops[u], Compare)]
    kind, width = _weight_kind(op.weights)
    synapses = int(np.count_nonzero(op.weights)) * positions
    full, half = adders(op.weights)
    put_out = len(compares) < len(layer.readers) or layer.outputs
    return LayerCounts(
        name=layer.name,
        value=v,
        input_shape=network.types[op.x].shape,
        output_shape=network.types[compares[0] if compares else v].shape,
        positions=positions,
        fan_in=fan_in,
        rows=rows,
        weight_kind=kind,
        weight_width=width,
        density=float(np.count_nonzero(op.weights) / op.weights.size),
        synapses=synapses,
        xnor_ops=synapses if kind == "+-1" else 0,
        and_ops=0 if kind == "+-1" else synapses * (1 if kind == "ternary" else width),
        full_adders=full * positions,
        half_adders=half * positions,
        popcounts=rows * positions * -(-fan_in // 64) * digits(op.weights),
        compares=sum(_compares(network, u) for u in readers),
        pool_ops=0,
        weight_bits=rows * fan_in * width,
        threshold_bits=sum(_threshold_bits(network.ops[u], *row_bounds(op)) for u in compares)
        + (rows * len(plane_weights(t.lo, t.hi)) if put_out and op.bias.any() else 0),
        activation_bits=sum(_bits(network, u) for u in compares) or _bits(network, v),
        float32_bytes=4 * (rows * fan_in + rows),
    )


def _plain_layer(network: Network, layer: Layer, op: Compare | ArgMax) -> LayerCounts:
    t = network.types[op.s]
    assert isinstance(t, Ints)
    n = t.shape[-1]
    thresholds = _threshold_bits(op, np.full(n, t.lo), np.full(n, t.hi))
    compares = _compares(network, layer.value)
    return _without_weights(network, layer, op.s, compares=compares, threshold_bits=thresholds)


def _pool_layer(network: Network, layer: Layer, op: Reduce) -> LayerCounts:
    pool_ops = (op.taps - 1) * math.prod(network.types[layer.value].shape)
    return _without_weights(network, layer, op.x, pool_ops=pool_ops)


def _without_weights(
    network: Network, layer: Layer, x: Value, compares: int = 0, pool_ops: int = 0, threshold_bits: int = 0
) -> LayerCounts:
    """A layer that adds nothing up; x: what it reads."""
    v = layer.value
    return LayerCounts(
        name=layer.name,
        value=v,
        input_shape=network.types[x].shape,
        output_shape=network.types[v].shape,
        positions=math.prod(layer.positions),
        fan_in=layer.columns,
        rows=layer.rows,
        weight_kind="none",
        weight_width=0,
        density=0.0,
        synapses=0,
        xnor_ops=0,
        and_ops=0,
        full_adders=0,
        half_adders=0,
        popcounts=0,
        compares=compares,
        pool_ops=pool_ops,
        weight_bits=0,
        threshold_bits=threshold_bits,
        activation_bits=_bits(network, v),
        float32_bytes=0,
    )


def _weight_kind(weights: NDArray[np.signedinteger]) -> tuple[str, int]:
    lo, hi = int(weights.min()), int(weights.max())
    if lo >= -1 and hi <= 1:
        return ("+-1", 1) if weights.all() else ("ternary", 2)
    return "integer", len(plane_weights(min(lo, -1), hi))


def _compares(network: Network, v: Value) -> int:
    op = network.ops[v]
    if isinstance(op, ArgMax):
        return network.types[op.s].shape[-1] - 1
    return int(np.prod(network.types[v].shape))


def _threshold_bits(op: Op, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> int:
    """Bits for the thresholds of a Compare, each one of lo..hi+1 of its row."""
    if not isinstance(op, Compare):
        return 0
    return sum((int(hi[r]) - int(lo[r]) + 1).bit_length() for r in op.row)


def _bits(network: Network, v: Value) -> int:
    """Bits of a value, integers in the least two's complement (or unsigned, where never negative) that holds them."""
    t = network.types[v]
    return int(np.prod(t.shape)) * (len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1)
