"""Networks over several chips: cut where bits alone go on, the fewest or the fastest, simulated together."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_folded_network import signs_network
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.split import joined
from threshc.compiler.ir.storage import load_thresh, save
from threshc.hdl.folded.chips import joined_chips
from threshc.hdl.folded.partition import Partitions
from threshc.hdl.targets.registry import target
from threshc.sim import rtl
from threshc.tasks.partition import partition
from threshc.tasks.simulate import simulate


def network(*sizes: int) -> Network:
    return signs_network(np.random.default_rng(1), sizes, pixels=True)


def test_what_fits_one_chip_stays_on_it() -> None:
    found = Partitions(network(64, 32, 16, 10), target("hx8k-ct256").device).fewest()
    (chip,) = found.chips
    assert (chip.behind, chip.bits) == ("", 0)


def test_a_large_network_takes_several_chips() -> None:
    whole, device = network(256, 256, 256, 256, 10), target("hx8k-ct256").device
    found = Partitions(whole, device).fewest()
    assert len(found.chips) > 1
    for chip in found.chips:
        assert chip.plan.brams <= device.brams
        assert chip.plan.luts <= device.luts
    assert [chip.bits for chip in found.chips] == [256] * (len(found.chips) - 1) + [0]
    together = joined([chip.part for chip in found.chips], whole.name)
    assert [type(op) for op in together.ops] == [type(op) for op in whole.ops]
    assert together.types == whole.types


def test_more_chips_are_faster() -> None:
    whole, device = network(128, 128, 128, 128, 10), replace(target("hx8k-ct256").device, brams=12)
    slow = Partitions(whole, device).fewest()
    more = Partitions(whole, device).of(len(slow.chips) + 1)
    assert more.interval < slow.interval
    quick = Partitions(whole, device).fewest(more.interval)
    assert len(slow.chips) < len(quick.chips) <= len(more.chips)
    assert quick.interval <= more.interval


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["amaranth", "verilator"])
@pytest.mark.parametrize("stall", [False, True])
def test_chips_are_simulated_together(simulator: str, stall: bool) -> None:
    missing = rtl.available()[simulator]  # type: ignore[index]
    if missing:
        pytest.skip(missing)
    whole = network(48, 24, 12, 5)
    tiny = replace(target("up5k-sg48").device, brams=9, luts=900)
    found = Partitions(whole, tiny).of(2)
    assert len(found.chips) == 2
    x = np.random.default_rng(2).integers(0, 256, (30, 48))
    want = simulate(whole, x, engine="reference")
    got = rtl.run(joined_chips(whole, found), x, simulator=simulator, stall=stall)
    assert np.array_equal(got.labels, want.labels)
    assert len(got.bits) == len(want.bits) == 3
    for ours, bits in zip(got.bits, want.bits, strict=True):
        assert np.array_equal(ours, bits)


def test_the_command_writes_a_network_and_a_plan_for_each_chip(tmp_path: Path) -> None:
    save(network(256, 256, 256, 256, 10), tmp_path / "m.thresh")
    arguments = ["partition", str(tmp_path / "m.thresh"), "--target", "hx8k-ct256", "-o", str(tmp_path / "parts")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "256 on" in result.output
    report = json.loads((tmp_path / "parts/report.json").read_text())
    chips = report["partition"]["chips"]
    assert report["files"] == [f"part{k}.{e}" for k in range(len(chips)) for e in ("thresh", "json")]
    for k, chip in enumerate(chips):
        part = tmp_path / f"parts/part{k}.thresh"
        planned = CliRunner().invoke(
            app, ["plan", str(part), "--target", "hx8k-ct256", "--fold", str(part.with_suffix(".json"))]
        )
        assert chip["fold"] in planned.output


def test_parts_compute_the_whole(tmp_path: Path) -> None:
    whole = network(256, 256, 256, 256, 10)
    partition(whole, target="hx8k-ct256", out_dir=tmp_path / "parts")
    x = np.random.default_rng(3).integers(0, 256, (40, 256))
    want, bits = simulate(whole, x), x
    for path in sorted((tmp_path / "parts").glob("*.thresh")):
        found = simulate(load_thresh(path), bits)
        bits = found.values[0]
    assert np.array_equal(found.labels, want.labels)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"chips": 0}, "0 chips cannot be"),
        ({"chips": 1}, "the network needs 3 chips of the kind iCE40HX8K"),
        ({"chips": 2, "target_fps": 5.0}, "chips and a rate are not both stated"),
        ({"target_fps": 50e6}, "layer .* does not fit one"),
        ({"target_fps": 1e12}, "samples per second cannot be"),
        ({"samples": -1}, "samples cannot be simulated"),
        ({"clock": 3.0}, "a clock of 3 Hz cannot be"),
    ],
)
def test_what_cannot_be_is_refused(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        partition(network(256, 256, 256, 256, 10), target="hx8k-ct256", **keywords)  # type: ignore[arg-type]


def test_weights_that_are_loaded_are_shown_and_not_simulated(tmp_path: Path) -> None:
    save(network(784, 256, 256, 10), tmp_path / "m.thresh")
    arguments = ["partition", str(tmp_path / "m.thresh"), "--target", "icebreaker"]
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    assert "SPRAMs" in shown.output
    with pytest.raises(CompileError, match="loaded at start are not simulated over several chips"):
        partition(network(784, 256, 256, 10), target="icebreaker", samples=1)


def test_one_chip_needs_no_wires(tmp_path: Path) -> None:
    save(network(64, 32, 16, 10), tmp_path / "m.thresh")
    result = CliRunner().invoke(app, ["partition", str(tmp_path / "m.thresh"), "--target", "hx8k-ct256"])
    assert result.exit_code == 0, result.output
    assert "two wires" not in result.output
