"""`threshc build`: a bitstream and its figures in one folder, or nothing at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import tools

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _tools() -> None:
    try:
        tools.find_tools(("yosys", "nextpnr-ice40", "icepack"))
    except CompileError as problem:
        pytest.skip("; ".join(d.what for d in problem.diagnostics))
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards")


def _build(root: Path, out: Path, *options: str) -> None:
    common = ("--input", "bit", "--samples", "4", "--simulator", "amaranth", "-o", str(out))
    arguments = ["build", str(root / "examples/xor/xor.onnx"), *common, *options]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0


def test_a_board(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _build(root, out, "--target", "icebreaker", "--seed", "3", "--verify", "netlist")
    report = json.loads((out / "report.json").read_text())
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == report["files"]
    name = report["design"]["module"]  # not "xor", which is a keyword of Verilog
    assert {f"{name}{end}" for end in (".bin", ".v", ".yosys.log", ".nextpnr.log")} <= set(report["files"])
    built = report["built"]
    assert (built["target"], built["seed"]) == ("icebreaker", 3)
    assert built["fmax_hz"] > built["clock_hz"] == 12e6
    sources = {row["name"]: row["source"] for row in report["figures"]}
    assert sources["LUTs, network"] == "synthesized"
    assert sources["Fmax"] == "routed"
    assert sources["latency on the board"] == "board"
    assert [v["samples"] for v in built["verified"]] == [4, 4]  # the network alone, and behind its UART
    assert sources["netlist equal to the packed simulator"] == "netlist"
    assert sum(c["luts"] for c in built["layers"]) == built["network"]["luts"]
    assert sum(c["ffs"] for c in built["layers"]) == built["network"]["ffs"]
    assert sum(c["cells"] for c in built["placed"]) == built["cells_used"]
    assert sum(c["ffs"] for c in built["placed"]) == built["whole"]["ffs"]
    assert built["placed"][-1]["name"] == "UART shell"
    assert "LUTs (synthesized)" in (out / "report.md").read_text()
    assert (
        f"| {built['cells_used']:,} | {built['whole']['luts']:,} | {built['whole']['ffs']:,} | "
        in (out / "report.md").read_text()
    )
    assert "| Fmax | " in (out / "report.md").read_text()


def test_an_unknown_verification(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="there is no verification 'all'"):
        _build(root, tmp_path / "out", "--target", "icebreaker", "--verify", "all")
