"""Output folders that appear whole or not at all, and never take the place of what somebody else made."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from threshc.compiler.diagnostics import fail
from threshc.compiler.files import draft_beside

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

REPORT = "report.json"
"""Lists the files of a folder; it is written last, and its presence says that threshc made the folder."""


@contextmanager
def output_folder(out_dir: str | os.PathLike[str], *, force: bool = False) -> Iterator[Path]:
    """A temporary folder beside `out_dir` that takes its place when the block ends, and vanishes when it raises.

    A folder that threshc made is replaced. Where `out_dir` holds anything else, CompileError is raised before anything
    is done; with `force` the new files are put beside what is there. Nothing foreign is ever deleted.
    """
    goal = Path(os.path.abspath(out_dir))
    try:
        foreign = _foreign(goal)
        if foreign and not force:
            raise fail(
                f"the output folder holds files that threshc did not write: {_some(foreign)}",
                where=str(out_dir),
                hint="choose another folder with -o, or add --force to write the files beside them",
            )
        made = _make_parents(goal.parent)
    except OSError as error:
        raise _cannot_write(out_dir, error) from None
    try:
        with draft_beside(goal, folder=True) as draft:
            yield draft
            try:
                _deliver(draft, goal, merge=bool(foreign))
            except OSError as error:
                raise _cannot_write(out_dir, error) from None
    except BaseException as error:
        _remove_empty(made)
        ours = str(goal.with_name(f".{goal.name}."))
        if isinstance(error, OSError) and (error.errno in _FULL or str(error.filename).startswith(ours)):
            raise _cannot_write(out_dir, error) from None
        raise


def _cannot_write(out_dir: str | os.PathLike[str], error: OSError) -> Exception:
    return fail("the output folder cannot be written", where=str(out_dir), why=error.strerror or str(error))


def _listed(goal: Path) -> set[str]:
    """The files that the report in a folder claims for threshc; empty where there is none."""
    try:
        report = json.loads((goal / REPORT).read_text(encoding="utf-8"))
        files = report["files"] if report["made_by"].startswith("threshc ") else []
        return {REPORT, *(name for name in files if isinstance(name, str) and name == os.path.basename(name))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _foreign(goal: Path) -> list[str]:
    if goal.is_symlink() or (goal.exists() and not goal.is_dir()):
        why = "a file or a link has that name"
        raise fail(
            "the output folder is something else", where=str(goal), why=why, hint="choose another folder with -o"
        )
    return sorted(set(os.listdir(goal)) - _listed(goal)) if goal.exists() else []


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _make_parents(folder: Path) -> list[Path]:
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _deliver(draft: Path, goal: Path, *, merge: bool) -> None:
    if merge:
        for stale in _listed(goal) - set(os.listdir(draft)):
            (goal / stale).unlink(missing_ok=True)
        for name in sorted(os.listdir(draft), key=lambda name: name == REPORT):
            os.replace(draft / name, goal / name)
        draft.rmdir()
        return
    if not goal.exists():
        os.rename(draft, goal)
        return
    old = draft.with_suffix(".old")
    os.rename(goal, old)
    try:
        os.rename(draft, goal)
    except OSError:
        os.rename(old, goal)
        raise
    shutil.rmtree(old, ignore_errors=True)
