"""Compiled simulators, kept between runs in the user's cache folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_KEEP = 64  # files; the ones used least recently go


def cache_folder() -> Path:
    """This user's folder for compiled simulators (made on demand, readable by nobody else)."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    folder = base / "threshc" / "rtl"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:  # no home, or a read-only one: keep for this boot only
        folder = Path(tempfile.gettempdir()) / f"threshc-cache-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def cached_file(name: str, make: Callable[[Path], None]) -> Path:
    """The cached file of that name, made by `make(path)` if it is not there. Several processes may make it at once."""
    folder = cache_folder()
    wanted = folder / name
    if wanted.exists():
        os.utime(wanted)
        return wanted
    with tempfile.TemporaryDirectory(dir=folder, prefix="making-") as scratch:
        made = Path(scratch) / name
        make(made)
        os.replace(made, wanted)
    _prune(folder)
    return wanted


def _prune(folder: Path) -> None:
    files = sorted((p for p in folder.iterdir() if p.is_file()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in files[_KEEP:]:
        old.unlink(missing_ok=True)
