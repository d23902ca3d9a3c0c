"""Sums of numbers that the model has rounded: thresholds are those of the exact sums, and ties are refused."""

from __future__ import annotations

import numpy as np
import pytest
from frontend_compare import compare
from onnx_models import Model
from pattern import bits, conv, pm1, quant
from residual_networks import resnet8

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.load import load, lower_model

SAMPLES = np.random.default_rng(0).normal(size=(64, 2, 6, 6)).astype(np.float32)


def pooled(size: int, threshold: float, seed: int) -> Model:
    """+-1 maps, an average over size x size places, a layer of +-1 and a comparison."""
    m, rng = Model(["batch", 2, 6, 6]), np.random.default_rng(seed)
    x = bits(m, conv(m, bits(m, m.input), rng, 6, 2, 7 - size, 7 - size))
    x = m.op("MatMul", m.op("Flatten", m.op("GlobalAveragePool", x)), m.const(pm1(rng, 6, 20)))
    m.op("MatMul", bits(m, x, threshold), m.const(pm1(rng, 20, 3)))
    return m


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("size", "threshold"), [(4, 0.0), (2, 0.0), (6, 0.01), (5, 0.5), (3, -0.2)])
def test_clear_thresholds(size: int, threshold: float, seed: int) -> None:
    m = pooled(size, threshold, seed)
    compare(m.build(m.nodes[-1].output[0]), SAMPLES)


@pytest.mark.parametrize("size", [3, 5, 6])
def test_a_tie_behind_an_average_is_refused(size: int) -> None:
    m = pooled(size, 0.0, 0)
    with pytest.raises(CompileError, match="the model's own rounding decides a step") as caught:
        load(m.build(m.nodes[-1].output[0]))
    assert "'t" in caught.value.diagnostics[0].why


def added(scales: tuple[float, float], last: float) -> Model:
    """Two activations of 3 bits, added and quantized to steps of `last`."""
    m, rng = Model(["batch", 2, 6, 6]), np.random.default_rng(1)
    x = bits(m, m.input)
    parts = [m.batch_norm(conv(m, x, rng, 3, 2, 3, 3, pads=[1] * 4), rng, 3) for _ in scales]
    total = m.op("Add", *(quant(m, p, 3, 1, 0, s) for p, s in zip(parts, scales, strict=True)))
    m.op("Flatten", quant(m, total, 4, 1, 0, last))
    return m


@pytest.mark.parametrize(
    ("scales", "last"), [((0.5, 0.5), 1.0), ((0.5, 0.25), 0.5), ((0.43, 0.43), 0.43), ((0.3, 0.3), 0.71)], ids=str
)
def test_sums_of_activations(scales: tuple[float, float], last: float) -> None:
    m = added(scales, last)
    compare(m.build(m.nodes[-1].output[0]), SAMPLES)


def test_levels_that_are_no_tie_are_read_however_many_are_summed() -> None:
    lower_model(resnet8(12, 12, 4, 4), input="uint8/255")


def test_a_tie_of_added_levels_is_refused() -> None:
    m = added((0.43, 0.43), 0.86)  # odd sums lie halfway between two steps
    with pytest.raises(CompileError, match="the model's own rounding decides a step"):
        load(m.build(m.nodes[-1].output[0]))
