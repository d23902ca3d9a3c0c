"""Resets in the middle of samples, in every simulator: nothing of before is seen afterwards. And files of waves."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from test_chain import NETWORKS, samples
from test_folded_network import signs_network
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import Circuit, build
from threshc.hdl.options import CircuitOptions
from threshc.sim import reference, rtl

FOLDED = signs_network(np.random.default_rng(3), (32, 16, 8, 4), pixels=True)


def circuits() -> dict[str, Circuit]:
    return {
        "folded": build(FOLDED, CircuitOptions(fold="4x4,2x4,1x4@8")),
        "unrolled": build(NETWORKS["dense"][0](), CircuitOptions(pipeline=2)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folded", "unrolled"])
@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
def test_resets_in_the_middle_of_samples(simulator: rtl.Simulator, kind: str) -> None:
    """Every hidden bit is right after 24 resets, at every beat of a sample and with answers under way."""
    if rtl.available()[simulator]:
        pytest.skip(rtl.available()[simulator])
    circuit = circuits()[kind].probed()
    network = circuit.network
    x = samples(network, 12)
    beats = 12 * circuit.interface.input.count
    interrupted = np.random.default_rng(0).integers(0, beats, 24).tolist()
    got = rtl.run(circuit, x, simulator=simulator, interrupted=interrupted)
    free = rtl.run(circuit, x, simulator=simulator)
    want = reference.run(network, x)
    for one, other in zip((*got.values, *got.bits), (*want.values, *want.bits), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (got.cycles, got.latency) == (free.cycles, free.latency)


def test_a_circuit_that_keeps_something_over_a_reset_is_found() -> None:
    """The test above can fail: a unit whose reset is left out answers from what was under way."""
    from amaranth.hdl import DomainRenamer

    circuit = circuits()["folded"]

    class Kept:
        interface = circuit.interface

        def component(self) -> object:
            made = circuit.component()
            elaborate = made.elaborate
            made.elaborate = lambda platform: DomainRenamer("sync")(_without_resets(elaborate(platform)))  # type: ignore[method-assign]
            return made

    with pytest.raises((CompileError, AssertionError)):
        _interrupted(Kept())


def _interrupted(circuit: object) -> None:
    x = samples(FOLDED, 6)
    got = rtl.run(circuit, x, simulator="amaranth", interrupted=[5])  # type: ignore[arg-type]
    np.testing.assert_array_equal(got.labels, reference.run(FOLDED, x).labels)


def _without_resets(module: object) -> object:
    """The circuit with its resets undone: what a reset is to clear stays."""
    from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module

    whole = Module()
    whole.domains.kept = ClockDomain(reset_less=True)
    whole.d.comb += ClockSignal("kept").eq(ClockSignal("sync"))
    whole.submodules.inner = DomainRenamer("kept")(module)
    return whole


@pytest.mark.parametrize("name", ["w.vcd", "w.fst"])
def test_waves(root: Path, tmp_path: Path, name: str) -> None:
    if name.endswith("fst") and shutil.which("iverilog") is None:
        pytest.skip("needs Icarus Verilog: .fst")
    goal = tmp_path / name
    words = ["verify", str(root / "examples/digits/digits.onnx"), "--samples", "8", "--waves", str(goal), "-q"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "all signals in" in result.output
    content = goal.read_bytes()
    if name.endswith("vcd"):
        assert b"i_payload" in content
    assert len(content) > 1000


@pytest.mark.parametrize(
    ("keywords", "what"),
    [
        ({"waves": "w.png"}, "waves are written as .vcd or .fst"),
        ({"waves": "w.vcd", "simulator": "verilator"}, "verilator (writes no .vcd file|cannot run)"),
        ({"waves": "w.fst", "simulator": "amaranth"}, "amaranth writes no .fst file"),
        ({"waves": "w.vcd", "rtl": False}, "an option would have no effect"),
        ({"waves": "/no/such/folder/w.vcd"}, "."),
    ],
)
def test_wrong_waves_are_refused_before_the_model_is_read(keywords: dict[str, object], what: str) -> None:
    with pytest.raises(CompileError, match=what) as caught:
        threshc.verify("/nowhere/model.onnx", **keywords)  # type: ignore[arg-type]
    assert "model file does not exist" not in str(caught.value)


def test_the_testbench_writes_waves_on_request(root: Path, tmp_path: Path) -> None:
    threshc.compile(root / "examples/digits/digits.onnx", tmp_path / "o", samples=8)
    text = (tmp_path / "o/digits_tb.v").read_text()
    assert 'if ($test$plusargs("waves")) begin $dumpfile("digits.vcd"); $dumpvars(0, digits_tb); end' in text
