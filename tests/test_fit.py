"""`threshc fit`: what fits, without synthesis, as the parts that are built say it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_folded_network import signs_network
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.storage import save
from threshc.hdl.folded.network import folded_network
from threshc.hdl.folded.plan import fastest
from threshc.hdl.options import USUAL_CIRCUIT
from threshc.hdl.size import predict
from threshc.hdl.targets.registry import target, targets
from threshc.tasks.fit import SHELL, fit
from threshc.tasks.plan import plan


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Network of 784-96-96-10: too large for small devices unless it is folded."""
    network = signs_network(np.random.default_rng(0), (784, 96, 96, 10), pixels=True)
    path = tmp_path_factory.mktemp("fit") / "large.thresh"
    save(network, path)
    return path


def test_every_target_both_ways(large: Path) -> None:
    report = fit(large)
    found = {(way.target.name, way.kind) for way in report.ways}
    assert found == {(name, kind) for name in targets() for kind in ("unrolled", "folded")}
    assert report.synapses == 784 * 96 + 96 * 96 + 960
    network = signs_network(np.random.default_rng(0), (784, 96, 96, 10), pixels=True)
    for way in report.ways:
        if way.kind == "unrolled":
            assert way.luts == SHELL + predict(network, USUAL_CIRCUIT.settled(way.target)).luts
            share = way.luts / way.target.device.luts
            assert way.verdict == ("no" if share > 1 else "fits" if share < 0.85 else "tight")
    (folded,) = (w for w in report.ways if w.target.name == "icebreaker" and w.kind == "folded")
    plan = fastest(folded_network(network), target("icebreaker").device)
    assert (folded.fold, folded.interval, folded.brams) == (str(plan), plan.interval, plan.brams)
    assert folded.samples_per_second == pytest.approx(12e6 / plan.interval)


def test_the_best_way(large: Path) -> None:
    report = fit(large)
    assert report.best is not None
    assert (report.best.target.name, report.best.kind) == ("icebreaker", "folded")
    fast = fit(large, target_fps=5e6)
    assert fast.best is not None
    assert fast.best.samples_per_second >= 5e6
    assert fast.best.target.device.luts > report.best.target.device.luts
    assert fit(large, target="up5k-sg48", target_fps=1e9).best is None


def test_the_command(root: Path) -> None:
    result = CliRunner().invoke(app, ["fit", str(root / "examples/digits/digits.onnx"), "-q"])
    assert result.exit_code == 0, result.output
    assert "best: threshc build " in result.output
    assert "--target icebreaker -o out" in result.output
    words = ["--weight-bits", "min", "--scores", "exact", "--target", "up5k-sg48"]
    result = CliRunner().invoke(app, ["fit", str(root / "examples/xor/xor.onnx"), "-q", "--input", "bit", *words])
    assert "xor.onnx --input bit --weight-bits min --scores exact --device up5k-sg48 -o out" in result.output
    words = ["-q", "--json", "--target", "hx8k-ct256"]
    result = CliRunner().invoke(app, ["fit", str(root / "examples/digits/digits.onnx"), *words])
    report = json.loads(result.stdout)
    assert {way["target"] for way in report["ways"]} == {"hx8k-ct256"}
    assert report["best"]["kind"] == "unrolled"


@pytest.mark.parametrize("given", [0.0, -1, True, "x", float("nan")])
def test_refusals(given: object) -> None:
    with pytest.raises(CompileError, match=r"target_fps .* is not understood"):
        fit("/nowhere/model.onnx", target_fps=given)  # type: ignore[arg-type]
    with pytest.raises(CompileError, match="target 'nothing' is not known"):
        fit("/nowhere/model.onnx", target="nothing")


def test_ways_are_those_that_plan_finds(shared: Path) -> None:
    model = shared / "models/other/tt_mnist_bnn_larq_cnn.onnx"
    report = fit(model, target="ulx3s-85f", input="uint8/255")
    (folded,) = (way for way in report.ways if way.kind == "folded")
    planned = plan(model, target="ulx3s-85f", input="uint8/255")
    assert (folded.fold, folded.interval) == (str(planned.plan), planned.plan.interval)
