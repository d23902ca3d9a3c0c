"""`--target-fmax`: a model of the delays chooses the registers, place and route has the last word."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from typer.testing import CliRunner

import threshc
import threshc.hdl.unrolled.build as unrolled
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError, Diagnostic
from threshc.compiler.ir.network import Network
from threshc.hdl.families.base import Delays
from threshc.hdl.families.registry import family
from threshc.hdl.flow import reach_fmax, tools
from threshc.hdl.flow.reach_fmax import TRIES, levels_for, period_ns, reach, shorter
from threshc.hdl.flow.report import BuildReport, Project, Try
from threshc.hdl.flow.routing import TooSlow
from threshc.hdl.flow.synthesis import Cells
from threshc.hdl.options import CircuitOptions
from threshc.hdl.size import TooBig
from threshc.hdl.targets.registry import target, targets
from threshc.hdl.unrolled.design import Design

pytestmark = pytest.mark.slow

HX8K = target("hx8k-ct256").device


def need_tools() -> None:
    try:
        tools.find_tools(("yosys", "nextpnr-ice40", "icepack"))
    except CompileError as problem:
        pytest.skip("; ".join(d.what for d in problem.diagnostics))


def built(fmax_hz: float) -> BuildReport:
    cells, path = Cells(1, 1, 0, 0), Path("x.bin")
    empty = Project("project", (), (), "")
    figures = (fmax_hz, fmax_hz, 1, 1, 1)
    return BuildReport("t", "p", False, cells, cells, 1, 2, {}, *figures, path, "", (path,), empty, {}, {})


def router(goal_hz: float, fmax_of: Callable[[int], float]) -> Callable[[int], tuple[int, BuildReport]]:
    def attempt(levels: int) -> tuple[int, BuildReport]:
        if fmax_of(levels) < goal_hz:
            raise TooSlow(Diagnostic("too slow"), fmax_of(levels))
        return levels, built(fmax_of(levels))

    return attempt


@pytest.mark.parametrize("name", [n for n, t in targets().items() if family(t.device.family).flow is not None])
def test_the_model_takes_the_most_levels_that_fit(name: str) -> None:
    device = target(name).device
    for levels in (2, 5, 17):
        assert levels_for(device, 1e9 / period_ns(device, levels) * 0.9999) == levels
        assert levels_for(device, 1e9 / period_ns(device, levels) * 1.0001) == max(2, levels - 1)
    assert levels_for(device, 5e9) == 2


def test_a_miss_scales_the_model_and_the_last_tries_have_two_levels_and_one() -> None:
    tries: tuple[Try, ...] = (Try(12, 1e9 / period_ns(HX8K, 12) / 1.5),)
    scaled = shorter(HX8K, 1e9 / period_ns(HX8K, 12), tries)
    assert scaled is not None
    assert 1 < scaled <= 9
    assert period_ns(HX8K, scaled) * 1.5 <= period_ns(HX8K, 12)
    assert shorter(HX8K, 1e8, (Try(12, 0.999e8),)) == 9  # close: still a quarter fewer
    assert shorter(HX8K, 1e8, (Try(12, 9e7),) * (TRIES - 2)) == 2
    assert shorter(HX8K, 1e8, (Try(2, 9e7),)) == 1
    assert shorter(HX8K, 1e8, (Try(1, 9e7),)) is None


def test_tries_until_the_routed_figure_reaches_the_goal() -> None:
    told: list[str] = []
    slower = router(100e6, lambda levels: 1e9 / (1.6 * period_ns(HX8K, levels)))
    circuit, report, levels = reach(slower, HX8K, 100e6, told.append)
    assert circuit == levels  # the one of the last attempt: it is not made again
    assert report.fmax_hz >= 100e6
    assert [t.levels for t in report.tries] == [levels_for(HX8K, 100e6), levels]
    assert report.tries[0].fmax_hz < 100e6 <= report.tries[1].fmax_hz == report.fmax_hz
    assert told[0] == f"try 1 of at most 5: a register at least every {report.tries[0].levels} levels"
    assert told[1].endswith("MHz, of 100 MHz")
    rows = {name: value for name, value, _ in report.rows()}
    assert rows["registers chosen for Fmax"] == f"{report.tries[0]}, then {report.tries[1]}"
    assert json.loads(json.dumps(report.as_dict()))["tries"][1]["levels"] == levels


def test_the_best_of_all_tries_is_named() -> None:
    asked: list[int] = []

    def fmax_of(levels: int) -> float:
        asked.append(levels)
        return 60e6 - levels * 1e5 - 1e7 * (levels == 1)

    with pytest.raises(CompileError) as caught:
        reach(router(100e6, fmax_of), HX8K, 100e6, lambda _: None)
    tried = list(dict.fromkeys(asked))
    assert tried == sorted(tried, reverse=True)
    assert tried[-1] == 1
    assert len(tried) <= TRIES
    said = str(caught.value)
    best = 60 - min(n for n in tried if n > 1) / 10
    assert said.startswith(
        f"the circuit does not reach 100 MHz on the iCE40HX8K-CT256: {best:.1f} MHz at best\n  where: target_fmax="
    )
    assert all(f"pipeline {n}: " in said for n in tried)


def test_registers_that_no_longer_fit() -> None:
    def attempt(levels: int) -> tuple[int, BuildReport]:
        if levels < 6:
            raise TooBig(Diagnostic("the circuit does not fit the part"))
        raise TooSlow(Diagnostic("too slow"), 50e6)

    with pytest.raises(CompileError, match=r"50\.0 MHz at best\n(.*\n)*.*; with pipeline=2, the circuit does not fit"):
        reach(attempt, HX8K, 100e6, lambda _: None)
    with pytest.raises(TooBig):  # at once: nothing was routed
        reach(attempt, HX8K, 500e6, lambda _: None)


@pytest.mark.parametrize("hertz", [0.0, -1.0, 2e10, float("nan")])
def test_frequencies_that_make_no_sense(hertz: float) -> None:
    with pytest.raises(CompileError, match="is not possible\n  where: target_fmax="):
        reach(lambda levels: (levels, built(1e9)), HX8K, hertz, lambda _: None)


def test_a_network_reaches_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_tools()
    hopeful = replace(family("ice40"), delays={"iCE40": Delays(0.5, 0.2)})
    monkeypatch.setattr(reach_fmax, "family", lambda name: hopeful)  # too hopeful: the first circuit misses
    network = networks.random_dense(np.random.default_rng(3), (16, 8, 4))
    out = tmp_path / "out"
    options = {"target": "hx8k-ct256", "samples": 8, "simulator": "amaranth", "verify": "netlist"}
    made: list[object] = []
    right = unrolled.build_design

    def build_design(network: Network, options: CircuitOptions, **others: Any) -> Design:
        made.append(options)
        return right(network, options, **others)

    monkeypatch.setattr(unrolled, "build_design", build_design)
    report = threshc.build(network, out, target_fmax=150e6, **options)  # type: ignore[arg-type]
    assert report.build is not None
    assert len(made) == len(report.build.tries)  # each circuit once, the last is the one that is kept
    assert made[-1] == report.options
    build = report.build
    assert build is not None
    assert build.fmax_hz >= 150e6
    assert build.tries[-1] == Try(report.options.pipeline, build.fmax_hz)
    assert len(build.tries) > 1
    assert all(t.fmax_hz < 150e6 for t in build.tries[:-1])
    here = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    assert here == list(report.files) == sorted(report.files)
    assert build.bitstream.is_file()
    assert build.latency_cycles == report.design.interface.timing.latency == report.simulation.latency
    # the same as when the levels are given by hand
    given = threshc.build(network, tmp_path / "given", pipeline=build.tries[-1].levels, freq=150e6, **options)  # type: ignore[arg-type]
    assert given.build is not None
    assert given.build.bitstream.read_bytes() == build.bitstream.read_bytes()
    assert (tmp_path / "given" / f"{report.design.name}.v").read_text() == (out / f"{report.design.name}.v").read_text()


def test_what_cannot_be_reached_leaves_its_last_try(root: Path, tmp_path: Path) -> None:
    need_tools()
    common = ["build", str(root / "examples/xor/xor.onnx"), "--input", "bit", "-o", str(tmp_path / "out")]
    with pytest.raises(
        CompileError,
        match=r"reach 5000 MHz on .*: \d\d+\.\d MHz at best\n.*\n  why: routed: pipeline 2: .*pipeline 1: ",
    ):
        CliRunner().invoke(app, [*common, "--device", "hx8k-ct256", "--target-fmax", "5000"], catch_exceptions=False)
    assert [p.name for p in tmp_path.iterdir()] == ["out-failed"]


@pytest.mark.parametrize(("option", "value"), [("--pipeline", "4"), ("--freq", "100")])
def test_not_together(root: Path, tmp_path: Path, option: str, value: str) -> None:
    common = ["build", str(root / "examples/xor/xor.onnx"), "--input", "bit", "-o", str(tmp_path / "out")]
    with pytest.raises(CompileError, match=f"--target-fmax and {option} cannot be together"):
        CliRunner().invoke(
            app, [*common, "--device", "hx8k-ct256", "--target-fmax", "90", option, value], catch_exceptions=False
        )
    assert list(tmp_path.iterdir()) == []
