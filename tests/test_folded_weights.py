"""Weights as lanes: every code holds what it says, the smallest is taken, and layers of +-1 are as small as ever."""

from __future__ import annotations

import dataclasses
import itertools

import folded_chains
import numpy as np
import pytest

from threshc.hdl.folded.core import Core, core, smallest
from threshc.hdl.folded.layer import FoldedLayer, Numbers
from threshc.hdl.folded.threshold_bits import spread
from threshc.hdl.folded.weights import WeightCode, weight_code

CODES = [
    WeightCode(signs, one, masks)
    for signs, one, masks in itertools.product(range(4), (-1, 0, 1), range(4))
    if bool(signs or one) != bool(masks)
]


@pytest.mark.parametrize("code", CODES, ids=str)
def test_a_weight_is_the_sum_of_its_lanes(code: WeightCode) -> None:
    """From the bits of memory: what the lanes count for an input of 1 is a weight more than for one of 0."""
    low, high = code.range
    weights = np.array([w for w in range(low, high + 1) if code.holds(np.array([w]))])
    assert (weights[0], weights[-1]) == (low, high)
    assert not any(code.holds(np.array([w])) for w in (low - 1, high + 1))
    bits = [part.astype(np.int64) for part in code.bits_of(weights)]
    assert len(bits) == code.bits
    counts = []
    for x in (0, 1):
        count = sum((x ^ bit) << k for k, bit in enumerate(bits[: code.signs])) + np.zeros_like(weights)
        if code.one:
            count += (bits[code.signs] & x) ^ (code.one < 0)
        for k in range(code.masks):
            count += (bits[k] & (x ^ bits[-1])) << k
        counts.append(count)
    np.testing.assert_array_equal(counts[0], code.rest(weights))
    np.testing.assert_array_equal(counts[1] - counts[0], weights)
    assert max(map(max, counts)) <= code.most


@pytest.mark.parametrize(
    ("weights", "four", "six"),
    [
        ([-1, 1], WeightCode(1), WeightCode(1)),
        ([1, 1], WeightCode(1), WeightCode(1)),
        ([-1, 0, 1], WeightCode(0, 0, 1), WeightCode(0, 0, 1)),
        ([0, 1], WeightCode(0, 1), WeightCode(0, 1)),
        ([0, -1], WeightCode(0, -1), WeightCode(0, -1)),
        ([-2, -1, 0, 1], WeightCode(1, -1), WeightCode(1, -1)),
        ([-1, 2], WeightCode(1, 1), WeightCode(1, 1)),
        ([-3, -2, 3], WeightCode(0, 0, 2), WeightCode(0, 0, 2)),
        ([-3, -1, 3], WeightCode(2), WeightCode(2)),
        ([-8, 7], WeightCode(3, -1), WeightCode(3, -1)),
        ([-7, 0, 7], WeightCode(0, 0, 3), WeightCode(0, 0, 3)),
        ([-127, 126], WeightCode(7, -1), WeightCode(7, -1)),
        ([0, 0], WeightCode(0, -1), WeightCode(0, -1)),
        ([], WeightCode(1), WeightCode(1)),
    ],
)
def test_the_smallest_code_is_taken(weights: list[int], four: WeightCode, six: WeightCode) -> None:
    given = np.array(weights, np.int64)
    assert (weight_code(given, 4), weight_code(given, 6)) == (four, six)


def _core(weights: np.ndarray, simd: int, inputs: int, code: WeightCode, numbers: Numbers = Numbers()) -> Core:  # noqa: B008
    start = np.arange(4) * 3
    return core(FoldedLayer("l", weights, start, 2, simd, inputs=inputs, code=code, numbers=numbers), 2)


