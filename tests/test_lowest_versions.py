"""The lowest versions in pyproject.toml are the ones that `.ci/lowest` runs the fast tests on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

_FLOOR = re.compile(r'^\s+"([A-Za-z0-9-]+)(?:\[[a-z]+\])?>=([0-9.]+)[^"]*"', re.MULTILINE)


def _floors(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, version in _FLOOR.findall(text):
        assert found.setdefault(name, version) == version, f"{name} has two lowest versions"
    return found


def _pinned(root: Path) -> dict[str, str]:
    lines = (root / ".ci/lowest.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_what_is_tested_is_what_is_stated(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    floors, pinned = _floors(text), _pinned(root)
    needed = _floors(text.partition("dependencies = [")[2].partition("\n]")[0])
    assert len(needed) == 7
    assert set(needed) <= set(pinned)
    assert set(pinned) - set(floors) == {"click"}  # what Typer brings
    del pinned["click"]
    for name, version in pinned.items():
        # "0.40" may be pinned as 0.40.0 or, where only that was published, as 0.40.0.0.post93
        assert re.fullmatch(rf"{re.escape(floors[name])}(\.0)*(\.post\d+)?", version), name


def test_nothing_old_enough_is_said_and_is_no_failure(root: Path, tmp_path: Path) -> None:
    """Exit code 77, which `.ci/run` lists as skipped."""
    for tool in ("dirname", "bash"):
        (tmp_path / tool).symlink_to(next(p for p in (Path("/usr/bin", tool), Path("/bin", tool)) if p.exists()))
    done = subprocess.run(
        [str(tmp_path / "bash"), str(root / ".ci/lowest")],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "LOWEST_PYTHON": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (77, "")
    assert done.stdout.startswith("SKIPPED lowest versions: needs Python 3.10")


@pytest.mark.skipif(os.name != "posix", reason="the gate is a shell script")
def test_the_gate_runs_it(root: Path) -> None:
    assert 'step "fast tests on the lowest versions" .ci/lowest' in (root / ".ci/run").read_text(encoding="utf-8")
    assert os.access(root / ".ci/lowest", os.X_OK)
