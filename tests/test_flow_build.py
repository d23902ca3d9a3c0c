"""Bitstreams: every target takes xor; what cannot be built says why and leaves nothing behind."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.chain import Chain
from threshc.hdl.chain import build as build_chain
from threshc.hdl.families.registry import family, flow_of
from threshc.hdl.flow import tools
from threshc.hdl.flow.build import build
from threshc.hdl.flow.reach_fmax import reach
from threshc.hdl.targets.registry import target, targets
from threshc.tasks.netlist_checks import netlist_samples
from threshc.tasks.stimulus import stimulus

pytestmark = pytest.mark.slow


def need(name: str) -> None:
    """Skips the test when the target's tools are not installed."""
    flow = flow_of(target(name).device.family)
    try:
        tools.find_tools((tools.YOSYS, flow.nextpnr, flow.packer))
    except CompileError as problem:
        pytest.skip(f"{name}: {'; '.join(d.what for d in problem.diagnostics)}")
    if target(name).board is not None:
        pytest.importorskip("amaranth_boards", reason="needs amaranth-boards")


def left(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def xor() -> Chain:
    return build_chain(networks.xor())


ROUTED = [name for name, t in targets().items() if family(t.device.family).flow is not None]


@pytest.mark.parametrize("name", sorted(set(targets()) - set(ROUTED)))
def test_without_place_and_route_cells_are_counted_and_text_is_left(tmp_path: Path, xor: Chain, name: str) -> None:
    told: list[str] = []
    report = build(xor, target(name), tmp_path, progress=told.append)
    chosen = family(target(name).device.family)
    assert told[-1] == f"no bitstream is made: no open tool places and routes {chosen.title}"
    assert (tmp_path / f"network_xor.{chosen.name}.v").read_text() == xor.mapped(chosen.name)
    assert 0 < report.network.luts <= report.whole.luts
    rows = {name: value for name, value, _ in report.rows()}
    assert rows["bitstream"] == f"none; network_xor.{chosen.name}.v goes to the vendor's tool"
    assert not {"Fmax", "logic cells"} & set(rows)
    assert report.as_dict()["fmax_hz"] is report.as_dict()["bitstream"] is None
    with pytest.raises(CompileError, match="there is no place and route for"):
        build(xor, target(name), tmp_path / "new", freq=1e8)
    with pytest.raises(CompileError, match="there is no place and route for"):
        reach(lambda levels: report, target(name).device, 1e8, told.append)


@pytest.mark.parametrize("name", ROUTED)
def test_xor_ends_in_a_bitstream(tmp_path: Path, xor: Chain, name: str) -> None:
    need(name)
    told: list[str] = []
    samples = netlist_samples(xor, stimulus(xor.network, None, samples=64))
    report = build(xor, target(name), tmp_path / "new" / "folder", samples=samples, progress=told.append)
    assert [v.samples for v in report.verified] == [64, 64]  # of the network alone, and at the pins
    header = flow_of(target(name).device.family).header
    assert report.bitstream.read_bytes().startswith(header)
    assert report.bitstream.stat().st_size > 4_000
    assert sorted([*(p.name for p in report.files), "project"]) == left(report.bitstream.parent)
    assert 0 < report.network.luts <= report.whole.luts <= report.cells_used < report.cells_available
    assert report.network.ffs < report.whole.ffs
    assert report.cells_available == target(name).device.luts
    assert report.fmax_hz >= report.clock_hz * 0.999  # infinite where nextpnr finds no path between registers
    assert report.latency_ns == pytest.approx(xor.interface.timing.latency / report.fmax_hz * 1e9)
    assert report.samples_per_second == report.fmax_hz
    assert [line.split(":")[0] for line in told if not re.search("YoWASP|^simulating", line)] == list(report.tools)
    if target(name).board is None:  # the documented cost of the harness
        assert report.whole.ffs == report.network.ffs + xor.interface.input.bits + xor.interface.output.bits + 5
    else:
        assert report.clock_hz == target(name).board.clock_hz  # type: ignore[union-attr]


def test_the_same_seed_gives_the_same_bitstream(tmp_path: Path, xor: Chain) -> None:
    need("icebreaker")
    first, again, other = (build(xor, target("icebreaker"), tmp_path / f"{k}", seed=s) for k, s in enumerate((1, 1, 2)))
    assert first.bitstream.read_bytes() == again.bitstream.read_bytes()
    assert first.bitstream.read_bytes() != other.bitstream.read_bytes()


def test_too_slow_for_what_was_asked(tmp_path: Path, xor: Chain) -> None:
    need("icebreaker")
    with pytest.raises(
        CompileError, match=r"too slow for icebreaker: it reaches [\d.]+ MHz\n.*\n  why: the frequency asked"
    ):
        build(xor, target("icebreaker"), tmp_path / "out", freq=900e6)
    assert left(tmp_path / "out") == ["project"]


def test_too_slow_for_the_boards_clock(tmp_path: Path, xor: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    need("icebreaker")
    monkeypatch.setattr("threshc.hdl.flow.build.route", slow_route())
    with pytest.raises(CompileError, match=r"it reaches 9\.0 MHz\n.*\n  why: the board's clock is 12 MHz"):
        build(xor, target("icebreaker"), tmp_path / "out")
    assert left(tmp_path / "out") == ["project"]


def slow_route() -> object:
    from threshc.hdl.flow.routing import route

    return lambda *args, **options: replace(route(*args, **options), fmax_hz=9e6)


def wide(inputs: int) -> Chain:
    """A neuron on a few of many inputs: quickly synthesized, with a flip-flop in the harness for every input."""
    weights = np.zeros((1, inputs), np.int8)
    weights[0, [*range(1023, inputs, 1024), inputs - 1]] = 1
    ops = (
        Input("x", (inputs,), parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, np.zeros(1, np.int64)),
        Compare(2, np.zeros(1, np.int64), np.full(1, 3)),
    )
    return build_chain(Network("wide", ops, (Output("y", 3, "bits", np.ones(()), np.zeros(())),)))


def test_more_flip_flops_than_the_device_has(tmp_path: Path) -> None:
    need("up5k-sg48")
    with pytest.raises(CompileError) as caught:
        build(wide(5300), target("up5k-sg48"), tmp_path / "out")
    said = str(caught.value)
    assert said.startswith("the circuit does not fit the iCE40UP5K-SG48\n  where: synthesis\n  why: it needs 53")
    assert "flip-flops, of 5280" in said
    assert "try: a bigger target" in said
    assert left(tmp_path / "out") == ["project"]


def test_cells_that_cannot_be_packed_together(tmp_path: Path) -> None:
    need("up5k-sg48")
    with pytest.raises(
        CompileError, match=r"does not fit the iCE40UP5K-SG48\n  where: place and route\n.* ICESTORM_LC, of 5280"
    ):
        build(wide(5268), target("up5k-sg48"), tmp_path / "out")
    assert left(tmp_path / "out") == ["project"]


def test_what_cannot_possibly_fit_is_refused_before_synthesis(tmp_path: Path) -> None:
    told: list[str] = []
    design = build_chain(networks.random_dense(np.random.default_rng(0), (256, 80, 10), "pm1"))
    with pytest.raises(CompileError, match=r"why: it needs about [\d,]+ LUTs, of 5,280 \(estimated from the weights"):
        build(design, target("up5k-sg48"), tmp_path / "out", progress=told.append)
    assert told == []


def test_missing_tools_are_all_named(tmp_path: Path, xor: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CompileError) as caught:
        build(xor, target("ecp5-25f"), tmp_path / "out")
    assert [d.what for d in caught.value.diagnostics] == [
        "yosys is not installed",
        "nextpnr-ecp5 is not installed",
        "ecppack is not installed",
    ]
    assert 'pip install "threshc[fpga]"' in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_more_ports_than_pins_are_refused(tmp_path: Path, xor: Chain) -> None:
    chosen = target("gw1nr-9c")
    few = replace(chosen, device=replace(chosen.device, pins=("52", "25", "26")))
    need("gw1nr-9c")
    with pytest.raises(
        CompileError, match=r"too wide for the GW1NR.*\n.*\n  why: it needs 8 pins, 3 are known to be free"
    ):
        build(xor, few, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made(tmp_path: Path, xor: Chain) -> None:
    need("icebreaker")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CompileError, match="cannot write the bitstream"):
        build(xor, target("icebreaker"), tmp_path / "file")


@pytest.mark.parametrize("freq", [0.0, -1.0, 1e12, float("nan")])
def test_frequencies_that_make_no_sense(tmp_path: Path, xor: Chain, freq: float) -> None:
    with pytest.raises(CompileError, match="is not possible"):
        build(xor, target("icebreaker"), tmp_path, freq=freq)


def test_a_baud_rate_the_clock_cannot_make(tmp_path: Path, xor: Chain) -> None:
    need("icebreaker")
    with pytest.raises(CompileError, match="a 12 MHz clock cannot make 5000000 baud"):
        build(xor, target("icebreaker"), tmp_path, baud=5_000_000)


def test_unknown_targets_list_the_known_ones() -> None:
    with pytest.raises(CompileError) as caught:
        target("icebraker")
    assert str(caught.value) == (
        "target 'icebraker' is not known; did you mean 'icebreaker'?\n"
        "  where: target=\n"
        f"  try: one of {', '.join(targets())}"
    )


def test_every_target_is_in_the_documentation() -> None:
    page = (Path(__file__).parent.parent / "docs" / "guide" / "targets.md").read_text()
    assert [name for name in targets() if f"`{name}`" not in page] == []