@pytest.mark.parametrize("inputs", [4, 6])
@pytest.mark.parametrize("values", [[-1, 0, 1], [-2, -1, 0, 1], [-3, -2, -1, 0, 1, 2, 3], [-4, 3], [-7, 0, 7], [-8, 7]])
def test_it_is_the_smallest_when_counted(values: list[int], inputs: int) -> None:
    """Of all codes that hold the weights, by the tables of a neuron of 32 inputs; within 3 %, as estimates are."""
    weights = np.random.default_rng(0).choice(values, (4, 64))
    weights[0, : len(values)] = values
    found = {code: _core(weights, 32, inputs, code).neuron.tables for code in CODES if code.holds(weights)}
    assert found[weight_code(weights, inputs)] <= 1.03 * min(found.values())


@pytest.mark.parametrize(
    ("simd", "inputs", "neuron", "shared"),
    [
        *((1, 4, 5, 0), (1, 6, 2, 0), (9, 4, 18, 12), (9, 6, 9, 6), (16, 4, 29, 18), (16, 6, 16, 9)),
        *((27, 4, 50, 36), (27, 6, 27, 17), (54, 4, 95, 72), (54, 6, 46, 33), (64, 4, 112, 84), (64, 6, 55, 39)),
    ],
)
def test_layers_of_signs_are_as_small_as_ever(simd: int, inputs: int, neuron: int, shared: int) -> None:
    weights = 1 - 2 * np.random.default_rng(0).integers(0, 2, (4, 2 * simd))
    made = _core(weights, simd, inputs, WeightCode())
    assert (made.neuron.tables, made.shared.tables) == (neuron, shared)


@pytest.mark.parametrize(
    ("kind", "inputs", "most"),
    [
        *(("ternary", 4, 2.45), ("ternary", 6, 1.6), ("int3", 4, 6.2), ("int3", 6, 2.8), ("masks3", 4, 7.3)),
        *(("bytes", 4, 14.6), ("bytes", 6, 6.6)),
    ],
)
def test_tables_of_an_input(kind: str, inputs: int, most: float) -> None:
    """Of a neuron of 27 inputs, threshold bits included."""
    values, code, numbers = folded_chains.KINDS[kind]
    weights = np.random.default_rng(0).choice(values, (4, 54))
    assert _core(weights, 27, inputs, code, numbers).neuron.tables <= most * 27


@pytest.mark.parametrize("chunks", [1, 2, 3, 5, 8])
def test_the_last_threshold_bit_has_any_weight_that_reaches(chunks: int) -> None:
    """All numbers of a layer's begins are made of its threshold bits; a lower weight than the least would not do."""
    for span in (1, 4, 9, 30, 77, 130):
        weights, start = np.ones((2, chunks), np.int8), np.array([0, span])
        layer = FoldedLayer("l", weights, start, 2, 1)
        assert layer.span == span
        for e in layer.last_exponents:
            exponents = dataclasses.replace(layer, last=e).exponents
            values = np.arange(span + 1)
            bits = spread(values, exponents, chunks).astype(np.int64)
            np.testing.assert_array_equal((bits << np.array(exponents)).sum(axis=(1, 2)), values)
        assert layer.exponents[-1] in layer.last_exponents
        others = chunks * sum(1 << e for e in sorted(layer.exponents)[:-1])
        assert layer.last_exponents[0] == 0 or others + (chunks << layer.last_exponents[0] - 1) < span


def test_the_smallest_of_these_is_taken() -> None:
    weights = 1 - 2 * np.random.default_rng(0).integers(0, 2, (4, 512))
    layer = FoldedLayer("l", weights, np.array([0, 40, 60, 90]), 2, 64)
    chosen, made = smallest(layer, 2)
    assert made.neuron.tables == min(
        core(dataclasses.replace(layer, last=e), 2).neuron.tables for e in layer.last_exponents
    )
    assert core(chosen, 2).neuron.tables == made.neuron.tables
    assert len(chosen.exponents) == len(layer.exponents)
    plain = FoldedLayer("l", weights, np.zeros(4, np.int64), 2, 512)
    assert smallest(dataclasses.replace(plain, start=plain.start - plain.begin[0]), 2)[0].exponents == ()
