"""Clocks of boards: settings of PLLs within the data sheets, what is refused, reset until the lock, whole builds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import networks
import pytest
from amaranth.sim import Simulator

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import build as build_chain
from threshc.hdl.families.registry import families
from threshc.hdl.flow import tools
from threshc.hdl.flow.build import _check_pll, build
from threshc.hdl.flow.reach_clock import TRIES, fastest
from threshc.hdl.flow.routing import Routing, TooSlow
from threshc.hdl.flow.tools import Run, Tool
from threshc.hdl.plls.base import Setting
from threshc.hdl.shell.clocking import Settling
from threshc.hdl.targets.clock import Clock, at_most, crystal, megahertz, near
from threshc.hdl.targets.registry import target, targets
from threshc.tasks.netlist_checks import netlist_samples
from threshc.tasks.stimulus import stimulus

MHZ = 1_000_000
BOARDS = [name for name, t in targets().items() if t.board is not None]

ONE_OF_EACH = {near(target(name), 36e6).cell: name for name in BOARDS}.values()


def settings(name: str) -> list[Setting]:
    chosen = target(name)
    pll = families()[chosen.device.family].pll
    assert pll is not None
    return list(pll.settings(chosen.device.part, crystal(chosen).hz))


def ice40(hz: Fraction, p: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """Figure 3 of FPGA-TN-02052: the oscillator and the output of a feedback path SIMPLE."""
    detector = hz / (p["DIVR"] + 1)
    assert 10 * MHZ <= detector <= 133 * MHZ
    assert p["DIVF"] < 128
    assert 1 <= p["DIVQ"] <= 6
    vco = detector * (p["DIVF"] + 1)
    assert 533 * MHZ <= vco <= 1066 * MHZ
    assert p["FILTER_RANGE"] == (1 if detector < 17 * MHZ else 2)
    return vco, vco / 2 ** p["DIVQ"]


def ecp5(hz: Fraction, p: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """The table in Project Trellis' ecppll: detector = in / CLKI, oscillator = detector * CLKFB * CLKOP."""
    detector = hz / p["CLKI_DIV"]
    assert 10 * MHZ <= detector <= 400 * MHZ
    vco = detector * p["CLKFB_DIV"] * p["CLKOP_DIV"]
    assert 400 * MHZ <= vco <= 800 * MHZ
    assert 10 * MHZ <= vco / p["CLKOP_DIV"] <= 400 * MHZ
    assert all(1 <= p[name] <= 128 for name in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV", "CLKOS_DIV"))
    return vco, vco / p["CLKOS_DIV"]


def gowin(hz: Fraction, p: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """As apycula.gowin_pack checks it: out = in * FBDIV / IDIV, oscillator = out * ODIV."""
    small = p["DEVICE"] == "GW1NR-9C"
    assert p["DEVICE"] in ("GW1NR-9C", "GW2AR-18C")
    assert float(p["FCLKIN"]) * MHZ == hz
    detector = hz / (p["IDIV_SEL"] + 1)
    assert detector >= 3 * MHZ
    out = detector * (p["FBDIV_SEL"] + 1)
    assert (3.125 if small else 3.90625) * MHZ < out <= (600 if small else 625) * MHZ
    vco = out * p["ODIV_SEL"]
    assert (400 if small else 500) * MHZ <= vco <= (1200 if small else 1250) * MHZ
    assert max(p["IDIV_SEL"], p["FBDIV_SEL"]) < 64
    return vco, out


def gatemate(hz: Fraction, p: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """As nextpnr searches it: out = in * N / (2 * M), M 1 or even, oscillator = out * 4 * M, above 1,250 MHz."""
    assert Fraction(p["REF_CLK"]) * MHZ == hz
    out = Fraction(p["OUT_CLK"]) * MHZ
    assert out <= 416_500_000
    ways = [
        4 * out * m
        for m in (1, *range(2, 200, 2))
        if 1250 * MHZ < 4 * out * m <= 2500 * MHZ
        and (2 * out * m / hz).denominator == 1
        and any((2 * out * m / hz) % n1 == 0 and 2 * out * m / n1 <= 1_666_670_000 // 2 for n1 in range(1, 65))
    ]
    return min(ways, key=lambda vco: abs(vco - 1875 * MHZ)), out


FORMULAS = {"ice40": ice40, "ecp5": ecp5, "gowin": gowin, "gatemate": gatemate}


@pytest.mark.parametrize("name", BOARDS)
def test_every_setting_is_within_the_data_sheet_and_makes_what_it_says(name: str) -> None:
    hz, found = crystal(target(name)).hz, settings(name)
    assert [s.hz for s in found] == sorted({s.hz for s in found})
    assert len(found) > 100
    for setting in found:
        plain = {n: v if isinstance(v, str) else v[0] for n, v in setting.parameters.items()}
        assert FORMULAS[target(name).device.family](hz, plain) == (setting.vco_hz, setting.hz)


@pytest.mark.parametrize(
    ("name", "hz", "exact", "cell"),
    [
        ("icebreaker", 65e6, Fraction(65_250_000), "SB_PLL40_PAD"),
        ("ice40hx8k-b-evn", 100e6, Fraction(100_500_000), "SB_PLL40_CORE"),
        ("icebreaker", 12e6, Fraction(12_000_000), ""),
        ("ulx3s-85f", 100e6, Fraction(100_000_000), "EHXPLLL"),
        ("colorlight-i5", 196.9e6, Fraction(196_875_000), "EHXPLLL"),
        ("tang-nano-9k", 54e6, Fraction(54_000_000), "rPLL"),
        ("tang-nano-20k", 100e6, Fraction(27_000_000 * 26, 7), "rPLL"),
        ("gatemate-evb", 62.5e6, Fraction(62_500_000), "CC_PLL"),
    ],
)
def test_the_nearest_frequency(name: str, hz: float, exact: Fraction, cell: str) -> None:
    found = near(target(name), hz)
    assert (found.hz, found.cell) == (exact, cell)


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("hz", [20e6, 65.1e6, 196.9e6, 1e9])
def test_the_fastest_up_to_a_frequency(name: str, hz: float) -> None:
    found, given = at_most(target(name), hz), crystal(target(name))
    makes = [s.hz for s in settings(name) if given.hz < s.hz <= hz]
    assert found.hz == max(makes, default=given.hz)
    assert (found.pll is None) == (not makes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"clock": 13e6}, r"no setting of the PLL of icebreaker is within 1 % of 13 MHz\n  where: clock=\n"),
        ({"clock": 13e6}, r"of 12 MHz it makes 16\.125 to 270 MHz \(Lattice FPGA-TN-02052\); the nearest: 16\.125"),
        ({"clock": 1e9}, r"within 1 % of 1000 MHz\n.*\n.*the nearest: 270 MHz\n"),
        ({"clock": "fast"}, r"clock 'fast' is not understood\n  where: clock=\n  try: a frequency, or max"),
        ({"clock": True}, r"a frequency of True Hz is not possible\n  where: clock="),
        ({"clock": 65e6, "baud": 20_000_000}, r"a 65\.25 MHz clock cannot make 20000000 baud"),
        ({"clock": "max", "freq": 50e6}, r"clock='max' and freq= cannot be together\n  where: freq="),
        ({"clock": "max", "target_fmax": 50e6}, r"clock='max' and target_fmax= cannot be together"),
        ({"clock": 65e6, "target": "up5k-sg48"}, r"up5k-sg48 has no clock: it is a bare device\n  where: clock="),
        ({"clock": "max", "target": "ecp5-25f"}, r"ecp5-25f has no clock: it is a bare device"),
        ({"clock": 65e6, "target": "xilinx7"}, r"xilinx7 has no clock: it is a bare device"),
    ],
)
def test_what_is_refused_before_the_model_is_read(words: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=said) as caught:
        threshc.build(tmp_path / "none.onnx", tmp_path / "out", **{"target": "icebreaker"} | words)
    assert "none.onnx" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class Routed:
    """Attempts of a circuit that reaches so many MHz, one after another."""

    def __init__(self, *reaches: float) -> None:
        self.clocks: list[Clock] = []
        self._reaches = iter(reaches)

    def __call__(self, clock: Clock) -> Any:
        self.clocks.append(clock)
        fmax = next(self._reaches) * 1e6
        if fmax < clock.hz:
            raise TooSlow(CompileError("x").diagnostics[0], fmax)
        return type("Report", (), {"fmax_hz": fmax})


@pytest.mark.parametrize(
    ("reaches", "clocks"),
    [
        ([50, 55], ["12", "49.5"]),
        ([50, 45, 45], ["12", "49.5", "45"]),
        ([15], ["12"]),  # the PLL begins at 16 MHz
        ([50, 45, 40, 39, 38.2], ["12", "49.5", "45", "39.75", "39"]),
    ],
)
def test_the_fastest_clock_is_what_the_last_try_reached(reaches: list[float], clocks: list[str]) -> None:
    tried = Routed(*reaches)
    if len(reaches) == TRIES:
        with pytest.raises(
            CompileError, match=r"no clock was found that the circuit bears on icebreaker\n  where: clock"
        ):
            fastest(tried, target("icebreaker"), lambda _: None)
    else:
        assert fastest(tried, target("icebreaker"), lambda _: None).fmax_hz == reaches[-1] * 1e6
    assert [megahertz(c.hz) for c in tried.clocks] == clocks


def test_too_slow_for_the_crystal_is_said_as_ever() -> None:
    with pytest.raises(TooSlow):
        fastest(Routed(11), target("icebreaker"), lambda _: None)


@pytest.mark.parametrize(("text", "said"), [("", "it names none"), ("PLL fout= 62.4000 MHz (fout", "it says 62.4 MHz")])
def test_dividers_that_nextpnr_chose_otherwise_are_refused(text: str, said: str) -> None:
    run = Run(Tool("nextpnr", (), "native", ""), text, 0, 0.0)
    with pytest.raises(CompileError, match=f"another frequency than 62.5 MHz\n.*\n  why: {said}"):
        _check_pll(near(target("gatemate-evb"), 62.5e6), Routing({}, {}, 1e9, run))


def test_reset_ends_only_after_the_lock_and_comes_back_without_it() -> None:
    settling: Any = Settling(5)
    locked = [0] * 4 + [1] * 12 + [0] * 2 + [1] * 20
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for level in locked:
            ctx.set(settling.locked, level)
            await ctx.tick()
            seen.append(ctx.get(settling.running))

    simulator = Simulator(settling)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    changes = [k for k in range(1, len(seen)) if seen[k] != seen[k - 1]]
    assert seen[0] == 0
    assert changes == [4 + 2 + 5, 16 + 2, 18 + 2 + 5]  # two registers of the synchronizer, then five cycles


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_board_with_a_pll_is_built_and_answers_at_the_pins(name: str, tmp_path: Path) -> None:
    chosen = target(name)
    flow = families()[chosen.device.family].flow
    assert flow is not None
    try:
        tools.find_tools((tools.YOSYS, flow.nextpnr, flow.packer))
    except CompileError as problem:
        pytest.skip(f"{name}: {'; '.join(d.what for d in problem.diagnostics)}")
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards")
    clock = near(chosen, 36e6)
    xor = build_chain(networks.xor())
    samples = netlist_samples(xor, stimulus(xor.network, None, samples=64))
    report = build(xor, chosen, tmp_path, clock=clock, baud=1_000_000, samples=samples)
    assert [v.samples for v in report.verified] == [64, 64]
    assert report.fmax_hz >= report.clock_hz == float(clock.hz)
    assert report.running is not None
    assert report.running.pll == clock.cell
    assert f"--freq {float(clock.hz) / 1e6:g}" in (tmp_path / "project" / "Makefile").read_text()
    assert clock.cell in (tmp_path / "project" / "top.json").read_text()
    rows = {row: value for row, value, _ in report.rows()}
    assert rows["clock on the board"] == str(clock)
    assert rows["serial port"].startswith("1,000,000 baud (36 cycles a bit, ")
    assert replace(clock).hz == Fraction(report.running.hz)
