"""Output folders: whole or not at all, and nothing foreign is lost."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.folder import REPORT, output_folder


def _make(goal: Path, files: dict[str, str], force: bool = False) -> None:
    with output_folder(goal, force=force) as folder:
        for name, text in files.items():
            (folder / name).write_text(text)
        report = {"made_by": "threshc 0", "files": [*files, REPORT]}
        (folder / REPORT).write_text(json.dumps(report))


def _stop(goal: Path, error: BaseException) -> None:
    with output_folder(goal) as folder:
        (folder / "x.v").write_text("2")
        raise error


def _content(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir() if p.name != REPORT}


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
