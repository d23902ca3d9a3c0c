"""Samples are encoded, packed and answered once, whatever is done with them; labels fit them or are refused."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boards
import networks
import numpy as np
import pytest
from numpy.typing import ArrayLike
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.hdl import payload
from threshc.hdl.flow.report import BuildReport
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.sim import inputs, packed, reference
from threshc.tasks import build as building
from threshc.tasks.run import run
from threshc.tasks.stimulus import answers, given, stimulus

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the calls of the encoder, the packer and the packed simulator, under every name that a module gives
    them."""
    calls: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*args, **options)

        return counted

    homes = {"encode": inputs, "pack": payload, "evaluate": packed}
    for name, home in homes.items():
        original = getattr(home, name)
        replacement = counting(name, original)
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").startswith("threshc") and vars(module).get(name) is original:
                monkeypatch.setattr(module, name, replacement)
    return calls


ONCE = {"encode": 1, "pack": 1, "evaluate": 1}


@pytest.mark.parametrize("x", [None, XOR], ids=["random", "given"])
def test_compile_makes_samples_once(counted: Counter[str], tmp_path: Path, x: ArrayLike | None) -> None:
    threshc.compile(networks.xor(), tmp_path / "out", x=x, samples=8, simulator="amaranth")
    assert counted == ONCE


