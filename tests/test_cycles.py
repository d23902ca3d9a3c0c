"""`threshc sim --cycles`: the report against the circuit's own simulation, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from test_folded_network import integer_network, own_network, signs_network
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fill import mean_interval
from threshc.hdl.folded.fold import parse
from threshc.hdl.options import CircuitOptions
from threshc.sim import rtl
from threshc.tasks.cycles import cycles
from threshc.tasks.plan import plan

FOLD = CircuitOptions(fold="4x4,2x4,1x4@8")
NETWORK = signs_network(np.random.default_rng(3), (32, 16, 8, 4), pixels=True)


def chain() -> FoldedChain:
    folds, entry = parse(str(FOLD.fold))
    return folded_chain(NETWORK, folds, entry=entry)


def test_first_answer_and_interval_are_those_of_the_circuit() -> None:
    x = np.random.default_rng(0).integers(0, 256, (12, 32))
    report, circuit = cycles(NETWORK, x, options=FOLD), chain()
    got = rtl.run(circuit, x, simulator="amaranth")
    assert report.first == got.latency
    assert report.interval == circuit.interface.timing.interval
    assert report.cycles == got.cycles
    slowest = max(report.parts, key=lambda part: part.steps)
    assert slowest.busy == 1.0
    assert slowest.steps == circuit.interface.timing.interval


def test_what_is_read_and_what_changes() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 32))
    report = cycles(NETWORK, x, options=FOLD)
    folded = [part for part in report.parts if part.kind == "folded"]
    for part, unit in zip(folded, chain().units, strict=True):
        words = unit.layer.words()
        assert (part.reads, part.bits, part.adds) == (len(words), words.size, unit.layer.weights.size)
        assert part.toggled == sum(int((words[k] != words[k - 1]).sum()) for k in range(len(words)))
    pixels = np.unpackbits(x.astype(np.uint8), axis=1, bitorder="little").reshape(-1, 64)
    changes = sum(int((a != b).sum()) for a, b in zip(pixels[1:], pixels[:-1], strict=True)) / 5
    assert dict(report.streams)["input"] == pytest.approx(changes)


def test_planes_and_comparisons_of_beats() -> None:
    """Weight words are read again for every plane; comparisons with a beat's own numbers are a part with a cycle."""
    network = integer_network(np.random.default_rng(0), (6, 4, 5), (-1, 1), encoding="uint8")
    report = cycles(network, np.zeros((3, 6), np.int64), options=CircuitOptions(fold="2x3:serial,1x4"))
    (unit, _) = folded_chain(network, parse("2x3:serial,1x4")[0]).units
    part = next(part for part in report.parts if part.kind == "folded")
    words = unit.layer.words()
    read = [words[group * 2 + chunk] for group in range(2) for _ in range(8) for chunk in range(2)]
    assert (part.reads, part.bits, part.adds) == (32, 8 * words.size, 6 * 4 * 8)
    assert part.toggled == sum(int((read[k] != read[k - 1]).sum()) for k in range(32))
    compared = own_network(np.random.default_rng(1), 9, range(256))
    report = cycles(compared, options=CircuitOptions(fold="2x4,1x8@3"))
    assert next(part.kind for part in report.parts) == "comparisons"


def test_slower_neighbours_slow_it_down() -> None:
    free, slow = (cycles(NETWORK, options=FOLD, ready=ready) for ready in (1.0, 0.02))
    assert slow.interval > free.interval
    assert sum(part.waits[1] for part in slow.parts) > 0 == sum(part.waits[1] for part in free.parts)
    assert all(fill.most <= fill.places for part in slow.parts for fill in part.fills)
    assert max(fill.most for part in slow.parts for fill in part.fills if fill.what == "queue") >= 1


def test_unrolled_circuits_too(root: Path) -> None:
    report = cycles(threshc.load(root / "examples/digits/digits.onnx"))
    assert (report.first, report.interval) == (3, 1.0)


