"""Something is missing that other processes have: a home, room, a folder, streams. It works, or says what to set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

resource = pytest.importorskip("resource", reason="needs a POSIX system")

USER = 23456  # nobody's number: no entry in /etc/passwd
_RIGHTS = "-all,+dac_read_search"  # may read the interpreter wherever it is, and write nowhere
_AS_USER = (
    "setpriv",
    *("--reuid", str(USER), "--regid", str(USER), "--clear-groups"),
    *(f"--{kind}={_RIGHTS}" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
)


def _run(
    *arguments: object, prefix: tuple[str, ...] = (), before: Callable[[], None] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, which may use what is in the cache of whoever runs the tests."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*prefix, sys.executable, "-m", "threshc.cli.main", *map(str, arguments)],
        **{"capture_output": True, "text": True, "check": False, "timeout": 300, "preexec_fn": before, **options},
    )


@pytest.fixture
def xor(root: Path) -> Path:
    """A model that is there whoever asks."""
    return root / "examples" / "xor" / "xor.onnx"


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="only root, with setpriv, can run something as another user",
)
@pytest.mark.parametrize("home", [None, "/root", "/proc/none", "relative"])
def test_a_user_without_a_home(xor: Path, home: str | None) -> None:
    """No passwd entry, no home or one that cannot be written to, no cache, and a site-packages that is read-only."""
    folder = Path(f"/tmp/threshc-test-{os.getpid()}")
    folder.mkdir()
    os.chown(folder, USER, USER)
    variables = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "THRESHC_CACHE", "TMPDIR")}
    variables |= {} if home is None else {"HOME": home}
    try:
        options = {"cwd": folder, "env": variables, "prefix": _AS_USER}
        shown = _run("show", xor, "--input", "bit", **options)
        assert (shown.returncode, shown.stderr) == (0, "")
        if home is None:
            arguments = ("compile", xor, "--input", "bit", "--simulator", "amaranth", "--samples", "4", "-o", "out")
            made = _run(*arguments, **options)
            assert (made.returncode, made.stderr) == (0, "")
            assert (folder / "out" / "report.json").exists()
        left = {p.name for p in folder.iterdir()} - {"out"}
        assert left == ({"relative"} if (folder / "relative").exists() else set())
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("show M", ""),
        ("prove M -c c.json", "the file cannot be written"),
        ("compile M -o out --simulator amaranth --samples 4", "cannot be written"),
        ("verify M --samples 4 --rtl-samples 2 --simulator verilator", "set TMPDIR to a folder"),
    ],
)
def test_no_room_at_all(xor: Path, tmp_path: Path, command: str, why: str) -> None:
    """No file may hold a byte: temporary ones, those of the cache, the output."""
    words = [str(xor) if word == "M" else word for word in command.split()]
    done = _run(
        *words, "--input", "bit", cwd=tmp_path, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == bool(why)
    assert why in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["compile M -o out", "prove M -c c.json", "show m.onnx", "show M"])
def test_the_current_folder_is_gone(xor: Path, tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = [str(xor) if word == "M" else word for word in command.split()]

    def leave() -> None:
        os.chdir(gone)
        gone.rmdir()

    done = _run(*words, "--input", "bit", before=leave)
    assert "Traceback" not in done.stderr
    assert done.returncode == (command != "show M")
    assert ("the current folder does not exist" in done.stderr) == (command[0] in "cp")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize(("command", "code"), [("show M --input bit", 0), ("show nothing", 1), ("show", 2)])
def test_streams_that_are_closed(xor: Path, closed: tuple[int, ...], command: str, code: int) -> None:
    words = [str(xor) if word == "M" else word for word in command.split()]

    def close() -> None:
        for number in closed:
            os.close(number)

    done = _run(*words, before=close)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
