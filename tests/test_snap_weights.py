"""`--snap-weights`: what straight-through code leaves of +-1 becomes +-1 again, on request, and the change is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx_models import Model
from typer.testing import CliRunner

import threshc
from threshc.cli.app import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.load import lower_model
from threshc.compiler.frontend.snapping import snap
from threshc.compiler.ir.ops import Sum
from threshc.tasks.options import ModelOptions
from threshc.tasks.read_network import load_network

Weights = NDArray[np.float32]
RNG = np.random.default_rng(5)
SIZE = 16


def _latent(rows: int = 12, columns: int = SIZE) -> Weights:
    """Weights before their quantizer, some much larger than most, whose rounding it leaves."""
    return (RNG.uniform(-1, 1, (rows, columns)) ** 3).astype(np.float32)


def sign(w: Weights) -> Weights:
    """(sign(w) + w) - w"""
    return (np.sign(w) + w) - w


def scaled(w: Weights) -> Weights:
    """a * sign(w) - clip(w) + clip(w), one a per row: Bi-Real-Net, ReActNet"""
    a = np.abs(w).mean(1, keepdims=True)
    clipped = w.clip(-1, 1)
    return (a * np.sign(w) - clipped) + clipped


def ternary(w: Weights) -> Weights:
    """w + (a * t - w), t from -1, 0, 1"""
    a = np.abs(w).mean()
    return w + (a * np.rint(w / a).clip(-1, 1) - w)


def levels(w: Weights) -> Weights:
    """w + (a * q - w), q from -7 to 7, one a per row: quantized_bits(4, alpha="auto")"""
    a = np.abs(w).mean(1, keepdims=True) / np.float32(5)
    return w + (a * np.rint(w / a).clip(-7, 7) - w)


IDIOMS = (sign, scaled, ternary, levels)


def smooth(m: Model, x: str) -> str:
    """A sign behind x * x * x, which nothing proves to be monotone: it is looked at for every reachable sum."""
    return m.op("Sign", m.op("Add", m.op("Mul", m.op("Mul", x, x), x), m.const(1e-6)))


def network(w: Weights) -> onnx.ModelProto:
    """A dense layer with weights w (R, SIZE) on bits, the step, and a head of whole numbers."""
    m = Model([1, SIZE])
    h = smooth(m, m.op("Gemm", m.input, m.const(w), transB=1))
    return m.build(m.op("MatMul", h, m.const(RNG.integers(-3, 4, (len(w), 4)))))


def snapped(w: Weights, ulps: int) -> Weights:
    model, _ = snap(network(w), None, ulps)
    name = next(n.input[1] for n in model.graph.node if n.op_type == "Gemm")
    return next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == name)


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda f: f.__name__)
def test_idioms(idiom: Callable[[Weights], Weights]) -> None:
    w = idiom(_latent())
    got = snapped(w, 64)
    assert (got != w).any()
    assert (np.abs(got - w).max(axis=1) <= 64 * np.spacing(np.abs(w).max(axis=1))).all()
    for row in got.astype(np.float64):
        unit = np.abs(row[row != 0]).min() / np.arange(1, 8)
        off = np.abs(row[:, None] / unit - np.rint(row[:, None] / unit)).max(axis=0)
        assert off.min() < 1e-6
    assert idiom is not sign or set(np.abs(got).ravel()) == {1.0}
    assert np.array_equal(snapped(got, 64), got)


@pytest.mark.parametrize(
    "w",
    [
        _latent(),
        np.sign(_latent()),
        _latent(12, 2),
        np.where(_latent() > 0, 1, np.float32(1.001)),
        np.where(_latent() > 0, 0, np.float32(3.3)),
        np.zeros((3, SIZE), np.float32),
    ],
    ids=["real", "exact", "two per row", "further than 4096 ulp", "one size", "zeros"],
)
def test_other_weights_stay(w: Weights) -> None:
    assert np.array_equal(snapped(np.resize(w, (len(w), w.shape[1])).astype(np.float32), 4096), w)


def test_no_weight_moves_further_than_asked() -> None:
    w = scaled(_latent())
    far = np.abs(snapped(w, 4096) - w) / np.spacing(np.abs(w).max(axis=1))[:, None]
    assert far.max() > 1
    some = np.abs(snapped(w, 1) - w) / np.spacing(np.abs(w).max(axis=1))[:, None]
    assert some.max() <= 1


def _layer(kind: str) -> onnx.ModelProto:
    """One layer with weights of +-0.3 but for rounding, in several spellings."""
    w = scaled(_latent(8, 36))
    if kind.startswith("conv"):
        m = Model([1, 4, 4, 4])
        depthwise = kind == "conv, depthwise"
        kernel = w[:4, :9].reshape(4, 1, 3, 3) if depthwise else w.reshape(8, 4, 3, 3)
        y = m.op("Conv", m.input, m.const(kernel), group=4 if depthwise else 1)
        return m.build(m.op("Flatten", smooth(m, y)))
    m = Model([1, 36])
    if kind == "operators":  # the exporter left the straight-through code in the file
        latent = _latent(8, 36)
        a, v = m.const(np.abs(latent).mean(1, keepdims=True)), m.const(latent)
        clipped = m.op("Clip", v, m.const(-1), m.const(1))
        kept = m.op("Add", m.op("Sub", m.op("Mul", m.op("Sign", v), a), clipped), clipped)
        return m.build(smooth(m, m.op("MatMul", m.input, m.op("Transpose", kept, perm=[1, 0]))))
    if kind == "Gemm":
        return m.build(smooth(m, m.op("Gemm", m.input, m.const(w.T))))
    return m.build(smooth(m, m.op("MatMul", m.input, m.const(w.T))))


KINDS = ("MatMul", "Gemm", "operators", "conv", "conv, depthwise")


@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind: str) -> None:
    """Every layer is read as +-1 with one scale per row, none of the others is mistaken for it."""
    lowered = lower_model(_layer(kind), input="bipolar", snap_weights=64)
    sums = [op for op in lowered.network.ops if isinstance(op, Sum)]
    assert len(sums) == 1
    assert set(np.abs(sums[0].weights).ravel()) <= {0, 1, 2}
    report = threshc.verify(_layer(kind), input="bipolar", snap_weights=64, rtl=False)
    assert report.ok, str(report)
    assert "0 of " in report.notes[0]
    assert "hidden bits" in report.notes[0]


def test_without_the_option_it_is_refused_by_name() -> None:
    model = network(scaled(_latent()))
    with pytest.raises(CompileError) as refused:
        threshc.load(model, input="bipolar")
    (problem,) = refused.value.diagnostics
    assert problem.what == "the weights of a layer are multiples of one size only up to rounding"
    assert "reachable sums are too many" in problem.why
    ulps = int(problem.hint.removeprefix("snap_weights=").split()[0])
    threshc.load(model, input="bipolar", snap_weights=ulps, note=lambda _: None)


def test_other_refusals_stay() -> None:
    """Real weights, and a problem that snapping does not solve, are refused for what they are."""
    for w in (_latent(), scaled(_latent())):
        m = Model([1, SIZE])
        h = m.op("Gemm", m.input, m.const(w), transB=1)
        model = m.build(m.op("MatMul", m.op("Relu", h), m.const(np.ones((len(w), 2)))))
        with pytest.raises(CompileError, match="a layer's input is not binary"):
            threshc.load(model, input="bipolar")


@pytest.mark.parametrize("ulps", [0, -1, 4097])
def test_out_of_range(ulps: int) -> None:
    with pytest.raises(
        CompileError, match=f"snap_weights {ulps} is not understood\n  where: snap_weights=\n  try: 1 to 4096"
    ):
        threshc.load(network(sign(_latent())), input="bipolar", snap_weights=ulps)


def test_a_ready_network_has_no_float_weights(tmp_path: Path) -> None:
    ready = threshc.load(network(np.sign(_latent())), input="bipolar")
    for act in (
        lambda: load_network(ready, ModelOptions(snap_weights=4)),
        lambda: threshc.verify(ready, snap_weights=4),
    ):
        with pytest.raises(CompileError, match="made of whole numbers already"):
            act()


@pytest.mark.slow
def test_it_is_never_silent(tmp_path: Path) -> None:
    model, folder, x = tmp_path / "m.onnx", tmp_path / "out", tmp_path / "x.npy"
    onnx.save(network(sign(_latent())), model)
    np.save(x, np.random.default_rng(1).choice([-1, 1], (40, SIZE)).astype(np.int8))
    with pytest.warns(UserWarning, match=r"^snapped weights: node 'n0' \(Gemm\): [\d,]+ of 192 weights"):
        threshc.load(model, input="bipolar", snap_weights=8)
    given = ["--input", "bipolar", "--snap-weights", "8"]
    for command in (
        ["show", model],
        ["sim", model, "--data", x],
        ["sim", model, "--data", x, "--engine", "reference"],
        ["prove", model],
        ["compile", model, "--data", x, "-o", folder, "--simulator", "amaranth"],
    ):
        result = CliRunner().invoke(app, [*map(str, command), *given], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        said = "On 40 given samples 0 of " if "--data" in command else "On 256 random samples 0 of "
        assert result.stderr.count("note: snapped weights") == 1
        assert said in result.stderr
    (change,) = json.loads((folder / "report.json").read_text())["changes"]
    assert "On 40 given samples 0 of " in change
    assert "snapped weights" in (folder / "report.md").read_text()
    assert threshc.prove(folder).texts  # a folder states its options, not what became of the weights


def test_nothing_to_snap_is_said() -> None:
    said: list[str] = []
    threshc.load(network(np.sign(_latent())), input="bipolar", snap_weights=8, note=said.append)
    assert said == ["snapped weights: no layer has any within 8 ulp, nothing changes"]


def test_the_cache_of_networks_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with snapped weights are made each time, and never given to whoever asks for the file as it is."""
    monkeypatch.setenv("THRESHC_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "m.onnx"
    m = Model([1, SIZE])
    w = scaled(_latent())
    onnx.save(m.build(m.op("Sign", m.op("Gemm", m.input, m.const(w), transB=1))), model)

    def largest(**options: int) -> int:
        network = threshc.load(model, input="bipolar", note=lambda _: None, **options)
        return max(int(np.abs(op.weights).max()) for op in network.ops if isinstance(op, Sum))

    assert largest() > 1000
    assert largest(snap_weights=8) == 1
    assert largest() > 1000