def test_the_command(root: Path, tmp_path: Path) -> None:
    goal = tmp_path / "c.json"
    words = ["--cycles", "--clock", "12", "--ready", "0.5", "--report", str(goal)]
    result = CliRunner().invoke(app, ["sim", str(root / "examples/digits/digits.onnx"), *words])
    assert result.exit_code == 0, result.output
    assert re.search(r"first answer 3 cycles behind the first beat, then one per [\d.]+", result.output)
    report = json.loads(goal.read_text())
    assert report["samples_per_second"] == pytest.approx(12e6 / report["interval"])
    assert len(report["answered"]) == report["samples"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--cycles", "--engine", "rtl"], "an option would have no effect"),
        (["--cycles", "--activity"], "an option would have no effect"),
        (["--cycles", "--large"], "an option would have no effect"),
        (["--cycles", "--valid", "0"], "valid 0.0 cannot be a chance"),
        (["--cycles", "--ready", "1.5"], "ready 1.5 cannot be a chance"),
        (["--cycles", "--report", "c.png"], "cycles are reported as JSON"),
        (["--fold", "1x1"], "an option would have no effect"),
        (["--clock", "12"], "an option would have no effect"),
    ],
)
def test_refusals(root: Path, words: list[str], what: str) -> None:
    result = CliRunner().invoke(app, ["sim", str(root / "examples/digits/digits.onnx"), *words])
    assert isinstance(result.exception, CompileError)
    assert what in str(result.exception)


@pytest.mark.parametrize(
    ("sizes", "fold", "interval"),
    [
        ((16, 14, 6), "unrolled,2x14:q5@8", 7),  # 7, 6, 7, 7, 6
        ((16, 21, 9), "unrolled,4x21:q2@8", 17),  # 18, 15: as the last of four samples, 15
        ((24, 30, 10), "unrolled,3x30:q3@12", 16),  # 15, 18, 15
    ],
)
def test_an_uneven_rhythm_has_its_mean(sizes: tuple[int, ...], fold: str, interval: int) -> None:
    network = signs_network(np.random.default_rng(0), sizes, pixels=False)
    folds, entry = parse(fold)
    assert folded_chain(network, folds, entry=entry).interface.timing.interval == interval
    report = cycles(network, options=CircuitOptions(fold=fold), samples=240)
    assert interval - 1 < report.interval <= interval


def test_plans_know_that_short_queues_are_slow() -> None:
    slow = "8x8:q1,8x16:q1,1x8:q1@32"
    report = plan(NETWORK, target="ecp5-25f", fold=slow)
    assert report.plan.interval < report.interval
    assert report.interval == cycles(NETWORK, options=CircuitOptions(fold=slow)).interval
    stated = report.as_dict()
    assert stated["interval_cycles"] == report.interval
    assert stated["samples_per_second"] == report.clock_hz / report.interval
    with pytest.raises(CompileError, match=f"a sample takes {report.interval} cycles, not 10 or fewer"):
        plan(NETWORK, target="ecp5-25f", fold=slow, target_fps=report.clock_hz / 10)
    long = plan(NETWORK, target="ecp5-25f", fold=str(FOLD.fold))
    assert long.interval == long.plan.interval


def test_mean_intervals() -> None:
    assert [mean_interval(gaps) for gaps in ([8], [8, 8], [5, 8, 5, 8, 5], [5, 8], [11, 6, 11, 6, 6] * 3)] == [
        8,
        8,
        7,
        7,
        8,
    ]


def test_a_folder_has_its_own_circuit(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    threshc.compile(NETWORK, folder, options=FOLD)

    def steps(*words: str) -> list[int]:
        goal = tmp_path / "c.json"
        result = CliRunner().invoke(app, ["sim", str(folder), "--cycles", "--report", str(goal), *words])
        assert result.exit_code == 0, result.output
        return [part["steps"] for part in json.loads(goal.read_text())["parts"] if part["kind"] == "folded"]

    assert steps() == [unit.layer.interval for unit in chain().units]
    assert steps("--target", "ecp5-25f") == steps()
    assert steps("--fold", "1x4,2x4,1x4@8")[0] == 4 * steps()[0]


@pytest.mark.parametrize("clock", ["-1", "0", "nan", "inf", "1e300"])
def test_clocks_that_cannot_be(root: Path, tmp_path: Path, clock: str) -> None:
    words = ["--cycles", "--clock", clock, "--report", str(tmp_path / "c.json")]
    result = CliRunner().invoke(app, ["sim", str(root / "examples/digits/digits.onnx"), *words])
    assert isinstance(result.exception, CompileError)
    assert "Hz cannot be" in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_samples_are_needed_where_they_are_run(root: Path) -> None:
    result = CliRunner().invoke(app, ["sim", str(root / "examples/digits/digits.onnx")])
    assert result.exit_code == 2
