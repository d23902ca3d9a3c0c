"""Output folders: whole or not at all, and nothing foreign is lost."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from threshc.compiler.diagnostics import CompileError, Lines, fail
from threshc.compiler.files import write_files
from threshc.tasks.folder import REPORT, output_folder


def _make(goal: Path, files: dict[str, str], force: bool = False, makes: tuple[str, ...] = ()) -> None:
    with output_folder(goal, force=force) as folder:
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        report = {"made_by": "threshc 0", "files": [*files, REPORT], "makes": makes}
        (folder / REPORT).write_text(json.dumps(report))


def _stop(goal: Path, error: BaseException) -> None:
    with output_folder(goal) as folder:
        (folder / "x.v").write_text("2")
        raise error


def _content(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != REPORT)
    return {p.relative_to(folder).as_posix(): p.read_text() for p in files}


def test_it_appears_with_its_parents(tmp_path: Path) -> None:
    _make(tmp_path / "a" / "b", {"x.v": "1"})
    assert _content(tmp_path / "a" / "b") == {"x.v": "1"}
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_our_own_folder_is_replaced_whole(tmp_path: Path) -> None:
    _make(tmp_path / "out", {"x.v": "1", "old.v": "1"})
    _make(tmp_path / "out", {"x.v": "2"})
    assert _content(tmp_path / "out") == {"x.v": "2"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _stop(tmp_path / "a" / "b", ZeroDivisionError())
    assert list(tmp_path.iterdir()) == []


def _no_file(folder: Path) -> None:
    (folder / "x.v").mkdir()
    write_files(folder, {"x.v": "1"})


def _refuse(folder: Path) -> None:
    raise fail("no", where=f"{folder}/top.v:3", why=f"in {folder}", hint=Lines.of([f"look at {folder}", "or not"]))


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (_no_file, "the file cannot be written\n  where: out/x.v\n  why: Is a directory"),
        (_refuse, "no\n  where: out/top.v:3\n  why: in out\n  try: look at out\n       or not"),
    ],
)
def test_errors_name_the_folder_that_users_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill: Callable[[Path], None], said: str
) -> None:
    """Not the draft, in which a file cannot be written, or of which a tool speaks."""
    monkeypatch.chdir(tmp_path)

    def make() -> None:
        with output_folder("out") as folder:
            fill(folder)

    with pytest.raises(CompileError) as caught:
        make()
    assert str(caught.value) == said


def test_a_failure_keeps_the_old_output(tmp_path: Path) -> None:
    _make(tmp_path / "out", {"x.v": "1"})
    with pytest.raises(KeyboardInterrupt):
        _stop(tmp_path / "out", KeyboardInterrupt())
    assert _content(tmp_path / "out") == {"x.v": "1"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_foreign_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CompileError, match=r"files that threshc did not write: 'thesis\.tex'"):
        _make(tmp_path, {"x.v": "1"})
    assert _content(tmp_path) == {"thesis.tex": "years of work"}


def test_a_foreign_report_json_is_no_permission(tmp_path: Path) -> None:
    (tmp_path / REPORT).write_text('{"files": ["notes"]}')
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(CompileError, match="threshc did not write"):
        _make(tmp_path, {"x.v": "1"})


def test_force_writes_beside_and_deletes_nothing_foreign(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    _make(goal, {"x.v": "1", "old.v": "1"})
    (goal / "notes").write_text("mine")
    _make(goal, {"x.v": "2"}, force=True)
    assert _content(goal) == {"x.v": "2", "notes": "mine"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_report_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    goal.mkdir()
    (tmp_path / "precious").write_text("mine")
    (goal / REPORT).write_text(json.dumps({"made_by": "threshc 0", "files": ["../precious"]}))
    (goal / "notes").write_text("mine")
    _make(goal, {"x.v": "1"}, force=True)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CompileError, match="the output folder is something else"):
        _make(tmp_path / "out", {"x.v": "1"})
    with pytest.raises(CompileError, match="cannot be written"):
        _make(tmp_path / "out" / "deeper", {"x.v": "1"})
    assert (tmp_path / "out").read_text() == "mine"


def test_a_full_disk_is_an_error_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"cannot be written.*\n.*\n  why: No space left"):
        _stop(tmp_path / "out", OSError(errno.ENOSPC, "No space left on device"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_put_there_meanwhile_stays(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    for start in ("absent", "empty", "ours"):
        with output_folder(goal) as folder:
            (folder / "x.v").write_text(start)
            (folder / REPORT).write_text(json.dumps({"made_by": "threshc 0", "files": ["x.v", REPORT]}))
            goal.mkdir(exist_ok=True)
            (goal / "notes").write_text("mine")
        assert _content(goal) == {"x.v": start, "notes": "mine"}
        assert [p.name for p in tmp_path.iterdir()] == ["out"]
        (goal / "notes").unlink()
        if start == "absent":
            (goal / "x.v").unlink()
            (goal / REPORT).unlink()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["x.v", "y.v", REPORT])
def test_a_file_of_a_name_of_ours_put_there_meanwhile_is_not_replaced(tmp_path: Path, name: str, force: bool) -> None:
    goal = tmp_path / "out"
    _make(goal, {"x.v": "1", "old.v": "1"})
    before = {p.name: p.read_text() for p in goal.iterdir()}

    def run() -> None:
        with output_folder(goal, force=force) as folder:
            for made in ("x.v", "y.v", REPORT):
                (folder / made).write_text("2")
            (goal / name).write_text("edited by its user")

    with pytest.raises(CompileError, match=rf"came into the output folder while the command ran: '{name}'"):
        run()
    assert {p.name: p.read_text() for p in goal.iterdir()} == before | {name: "edited by its user"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_old_file_that_its_user_changes_meanwhile_stays(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    _make(goal, {"x.v": "1", "old.v": "1"})
    with output_folder(goal) as folder:
        (folder / "x.v").write_text("2")
        (folder / REPORT).write_text(json.dumps({"made_by": "threshc 0", "files": ["x.v", REPORT]}))
        (goal / "old.v").write_text("edited by its user")
    assert _content(goal) == {"x.v": "2", "old.v": "edited by its user"}


def test_the_folder_itself_stays_the_same(tmp_path: Path) -> None:
    """A shell that stands in it, or a process that writes there, goes on."""
    goal = tmp_path / "out"
    _make(goal, {"x.v": "1"})
    before = goal.stat().st_ino
    _make(goal, {"x.v": "2"})
    assert goal.stat().st_ino == before


@pytest.mark.parametrize("at", range(8))
def test_a_failure_while_it_is_delivered_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    goal = tmp_path / "out"
    _make(goal, {"x.v": "1", "old.v": "1"})
    (goal / "notes").write_text("mine")
    before = {p.name: p.read_text() for p in goal.iterdir()}
    calls = 0

    def failing(real: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                raise KeyboardInterrupt
            real(*arguments)

        return call

    monkeypatch.setattr(os, "rename", failing(os.rename))
    monkeypatch.setattr(os, "link", failing(os.link))
    try:
        _make(goal, {"x.v": "2", "y.v": "2"}, force=True)
        assert calls <= at
        assert _content(goal) == {"x.v": "2", "y.v": "2", "notes": "mine"}
    except KeyboardInterrupt:
        assert {p.name: p.read_text() for p in goal.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_a_name_of_ours_is_left_as_it_is(tmp_path: Path, force: bool) -> None:
    goal = tmp_path / "out"
    _make(goal, {"x.v": "1"})
    (goal / "x.v").unlink()
    (goal / "x.v").mkdir()
    (goal / "x.v" / "thesis.tex").write_text("years of work")
    with pytest.raises(CompileError, match=r"came into the output folder while the command ran: 'x\.v'"):
        _make(goal, {"x.v": "2"}, force=force)
    assert _content(goal / "x.v") == {"thesis.tex": "years of work"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


PROJECT = {"x.v": "1", "project/Makefile": "1", "project/yosys.log": "1"}


def test_an_inner_folder_is_replaced_file_by_file(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    _make(goal, PROJECT)
    _make(goal, {"x.v": "2", "project/Makefile": "2", "project/top.il": "2"})
    assert _content(goal) == {"x.v": "2", "project/Makefile": "2", "project/top.il": "2"}
    _make(goal, {"x.v": "3"})
    assert sorted(p.name for p in goal.iterdir()) == [REPORT, "x.v"]
    _make(goal, PROJECT)
    assert _content(goal) == PROJECT
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_make_makes_in_an_inner_folder_is_ours(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    _make(goal, PROJECT, makes=("project/top.bin", "project/yosys.log"))
    (goal / "project/top.bin").write_text("made by make")
    (goal / "project/yosys.log").write_text("made by make")
    _make(goal, PROJECT)
    assert _content(goal) == PROJECT


def test_a_foreign_file_in_an_inner_folder_is_refused_and_never_lost(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    _make(goal, PROJECT)
    (goal / "project/notes").write_text("mine")
    before = _content(goal)
    with pytest.raises(CompileError, match=r"files that threshc did not write: 'project/notes'"):
        _make(goal, {"x.v": "2"})
    assert _content(goal) == before
    _make(goal, {"x.v": "2"}, force=True)
    assert _content(goal) == {"x.v": "2", "project/notes": "mine"}
    _make(goal, {**PROJECT, "x.v": "3"}, force=True)
    assert _content(goal) == {**PROJECT, "x.v": "3", "project/notes": "mine"}


def test_a_foreign_inner_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out/project").mkdir(parents=True)
    (tmp_path / "out/project/Makefile").write_text("mine")
    with pytest.raises(CompileError, match=r"files that threshc did not write: 'project/Makefile'"):
        _make(tmp_path / "out", PROJECT)
    assert _content(tmp_path / "out") == {"project/Makefile": "mine"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_is_written_through_what_has_the_name_of_an_inner_folder(tmp_path: Path, kind: str) -> None:
    goal, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    goal.mkdir()
    if kind == "link":
        (goal / "project").symlink_to(elsewhere)
    else:
        (goal / "project").write_text("mine")
    for force in (False, True):
        with pytest.raises(CompileError, match="'project'"):
            _make(goal, PROJECT, force=force)
    assert [p.name for p in goal.iterdir()] == ["project"]
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../precious", "project/../../precious", "/precious", "other/x", "project/", "project/.."]
)
def test_a_report_cannot_name_files_of_other_folders(tmp_path: Path, name: str) -> None:
    goal = tmp_path / "out"
    (goal / "other").mkdir(parents=True)
    (goal / "other/x").write_text("mine")
    (tmp_path / "precious").write_text("mine")
    (goal / REPORT).write_text(json.dumps({"made_by": "threshc 0", "files": [name], "makes": [name]}))
    _make(goal, PROJECT, force=True)
    assert _content(tmp_path) == {
        "precious": "mine",
        "out/other/x": "mine",
        **{f"out/{k}": v for k, v in PROJECT.items()},
    }


@pytest.mark.parametrize("at", range(10))
def test_a_failure_while_an_inner_folder_is_delivered_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    calls = 0

    def failing(real: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                raise KeyboardInterrupt
            real(*arguments)

        return call

    for first in ({"x.v": "1"}, PROJECT):
        goal = tmp_path / f"out{len(first)}"
        _make(goal, first)
        calls = 0
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", failing(os.rename))
            patch.setattr(os, "link", failing(os.link))
            try:
                _make(goal, {**PROJECT, "x.v": "2"})
                assert calls <= at
            except KeyboardInterrupt:
                assert _content(goal) == first
                assert (goal / "project").exists() == (first is PROJECT)
    assert len(list(tmp_path.iterdir())) == 2
