"""Files and folders that nobody but this user (and root) can have written.

A folder is opened from the root of the file system down, one name at a time, and each one is checked when it is open:
it belongs to this user or to root, and nobody else can write to it. A folder with the sticky bit (`/tmp`) may stand on
the way: nobody can rename what another one owns in it. Links must belong to the same two. Everything that follows is
done below the open folder, so what was checked is what is used.

Where the system has no owners (Windows) every folder counts as the user's own: the profile is closed to others there.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

OWNERS = os.name == "posix" and os.open in os.supports_dir_fd
"""Whether files have owners and modes here, and can be opened below an open folder."""

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LINKS = 40  # followed at most, as Linux does
_FOLDER = (
    os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY) if OWNERS else 0
)  # O_PATH: a folder that may be passed through need not be readable


class Distrust(OSError):
    """Somebody else can have written a file or a folder."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(errno.EPERM, why, str(path))


def open_folder(path: Path, *, make: bool = False) -> int:
    """Opens a folder that only this user can write to; the caller closes the descriptor.

    make: create it, and what is missing above it, for this user alone. Raises OSError where it is not there or cannot
    be made, and Distrust where another user could have written it. Needs OWNERS.
    """
    shown = os.path.abspath(path)
    left = _names(shown)
    here, links = os.open("/", _FOLDER), 0
    try:
        _check_folder(here, "/")
        while left:
            name = left.pop()
            try:
                facts = os.stat(name, dir_fd=here, follow_symlinks=False)
            except FileNotFoundError:
                if not make:
                    raise
                try:
                    os.mkdir(name, 0o700, dir_fd=here)
                except FileExistsError:  # another process was quicker; it is checked like any other
                    links += 1
                facts = os.stat(name, dir_fd=here, follow_symlinks=False)
            if stat.S_ISLNK(facts.st_mode):
                links += 1
                if links > _LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), shown)
                if facts.st_uid not in _mine():
                    raise Distrust(shown, f"the link {name} belongs to another user")
                target = os.readlink(name, dir_fd=here)
                left += _names(target)
                step = "/" if os.path.isabs(target) else "."
            else:
                step = name
            below = os.open(step, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
            _check_folder(here, shown)
        if os.fstat(here).st_mode & _OTHERS:
            raise Distrust(shown, "other users can write to it")
    except BaseException:
        os.close(here)
        raise
    return here


def open_file(name: str, folder: int) -> int:
    """Opens a file in an open folder for reading; the caller closes the descriptor.

    Raises OSError where it is not there, and Distrust where it is a link, no plain file, or another user's.
    """
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode):
            raise Distrust(name, "it is not a plain file")
        if facts.st_uid not in _mine() or facts.st_mode & _OTHERS:
            raise Distrust(name, "other users can write it")
    except BaseException:
        os.close(file)
        raise
    return file


def check_tree(path: Path) -> None:
    """Raises Distrust unless this user alone can have written a folder and everything in it; a missing one is fine."""
    if not OWNERS:
        return
    try:
        os.close(open_folder(path))
    except FileNotFoundError:
        return
    for root, folders, files, folder in os.fwalk(path):
        for name in (*folders, *files):
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
            kind = stat.S_ISDIR(facts.st_mode) or stat.S_ISREG(facts.st_mode)
            if not kind or facts.st_uid not in _mine() or facts.st_mode & _OTHERS:
                raise Distrust(os.path.join(root, name), "other users can write it")


def _names(path: str) -> list[str]:
    """The parts of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _mine() -> tuple[int, int]:
    return 0, os.geteuid()


def _check_folder(folder: int, shown: str) -> None:
    facts = os.fstat(folder)
    if facts.st_uid not in _mine():
        raise Distrust(shown, "a folder on the way belongs to another user")
    if facts.st_mode & _OTHERS and not facts.st_mode & stat.S_ISVTX:
        raise Distrust(shown, "other users can write to a folder on the way")
