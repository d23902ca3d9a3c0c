"""A build that fails leaves its project in a folder of its own, says so, and leaves everything else as it was."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import networks
import pytest

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import tools
from threshc.hdl.flow.tools import Tool
from threshc.tasks.failed_build import failed_folder

YOSYS = """import sys
open("yosys.log", "w").write("read design.v\\nERROR: no such luck\\n")
sys.exit(1)
"""


@pytest.fixture
def broken_yosys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools of which the first fails, so that no real one is needed."""
    command = (sys.executable, "-c", YOSYS)
    monkeypatch.setattr(
        "threshc.hdl.flow.build.find_tools", lambda names: {n: Tool(n, command, "native", "0.1") for n in names}
    )


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def fail(out: Path, **options: object) -> str:
    with pytest.raises(CompileError) as caught:
        threshc.build(networks.xor(), out, target="up5k-sg48", samples=4, simulator="amaranth", **options)  # type: ignore[arg-type]
    return str(caught.value)


FAILED = [
    "error.txt",
    *(f"project/{n}" for n in ("Makefile", "design.v", "synth.ys", "top.il", "yosys.log")),
    "report.json",
]


@pytest.mark.usefixtures("broken_yosys")
def test_the_project_is_left_and_named(tmp_path: Path) -> None:
    said = fail(tmp_path / "out")
    assert said.startswith("yosys failed while synthesizing for iCE40UP5K-SG48 (exit code 1)\n")
    assert "why: ERROR: no such luck\n" in said
    place = tmp_path / "out-failed"
    assert said.endswith(f"; what the tools were given and said is in {place / 'project'}, where `make` repeats it")
    assert [p.name for p in tmp_path.iterdir()] == ["out-failed"]
    assert files(place) == FAILED
    assert (place / "project/yosys.log").read_text() == "read design.v\nERROR: no such luck\n"
    assert (place / "error.txt").read_text().startswith("yosys failed while synthesizing")
    report = json.loads((place / "report.json").read_text())
    assert report["files"] == FAILED
    assert report["failed"][0]["why"] == "ERROR: no such luck"
    assert report["target"] == "up5k-sg48"


@pytest.mark.usefixtures("broken_yosys")
def test_it_is_no_model(tmp_path: Path) -> None:
    fail(tmp_path / "out")
    with pytest.raises(
        CompileError, match=r"no model\.thresh\n(.*\n)*  why: it is what a failed build left: error\.txt"
    ):
        threshc.load(tmp_path / "out-failed")


@pytest.mark.usefixtures("broken_yosys")
def test_make_fails_in_the_same_way(tmp_path: Path) -> None:
    fail(tmp_path / "out")
    yosys = " ".join(map(shlex.quote, (sys.executable, "-c", YOSYS.replace("\n", ";").replace("ERROR", "AGAIN"))))
    made = subprocess.run(
        ["make", f"YOSYS={yosys}"], cwd=tmp_path / "out-failed/project", capture_output=True, timeout=60, check=False
    )
    assert made.returncode == 2
    assert "AGAIN: no such luck" in (tmp_path / "out-failed/project/yosys.log").read_text()


@pytest.mark.usefixtures("broken_yosys")
def test_the_next_failure_replaces_it(tmp_path: Path) -> None:
    fail(tmp_path / "out")
    (tmp_path / "out-failed/project/top.json").write_text("made by make")
    (tmp_path / "out-failed/error.txt").write_text("")
    fail(tmp_path / "out")
    assert files(tmp_path / "out-failed") == FAILED
    assert (tmp_path / "out-failed/error.txt").read_text() != ""


@pytest.mark.usefixtures("broken_yosys")
@pytest.mark.parametrize("foreign", ["notes", "project/notes"])
def test_what_somebody_else_put_there_stays(tmp_path: Path, foreign: str) -> None:
    fail(tmp_path / "out")
    (tmp_path / "out-failed" / foreign).write_text("mine")
    (tmp_path / "out-failed/error.txt").write_text("old")
    said = fail(tmp_path / "out")
    assert f"the project is not left in {tmp_path / 'out-failed'}: the output folder holds files that" in said
    assert f"did not write: '{foreign}'" in said
    assert said.startswith("yosys failed")
    assert (tmp_path / "out-failed" / foreign).read_text() == "mine"
    assert (tmp_path / "out-failed/error.txt").read_text() == "old"


@pytest.mark.usefixtures("broken_yosys")
def test_what_was_built_before_stays(tmp_path: Path) -> None:
    threshc.compile(networks.xor(), tmp_path / "out", samples=4, simulator="amaranth")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")}
    fail(tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")} == before


def test_what_fails_before_a_tool_was_to_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    assert "failed" not in fail(tmp_path / "out")
    assert "is not possible" in fail(tmp_path / "out", freq=1.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("broken_yosys")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, AssertionError, SystemExit])
def test_ctrl_c_and_faults_of_ours_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def stop(*_: object) -> None:
        raise kind

    monkeypatch.setattr("threshc.hdl.flow.build.synthesize", stop)
    with pytest.raises(kind):
        threshc.build(networks.xor(), tmp_path / "out", target="up5k-sg48", samples=4, simulator="amaranth")
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert failed_folder(Path("a/out")) == Path("a/out-failed")
    assert failed_folder(Path(".")) == tmp_path.with_name(f"{tmp_path.name}-failed")
    (tmp_path / "in").mkdir()
    assert failed_folder(Path("in/..")) == tmp_path.with_name(f"{tmp_path.name}-failed")
