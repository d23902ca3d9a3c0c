"""The emitted circuit in every simulator that this machine has: outputs and every hidden bit equal to the reference."""

from __future__ import annotations

from collections.abc import Callable

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.probes import with_probe
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim import reference, rtl
from threshc.sim.rtl import icarus, verilator

pytestmark = pytest.mark.slow


def dense(kind: str, encoding: str, outputs: str) -> Callable[[], Network]:
    return lambda: networks.random_dense(np.random.default_rng(7), (9, 6, 5, 4), kind, encoding, outputs)


NETWORKS = {
    "xor": networks.xor,
    "bits": dense("int", "bit", "bits"),
    "signed": dense("ternary", "int4", "class"),
    "step": dense("pm1", "step", "class"),
}


@pytest.fixture(params=["amaranth", "icarus", "verilator"])
def simulator(request: pytest.FixtureRequest) -> rtl.Simulator:
    name: rtl.Simulator = request.param
    lacking = rtl.available()[name]
    if lacking:
        pytest.skip(f"{name}: {lacking}")
    return name


@pytest.mark.parametrize("name", NETWORKS)
def test_every_bit_equals_the_reference(simulator: rtl.Simulator, name: str) -> None:
    network = NETWORKS[name]()
    scores = network.output("scores") is not None
    design = with_probe(build_design(network, CircuitOptions(scores=scores)))
    x = networks.random_samples(np.random.default_rng(1), network, 60)
    want = reference.run(network, x)
    for stall in (False, True):
        got = rtl.run(UnrolledUnit(design), x, simulator=simulator, stall=stall)
        assert got.simulator == simulator
        assert got.latency == design.interface.timing.latency
        assert (got.cycles > 60 + design.interface.timing.latency) == stall
        assert len(got.values) == len(want.values)
        assert len(got.bits) == len(want.bits) > 0
        for a, b in zip(got.values + got.bits, want.values + want.bits, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_a_circuit_without_scores_answers_with_the_class_alone(simulator: rtl.Simulator) -> None:
    network = NETWORKS["signed"]()
    x = networks.random_samples(np.random.default_rng(1), network, 20)
    got = rtl.run(UnrolledUnit(build_design(network)), x, simulator=simulator)
    want = reference.run(network, x)
    assert [o.kind for o in got.network.outputs] == ["class"]
    assert got.scores is None
    assert got.bits == ()
    np.testing.assert_array_equal(got.labels, want.labels)  # type: ignore[arg-type]


def test_no_samples(simulator: rtl.Simulator) -> None:
    got = rtl.run(UnrolledUnit(build_design(networks.xor())), np.zeros((0, 2), np.uint8), simulator=simulator)
    assert got.labels is not None
    assert len(got.labels) == 0


def test_auto_takes_the_first_that_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verilator, "_verilators", lambda: iter(()))
    monkeypatch.setattr(icarus.shutil, "which", lambda name: None)
    got = rtl.run(UnrolledUnit(build_design(networks.xor())), np.array([[0, 1]]))
    assert got.simulator == "amaranth"


def test_a_missing_simulator_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verilator, "_compiler", lambda: None)
    with pytest.raises(CompileError) as caught:
        rtl.run(UnrolledUnit(build_design(networks.xor())), np.array([[0, 1]]), simulator="verilator")
    assert str(caught.value) == (
        "verilator cannot run on this machine\n"
        "  where: simulator=\n"
        "  why: no C++ compiler (g++, clang++ or c++) on PATH\n"
        "  try: simulator='auto'"
    )


def test_an_unknown_simulator_lists_the_known_ones() -> None:
    with pytest.raises(CompileError, match=r"'modelsim' is not known.*\n.*\n.*auto, verilator, icarus, amaranth"):
        rtl.run(UnrolledUnit(build_design(networks.xor())), np.array([[0, 1]]), simulator="modelsim")


def test_verilog_that_does_not_compile_is_an_error_with_the_tools_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    if verilator.missing():
        pytest.skip(f"verilator: {verilator.missing()}")
    monkeypatch.setattr("threshc.hdl.unrolled.emit.portable_verilog", lambda design: "module broken(")
    with pytest.raises(
        CompileError, match=r"Verilator failed with exit code(.|\n)*syntax error(.|\n)*simulator='icarus'"
    ):
        rtl.run(UnrolledUnit(build_design(networks.xor())), np.array([[0, 1]]), simulator="verilator")
