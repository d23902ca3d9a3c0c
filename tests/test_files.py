"""Files that are whole or not there, and the drafts of processes that were killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.files import draft, draft_beside, remove_dead_drafts, write_whole
from threshc.compiler.scratch import scratch_folder

HANGS = """
import sys, time
from pathlib import Path
from threshc.compiler.files import draft_beside
with draft_beside(Path(sys.argv[1]), folder=sys.argv[2] == "folder") as made:
    if sys.argv[2] == "folder":
        (made / "inside").write_text("x")
    print("ready", flush=True)
    time.sleep(600)
"""


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_bytes_text_and_writers(tmp_path: Path) -> None:
    for content in (b"\xc3\xa9", "é", lambda file: file.write(b"\xc3\xa9")):
        write_whole(tmp_path / "x", content)
        assert (tmp_path / "x").read_bytes() == b"\xc3\xa9"
    assert names(tmp_path) == ["x"]


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before")

    def stopped() -> None:
        with draft(tmp_path / "x", ".png") as partial:
            assert partial.suffix == ".png"
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_text() == "before"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for bad in (tmp_path / "none" / "x", tmp_path / "file" / "x", tmp_path, tmp_path / ("n" * 300), Path("/proc/x")):
        with pytest.raises(CompileError, match="the file cannot be written"):
            write_whole(bad, b"1")


def test_links_are_followed_and_devices_stay_devices(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "goal")
    write_whole(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "goal").read_bytes() == b"1"
    write_whole("/dev/null", b"1")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_drafts_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-c", HANGS, str(tmp_path / "other"), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        write_whole(tmp_path / "x", b"1")
        assert len(names(tmp_path)) == 2
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(names(tmp_path)) == 2
    write_whole(tmp_path / "x", b"2")
    assert names(tmp_path) == ["x"]


def test_only_our_drafts_are_removed(tmp_path: Path) -> None:
    kept = {".x.partial", ".x.0123456.partial", "x.01234567.partial", ".x.01234567.partial~", ".x.0123456g.partial"}
    for name in kept | {".x.01234567.partial", ".x.01234567.partial.png"}:
        (tmp_path / name).touch()
    target = tmp_path / "mine"
    target.mkdir()
    (tmp_path / ".y.01234567.partial").symlink_to(target)
    remove_dead_drafts(tmp_path)
    assert set(names(tmp_path)) == kept | {"mine", ".y.01234567.partial"}


def test_scratch_folders_vanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder() as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "x").touch()
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="not ours"), scratch_folder():
        raise OSError("not ours")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(CompileError, match="temporary files cannot be written"), scratch_folder():
        pass


def test_a_draft_that_somebody_took_for_dead_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def late(path: object, flags: int, *rest: object) -> int:
        if flags == os.O_RDONLY and ".partial" in str(path):
            monkeypatch.setattr(os, "open", opened)
            os.unlink(str(path))
        return opened(path, flags, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", late)
    with draft_beside(tmp_path / "x") as partial:
        assert partial.is_file()
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="files are locked on POSIX systems only")
def test_a_draft_that_somebody_else_locks_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    real, held = os.urandom, tmp_path / ".a.txt.00000000.partial"
    names = iter([b"\0" * 4])
    monkeypatch.setattr(os, "urandom", lambda n: next(names, None) or real(n))
    lock, others = fcntl.flock, []

    def flock(descriptor: int, how: int) -> None:
        if held.exists() and not others:  # quicker than we are
            others.append(os.open(held, os.O_RDONLY))
            lock(others[0], fcntl.LOCK_EX)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    write_whole(tmp_path / "a.txt", "whole")
    os.close(others[0])
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "whole"


@pytest.mark.skipif(os.name != "posix", reason="files are locked on POSIX systems only")
def test_who_locks_every_draft_is_an_error_not_a_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def flock(descriptor: int, how: int) -> None:
        assert how & fcntl.LOCK_NB, "this could wait for ever"
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(CompileError, match="others lock every draft"):
        write_whole(tmp_path / "a.txt", "whole")
    assert not list(tmp_path.iterdir())
