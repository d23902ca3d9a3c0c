"""The user's cache: machine code, compiled simulators, networks that the front end has made.

One folder, THRESHC_CACHE or the system's usual place, with a folder per kind of entry below. What another user could
have written is never read, run or mapped (threshc.compiler.trust); without a trusted folder nothing is kept, and
everything is made again. An entry is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from threshc.compiler import trust

KEPT = 64
"""Entries of a kind; the ones used least recently go."""
_ABANDONED = 24 * 3600  # seconds after which a draft has no writer any more


def place() -> Path | None:
    """Returns the cache folder: THRESHC_CACHE, else the system's usual place; None where this user has no home."""
    stated = os.environ.get("THRESHC_CACHE")
    if stated:
        return Path(os.path.abspath(stated))
    base = user_caches()
    return None if base is None else base / "threshc"


def user_caches() -> Path | None:
    """Returns where the system wants caches of this user: XDG_CACHE_HOME or ~/.cache, ~/Library/Caches, or
    LOCALAPPDATA."""
    home = Path(os.path.expanduser("~"))  # stays as it is where there is no home
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        stated = Path(os.environ.get("XDG_CACHE_HOME") or "")
        base = stated if stated.is_absolute() else home / ".cache"  # relative ones do not count, by the XDG rules
    return base if base.is_absolute() else None


def path(kind: str, name: str) -> Path:
    """Returns where an entry that is there lies: to say so, or to run it."""
    base = place()
    assert base is not None, "an entry is there"
    return base / kind / name


def opened(kind: str, name: str) -> BinaryIO | None:
    """Returns an entry, open for reading, that nobody but this user can have written; None where there is none."""
    try:
        with _folder(kind, make=False) as folder:
            return folder.open(name)
    except OSError:
        return None


def read(kind: str, name: str) -> bytes | None:
    """Returns the bytes of an entry that nobody but this user can have written; None where there is none."""
    file = opened(kind, name)
    if file is None:
        return None
    try:
        with file:
            return file.read()
    except OSError:
        return None


def write(kind: str, name: str, data: bytes, *, program: bool = False) -> bool:
    """Keeps an entry for this user alone, and remove the entries of its kind beyond KEPT.

    program: the entry can be run. False where it cannot be kept.
    """
    try:
        with _folder(kind, make=True) as folder:
            folder.write(name, data, 0o700 if program else 0o600)
            folder.prune(KEPT)
    except OSError:
        return False
    return True


@contextmanager
def alone(kind: str, name: str) -> Iterator[None]:
    """Is held by one process at a time, so that one makes the entry; all hold it where nothing is kept."""
    with contextlib.ExitStack() as stack:
        try:
            import fcntl

            folder = stack.enter_context(_folder(kind, make=True))
            fcntl.flock(stack.enter_context(folder.lock(name)), fcntl.LOCK_EX)
        except (OSError, ImportError):
            pass
        yield


@contextmanager
def _folder(kind: str, *, make: bool) -> Iterator[_Folder]:
    base = place()
    if base is None:
        raise FileNotFoundError("this user has no home")
    if not trust.OWNERS:
        if make:
            (base / kind).mkdir(parents=True, exist_ok=True)
        yield _Folder(base / kind, None)
        return
    descriptor = trust.open_folder(base / kind, make=make)
    try:
        yield _Folder(base / kind, descriptor)
    finally:
        os.close(descriptor)


class _Folder:
    """An open folder of entries; where the system cannot open below a folder, its path."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path, self._at = path, descriptor

    def open(self, name: str) -> BinaryIO:
        if self._at is None:
            return open(self._path / name, "rb")
        file = os.fdopen(trust.open_file(name, self._at), "rb")
        with contextlib.suppress(OSError):  # the time of last use
            os.utime(file.fileno() if os.utime in os.supports_fd else self._path / name)
        return file

    def lock(self, name: str) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(f".{name}.lock", flags, 0o600, dir_fd=self._at), "rb")

    def write(self, name: str, data: bytes, mode: int) -> None:
        draft = f".{name}.{os.getpid()}-{secrets.token_hex(4)}.partial"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.open(self._name(draft), flags, mode, dir_fd=self._at)
        try:
            with os.fdopen(file, "wb") as out:
                out.write(data)
            os.replace(self._name(draft), self._name(name), src_dir_fd=self._at, dst_dir_fd=self._at)
        except BaseException:
            self._remove(draft)
            raise

    def prune(self, keep: int) -> None:
        """Remove drafts that nobody writes any more, and all entries but the `keep` used last."""
        entries = []
        folder = self._path if self._at is None else os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._at)
        try:
            with os.scandir(folder) as found:
                facts = [(f.stat(follow_symlinks=False).st_mtime, f.name) for f in found if not f.is_dir()]
        finally:
            if isinstance(folder, int):
                os.close(folder)
        for used, name in facts:
            if not name.startswith("."):
                entries.append((used, name))
            elif name.endswith(".partial") and used < time.time() - _ABANDONED:
                self._remove(name)
        for _, name in sorted(entries, reverse=True)[keep:]:
            self._remove(name)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._name(name), dir_fd=self._at)

    def _name(self, name: str) -> str:
        return name if self._at is not None else str(self._path / name)
