"""Preprocessing and quantizers of the input: every integer of the input, few columns, circuits and proofs."""

from __future__ import annotations

import numpy as np
import pytest
from frontend_compare import compare
from onnx_models import Model
from pattern import bits, conv, pm1, quant
from second_opinion import agree

import threshc
from threshc.compiler.affine import Affine
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.frontend.load import load, lower_model
from threshc.compiler.ir.ops import Bitplanes, Compare, Sum
from threshc.compiler.passes.pipeline import optimize
from threshc.hdl.proof.check import check
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify

QUANTS = [
    # encoding, bits, signed, narrow, scale, rounding, columns of the first layer for each feature
    ("uint8/255", 8, 0, 0, 1 / 256, "ROUND", 10),
    ("uint8/255", 8, 1, 1, 1 / 128, "ROUND", 9),
    ("uint8/255", 8, 1, 1, 1 / 127, "ROUND", 7),
    ("uint8/255", 8, 1, 0, 1 / 128, "FLOOR", 8),
    ("int8/128", 8, 1, 1, 1 / 128, "ROUND", 9),
    ("int8:-127..127/128", 8, 1, 1, 1 / 128, "ROUND", 8),
    ("int8", 7, 1, 0, 2.0, "FLOOR", 7),
    ("uint8", 6, 0, 0, 4.0, "FLOOR", 6),
    ("uint8", 8, 0, 0, 1.0, "ROUND", 8),
    ("uint8*0.003", 8, 0, 0, 1 / 256, "ROUND", 8),
    ("int8*0.0061", 8, 1, 1, 1 / 128, "CEIL", 8),
    ("uint12/4095", 8, 0, 0, 1 / 256, "ROUND", 20),
    ("uint8/-255+1", 8, 1, 0, 1 / 128, "ROUND", 9),
    ("uint8:3..200/255", 8, 0, 0, 1 / 256, "ROUND", 9),
    ("uint8", 2, 0, 0, 64.0, "FLOOR", 3),
    ("int16/32768", 8, 1, 1, 1 / 128, "ROUND", 8),
    ("int16/32768", 8, 1, 0, 1 / 128, "FLOOR", 8),
]
WIDE = 40
"""Rows of the first layer: many, so that the form with the fewest columns pays."""


def every_integer(encoding: Affine, features: int) -> np.ndarray:
    """Samples in which every feature takes every integer."""
    i = np.arange(encoding.lo, encoding.hi + 1, 1 if encoding.hi < 5000 else 7)
    return encoding.real(np.stack([np.roll(i, 7 * k) for k in range(features)], axis=1))


@pytest.mark.parametrize("case", QUANTS, ids=str)
def test_quantizers_at_every_integer(case: tuple[str, int, int, int, float, str, int]) -> None:
    encoding, width, signed, narrow, scale, mode, columns = case
    m, rng = Model(["batch", 3]), np.random.default_rng(0)
    x = quant(m, m.input, width, signed, narrow, scale, mode=mode)
    x = m.op("MatMul", x, m.const(rng.choice([-2.0, -1.0, 1.0, 3.0], (3, WIDE))))
    x = bits(m, m.op("Add", x, m.const(rng.normal(size=WIDE) * 30 * scale)))
    model = m.build(m.op("MatMul", x, m.const(pm1(rng, WIDE, 3))))
    compare(model, every_integer(parse_encoding(encoding), 3), encoding)
    network = threshc.load(model, input=encoding)
    layer = next(op for op in network.ops if isinstance(op, Sum) and len(op.weights) > 1)
    assert np.count_nonzero(layer.weights.any(axis=0)) <= 3 * columns


@pytest.mark.parametrize("case", QUANTS[:5] + QUANTS[8:10], ids=str)
def test_quantizers_are_qonnx(case: tuple[str, int, int, int, float, str, int]) -> None:
    encoding, width, signed, narrow, scale, mode, _ = case
    m, rng = Model([1, 2, 5, 5]), np.random.default_rng(1)
    x = conv(m, quant(m, m.input, width, signed, narrow, scale, mode=mode), rng, 12, 2, 3, 3, pads=[1, 1, 1, 1])
    model = m.build(m.op("Flatten", bits(m, m.batch_norm(x, rng, 12))))
    e = parse_encoding(encoding)
    x = e.real(rng.integers(e.lo, e.hi, (12, 2, 5, 5), endpoint=True))
    assert agree(model, x, encoding) > 2000


def preprocessed(std: list[float], pads: int, op: str, real: bool = False) -> Model:
    m, rng = Model(["batch", 3, 4, 4]), np.random.default_rng(2)
    mean, scale = (np.array(v, np.float32).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], std))
    x = m.op("Sub", m.op("Div", m.input, m.const(255.0)), m.const(mean))
    x = m.op(op, x, m.const(scale if op == "Div" else 1 / scale))
    weights = rng.normal(size=(4, 3, 3, 3)) if real else pm1(rng, 4, 3, 3, 3)
    m.op("Flatten", bits(m, m.batch_norm(m.op("Conv", x, m.const(weights), pads=[pads] * 4), rng, 4)))
    return m