@pytest.mark.parametrize("fmax", [None, 50e6], ids=["plain", "target_fmax"])
@pytest.mark.parametrize("x", [None, XOR], ids=["random", "given"])
def test_build_makes_samples_once(
    counted: Counter[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x: ArrayLike | None, fmax: float | None
) -> None:
    """Also where cells are simulated, and where several circuits are tried; the tools are left out."""
    from threshc.hdl.flow import build as flow
    from threshc.hdl.flow.build import TooSlow

    tries: list[Design] = []

    def tools(design: Design, *_: object, samples: Any, **__: object) -> BuildReport:
        tries.append(design)
        assert len(samples.words) == len(samples.expected) == (8 if x is None else 4)
        raise (_Stop if fmax is None or len(tries) == 2 else lambda: TooSlow(_problem(), 40e6))()

    monkeypatch.setattr(flow, "build", tools)
    with pytest.raises(_Stop):
        threshc.build(
            networks.xor(),
            tmp_path / "out",
            target="ecp5-25f",
            x=x,
            samples=8,
            simulator="amaranth",
            verify="netlist",
            target_fmax=fmax,
        )
    assert counted == ONCE
    assert len(tries) == (1 if fmax is None else 2)


class _Stop(Exception):
    pass


def _problem() -> Any:
    from threshc.compiler.diagnostics import Diagnostic

    return Diagnostic("the circuit is too slow")


@pytest.fixture
def _passes_unchecked(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--verify-passes"):
        pytest.skip("with --verify-passes every pass encodes samples of its own")


@pytest.mark.usefixtures("_passes_unchecked")
@pytest.mark.parametrize("rtl", [False, True])
def test_verify_makes_samples_once(counted: Counter[str], root: Path, rtl: bool) -> None:
    """Of a network and of a model, whose own tensors are asked for too."""
    assert threshc.verify(networks.xor(), samples=8, rtl=rtl, simulator="amaranth").ok
    assert counted == ({**ONCE} if rtl else {"encode": 1, "evaluate": 1})
    counted.clear()
    assert threshc.verify(root / "examples/xor/xor.onnx", input="bit", samples=8, rtl=rtl, simulator="amaranth").ok
    assert counted == ({**ONCE} if rtl else {"encode": 1, "evaluate": 1})


@pytest.mark.usefixtures("_passes_unchecked")
def test_the_command_verify_reads_and_runs_its_model_once(
    counted: Counter[str], tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says of the accuracy comes from the report; its hints look at the samples once more."""

    def read(*_: object, **__: object) -> None:
        raise AssertionError("the model was read again")

    monkeypatch.setattr("threshc.tasks.read_network.load_network", read)
    np.savez(tmp_path / "xor.npz", x=XOR, y=[0, 1, 1, 0])
    arguments = ["verify", str(root / "examples/xor/xor.onnx"), "--input", "bit", "--data", str(tmp_path / "xor.npz")]
    done = CliRunner().invoke(app, [*arguments, "--no-rtl"])
    assert done.exit_code == 0, done.output
    assert counted == {"encode": 2, "evaluate": 1}


@pytest.mark.parametrize(
    ("engine", "calls"),
    [("packed", {"encode": 1, "evaluate": 1}), ("reference", {"encode": 1}), ("rtl", {"encode": 1, "pack": 1})],
)
def test_simulate_makes_samples_once(counted: Counter[str], engine: Any, calls: dict[str, int]) -> None:
    threshc.simulate(networks.xor(), XOR, engine=engine)
    assert counted == calls


def test_a_board_is_sent_samples_that_were_made_once(counted: Counter[str]) -> None:
    network = networks.xor()
    port = boards.SimulatedPort(build_design(network))
    np.testing.assert_array_equal(run(network, port, XOR).labels, [0, 1, 1, 0])
    assert counted == {"encode": 1, "pack": 1}


def test_samples_answers_and_parts_belong_together() -> None:
    network = networks.xor()
    made = stimulus(network, XOR, [0, 1, 1, 1])
    np.testing.assert_array_equal(made.expected.labels, reference.run(network, XOR).labels)
    assert (made.correct(), made.first(2).correct()) == (3, 2)
    np.testing.assert_array_equal(made.first(3).words, made.words[:3])
    design = build_design(network)
    np.testing.assert_array_equal(answers(design, made.first(3).expected), answers(design, made.expected)[:3])


def test_random_samples_are_of_their_seed() -> None:
    network = networks.xor()
    first, again, other = (stimulus(network, None, samples=64, seed=seed) for seed in (1, 1, 2))
    assert first.random
    assert first.kind == "random inputs"
    np.testing.assert_array_equal(first.x, again.x)
    assert (first.x != other.x).any()


@pytest.mark.parametrize(
    ("x", "labels", "count", "said"),
    [
        (None, None, 0, "0 samples cannot be simulated\n  where: samples="),
        (None, [1], 4, "there are labels and no samples"),
        (XOR[:0], None, 4, "there are no samples\n  where: input data"),
        (XOR, [0, 1, 1], 4, r"labels have shape \(3,\) and dtype int64\n  where: labels=\n  why: \(4,\) numbers"),
        (XOR, [[0], [1], [1], [0]], 4, r"labels have shape \(4, 1\)"),
        (XOR, ["a", "b", "b", "a"], 4, r"labels have shape \(4,\) and dtype <U1"),
        (XOR + 1, None, 4, "sample 1, feature 1 is 2"),
    ],
)
def test_what_is_no_stimulus_is_refused(x: ArrayLike | None, labels: ArrayLike | None, count: int, said: str) -> None:
    with pytest.raises(threshc.CompileError, match=said):
        stimulus(networks.xor(), x, labels, samples=count)


def test_no_samples_can_be_simulated() -> None:
    assert len(given(networks.xor(), XOR[:0]).packed().values[0]) == 0


def test_wrong_labels_are_refused_before_a_circuit_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels (N, 1) used to be compared each with each."""

    def made(*_: object, **__: object) -> None:
        raise AssertionError("a circuit was made")

    monkeypatch.setattr("threshc.hdl.unrolled.build.build_design", made)
    for call in (threshc.compile, lambda *a, **k: building.build(*a, target="up5k-sg48", **k)):
        with pytest.raises(threshc.CompileError, match="labels have shape"):
            call(networks.xor(), tmp_path / "out", x=XOR, labels=[[0], [1], [1], [0]])
    assert not (tmp_path / "out").exists()
