"""Files that are written whole or not at all, by way of a draft beside the goal that takes its place at the end.

A draft `.NAME.xxxxxxxx.partial` is locked (flock) by the process that writes it for as long as that process lives, so
that the next one that writes into the folder can tell the drafts of the dead, and removes them: whatever ended the
process, and whoever has its number now.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from threshc.compiler.diagnostics import fail

_LOCKS = os.name == "posix"
"""Whether files can be locked; elsewhere (Windows) drafts of the dead stay."""
if _LOCKS:
    import fcntl

announce: Callable[[Path], None] | None = None
"""Is told every folder in which a draft is made, where somebody wants to clean up after this process."""

_TRIES = 100
"""How many drafts are made at most until nobody else holds one."""
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}\.partial(\.\w+)?")


def write_whole(path: str | os.PathLike[str], content: bytes | str | Callable[[IO[bytes]], object]) -> None:
    """Writes a file, whole or not at all.

    content: the bytes, the text (as UTF-8), or a function that writes into the binary file that it is given. Raises
    CompileError when the file cannot be written.
    """
    with draft(path) as partial, open(partial, "wb") as file:
        if callable(content):
            content(file)
        else:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> None:
    """Writes files into an existing folder by their names, each whole or not at all, in their order.

    Raises CompileError when one cannot be written.
    """
    for name, content in files.items():
        write_whole(folder / name, content)


def check_goal(path: str | os.PathLike[str]) -> None:
    """Raises CompileError where a file could not be written, so that nobody works for hours first: its folder is not
    there or closed, a folder has its name, or the name is too long. Makes nothing."""
    goal = Path(os.path.realpath(path))
    why, hint = "", "name another file"
    try:
        if goal.is_dir():
            why = "a folder has that name"
        elif not os.path.exists(goal):
            os.stat(goal.parent)
            with suppress(FileNotFoundError):
                os.lstat(goal.with_name(f".{goal.name}.{'0' * 8}.partial"))  # says that a name is too long
            if not os.access(goal.parent, os.W_OK | os.X_OK):
                why = f"nothing may be made in {goal.parent}"
        elif not os.access(goal if not goal.is_file() else goal.parent, os.W_OK):
            why = "it may not be written"
    except FileNotFoundError:
        why, hint = f"there is no folder {goal.parent}", "make the folder first"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    if why:
        raise fail("the file cannot be written", where=str(path), why=why, hint=hint)


@contextmanager
def draft(path: str | os.PathLike[str], suffix: str = "") -> Iterator[Path]:
    """Yields the path of a draft, already there and empty, that takes the place of `path` at the end; none is left
    otherwise.

    suffix: what the draft's name must end with, for writers that go by it (".png"). What is neither a file nor absent
    (/dev/null, a pipe) is written in place. Raises CompileError when the file cannot be written.
    """
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            yield Path(path)
            return
        goal = Path(os.path.realpath(path))
        with draft_beside(goal, suffix) as partial:
            yield partial
            os.replace(partial, goal)
    except OSError as error:
        raise fail("the file cannot be written", where=str(path), why=error.strerror or str(error)) from None


@contextmanager
def draft_beside(goal: Path, suffix: str = "", *, folder: bool = False, private: bool = False) -> Iterator[Path]:
    """Yields a new draft, file or folder, beside the goal, marked as one whose owner lives. What is left of it at the
    end is removed. private: for this user alone. Raises OSError. Drafts of the dead in the same place are removed
    first."""
    remove_dead_drafts(goal.parent)
    if announce is not None:
        announce(goal.parent)
    partial, lock = _locked(goal, suffix, folder, private)
    try:
        yield partial
    finally:
        if folder:
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _locked(goal: Path, suffix: str, folder: bool, private: bool) -> tuple[Path, int | None]:
    for _ in range(_TRIES):
        partial = goal.with_name(f".{goal.name}.{os.urandom(4).hex()}.partial{suffix}")
        if folder:
            partial.mkdir(0o700 if private else 0o777)
        else:
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666))
        if not _LOCKS:
            return partial, None
        try:
            lock = os.open(partial, os.O_RDONLY)
        except FileNotFoundError:
            continue  # between the two lines somebody took it for one of the dead
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody holds it: who takes it for one of the dead, or who wants us to wait
            os.close(lock)
            _remove(partial, folder)
            continue
        except OSError:  # a file system without locks: nobody can take drafts for dead there
            pass
        if partial.exists():
            return partial, lock
        os.close(lock)

    raise BlockingIOError(errno.EWOULDBLOCK, "others lock every draft that is made there", str(goal.parent))


def _remove(draft: Path, folder: bool) -> None:
    with suppress(OSError):
        draft.rmdir() if folder else draft.unlink()


def remove_dead_drafts(folder: Path) -> None:
    """Removes the drafts in a folder, files and folders of this user, whose owners are dead."""
    if not _LOCKS:
        return
    try:
        names = [entry.name for entry in os.scandir(folder) if _DRAFT.fullmatch(entry.name)]
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            _remove_if_dead(folder / name)


def _remove_if_dead(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if facts.st_uid != os.getuid() or not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises OSError while the owner lives
        if stat.S_ISDIR(facts.st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    finally:
        os.close(descriptor)