@pytest.mark.parametrize("op", ["Div", "Mul"])
@pytest.mark.parametrize("pads", [0, 1])
@pytest.mark.parametrize("std", [[0.229, 0.224, 0.225], [0.26862954, 0.26130258, 0.27577711], [0.5, 0.5, 0.5]], ids=str)
def test_scales_per_channel(std: list[float], pads: int, op: str) -> None:
    """1 / 0.26862954 beside 1 / 0.26130258 have no common unit of 40 bits; each is read to so many."""
    m = preprocessed(std, pads, op)
    x = np.random.default_rng(0).integers(0, 256, (64, 3, 4, 4)).astype(np.float32)
    model = m.build(m.nodes[-1].output[0])
    compare(model, x, "uint8")
    notes = lower_model(model, input="uint8").notes
    assert len(notes) == (std[0] == 0.26862954 and op == "Div")
    assert all("no common unit of 40 bits, and were rounded to one of 2^-40 of the largest" in n for n in notes)


def test_real_weights_and_fine_scales_are_refused() -> None:
    m = preprocessed([0.26862954, 0.26130258, 0.27577711], 0, "Div", real=True)
    with pytest.raises(CompileError, match="no common unit of 28 bits"):
        load(m.build(m.nodes[-1].output[0]), input="uint8")


def test_an_image_of_means_before_a_convolution_is_refused() -> None:
    m, rng = Model(["batch", 1, 4, 4]), np.random.default_rng(0)
    x = m.op("Sub", m.input, m.const(rng.integers(0, 9, (1, 4, 4))))
    m.op("Flatten", bits(m, conv(m, x, rng, 2, 1, 3, 3)))
    with pytest.raises(CompileError, match="not scaled and shifted the same at every place") as caught:
        load(m.build(m.nodes[-1].output[0]), input="uint8")
    assert "channel 0, place 1" in caught.value.diagnostics[0].where


@pytest.mark.parametrize(("encoding", "counts"), [("uint8/255", False), ("uint8/255*0.8", True)])
def test_a_first_convolution_of_many_rows(encoding: str, counts: bool) -> None:
    """Two thresholds more for each pixel are fewer than 255 and a count."""
    m, rng = Model(["batch", 3, 8, 8]), np.random.default_rng(0)
    x = quant(m, m.op("Sub", m.op("Mul", m.input, m.const(2.0)), m.const(1.0)), 8, 1, 0, 1 / 128)
    m.op("Flatten", bits(m, m.batch_norm(conv(m, x, rng, 64, 3, 3, 3), rng, 64)))
    network = load(m.build(m.nodes[-1].output[0]), input=encoding)
    assert any(isinstance(op, Bitplanes) and op.x for op in network.ops) is counts


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["uint8/255", "uint8*0.003", "int8/128"])
def test_the_circuit_is_the_model(encoding: str) -> None:
    m, rng = Model(["batch", 4]), np.random.default_rng(3)
    x = m.op("MatMul", quant(m, m.input, 8, 1, 1, 1 / 128), m.const(pm1(rng, 4, 40)))
    x = bits(m, m.batch_norm(x, rng, 40))
    model = m.build(m.op("MatMul", x, m.const(pm1(rng, 40, 3))))
    report = threshc.verify(model, input=encoding, samples=64, rtl_samples=8, simulator="amaranth")
    assert report.ok, str(report)
    assert any("RTL" in c.name and c.bits for c in report.checks)


@pytest.mark.parametrize("encoding", ["uint8/255", "uint8*0.003", "int8/128"])
def test_the_circuit_is_proved(encoding: str) -> None:
    m, rng = Model(["batch", 2]), np.random.default_rng(4)
    x = m.op("MatMul", quant(m, m.input, 8, 1, 1, 1 / 128), m.const(pm1(rng, 2, 60)))
    x = bits(m, m.batch_norm(x, rng, 60))
    network = optimize(load(m.build(m.op("MatMul", x, m.const(pm1(rng, 60, 3)))), input=encoding))
    check(network, certify(build_design(network)))


@pytest.mark.parametrize(
    ("encoding", "arguments", "own"),
    [
        ("uint8/255", (8, 1, 1, 1 / 127), "int8:-127..127/127"),
        ("int8", (8, 1, 1, 1.0), "int8:-127..127"),
        ("int8", (8, 0, 0, 0.037, 128.0), "(uint8-128)*0.037"),
        ("uint8*0.003", (4, 0, 0, 1 / 16), "uint4/16"),
        ("int8/128", (8, 1, 0, 1 / 128), None),
    ],
    ids=str,
)
def test_show_names_the_encoding_of_a_quantizer(encoding: str, arguments: tuple[float, ...], own: str | None) -> None:
    m, rng = Model(["batch", 3]), np.random.default_rng(4)
    x = m.op("MatMul", quant(m, m.input, *arguments), m.const(pm1(rng, 3, 9)))  # type: ignore[arg-type]
    model = m.build(bits(m, m.op("Add", x, m.const(0.013))))
    lowered = lower_model(model, input=encoding)
    assert lowered.nodes[0].meaning.endswith(
        "with the integer" if own is None else f"; input={own!r} has its levels alone"
    )
    if own is not None:
        aligned = lower_model(model, input=own)
        assert not any(isinstance(op, Compare) and op.s == 0 for op in aligned.network.ops)
        assert "input=" not in aligned.nodes[0].meaning
