"""Output folders that appear whole or not at all, and never take the place of what somebody else made."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from threshc.compiler.bounded import read_json
from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.files import draft_beside
from threshc.compiler.scratch import FULL

REPORT = "report.json"
"""Lists the files of a folder; it is written last, and its presence says that threshc made the folder."""

PAGE = "report.html"
"""The page that `threshc report` writes of a folder into it."""

INNER = ("project",)
"""Folders within an output folder: the files in them have names with a slash and are looked at one by one."""


@contextmanager
def output_folder(out_dir: str | os.PathLike[str], *, force: bool = False) -> Iterator[Path]:
    """Yields a temporary folder beside `out_dir` that takes its place when the block ends, and vanishes when it raises.

    The files that threshc made in a folder are replaced. Where `out_dir` holds anything else, CompileError is raised
    before anything is done; with `force` the new files are put beside what is there. What somebody puts there meanwhile
    stays; where it has the name of a new file, CompileError is raised. Nothing foreign is ever deleted or moved.
    """
    goal = Path(os.path.abspath(out_dir))
    try:
        foreign = _foreign(goal)
        known = _facts(goal, (*foreign, *_listed(goal)) if force else _listed(goal))
        if foreign and not force:
            raise fail(
                f"the output folder holds files that threshc did not write: {_some(foreign)}",
                where=str(out_dir),
                hint=f"choose another folder, or add {option('force', True)} to write the files beside them",
            )
        made = _make_parents(goal.parent)
    except OSError as error:
        raise _cannot_write(out_dir, error) from None
    try:
        with draft_beside(goal, folder=True) as draft:
            try:
                yield draft
            except CompileError as error:
                error.rename(str(draft), str(out_dir))
                raise
            try:
                _deliver(draft, goal, known, _listed(goal))
            except OSError as error:
                raise _cannot_write(out_dir, error) from None
    except BaseException as error:
        _remove_empty(made)
        ours = str(goal.with_name(f".{goal.name}."))
        if isinstance(error, OSError) and (error.errno in FULL or str(error.filename).startswith(ours)):
            raise _cannot_write(out_dir, error) from None
        raise


def _cannot_write(out_dir: str | os.PathLike[str], error: OSError) -> Exception:
    return fail("the output folder cannot be written", where=str(out_dir), why=error.strerror or str(error))


def report_of(folder: Path) -> dict[str, Any]:
    """Returns what the report in a folder holds. Raises CompileError where there is none that is a JSON object."""
    path = folder / REPORT
    report = read_json(path, "folder's report")
    if not isinstance(report, dict):
        raise fail("the folder's report cannot be read", where=str(path), why="it is not a JSON object")
    return report


def _listed(goal: Path) -> set[str]:
    """The files that the report in a folder claims for threshc; empty where there is none."""
    try:
        report = report_of(goal)
        files = report["files"] + report.get("makes", []) if report["made_by"].startswith("threshc ") else []
        return {REPORT, PAGE, *(name for name in files if isinstance(name, str) and _is_inside(name))}
    except (CompileError, KeyError, TypeError, AttributeError):
        return set()


def _is_inside(name: str) -> bool:
    """Whether a name is that of a file in an output folder or in one of its inner folders."""
    inner, slash, file = name.rpartition("/")
    return (inner in INNER if slash else True) and file == os.path.basename(file) and file not in ("", ".", "..")


def names_in(folder: Path) -> set[str]:
    """Returns the names of what is in an output folder; for an inner folder those of what is in it. Raises OSError."""
    found = set(os.listdir(folder))
    for inner in INNER:
        if inner in found and _is_folder(folder / inner):
            found.discard(inner)
            found |= {f"{inner}/{name}" for name in os.listdir(folder / inner)}
    return found


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _foreign(goal: Path) -> list[str]:
    if goal.is_symlink() or (goal.exists() and not goal.is_dir()):
        why = "a file or a link has that name"
        raise fail("the output folder is something else", where=str(goal), why=why, hint="choose another folder")
    return sorted(names_in(goal) - _listed(goal)) if goal.exists() else []


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


Facts = dict[str, tuple[int, ...]]


def _facts(folder: Path, names: Iterable[str]) -> Facts:
    """What tells whether the files of those names are still the same ones. Folders are nobody's but their user's."""
    found: Facts = {}
    for name in names:
        with suppress(OSError):
            facts = os.lstat(folder / name)
            if stat.S_ISDIR(facts.st_mode):
                continue
            found[name] = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return found


def _deliver(draft: Path, goal: Path, known: Facts, listed: set[str]) -> None:
    """Move what is in the draft to its goal, and remove what threshc left there before: all of it, or nothing.

    known: what may be replaced, as it was at the start; listed: the names that are removed even where nothing replaces
    them. A file that has changed since is somebody else's.
    """
    try:
        os.rename(draft, goal)  # where nothing is there, or an empty folder
        return
    except OSError:
        _foreign(goal)  # raises CompileError where it has become something else
        if not goal.exists():
            raise
    new = sorted(names_in(draft), key=lambda name: name == REPORT)
    now = _facts(goal, names_in(goal))
    inner = {name.partition("/")[0] for name in new if "/" in name}
    _refuse_changed(goal, (name for name in inner if os.path.lexists(goal / name) and not _is_folder(goal / name)))
    _refuse_changed(goal, (name for name in new if name in now and now[name] != known.get(name)))
    gone = [name for name in now if now[name] == known.get(name) and (name in new or name in listed)]
    done: list[tuple[Path, Path]] = []
    fresh = [goal / name for name in inner if not (goal / name).exists()]
    with draft_beside(goal, folder=True) as old:
        try:
            for path in (*fresh, *(old / name for name in INNER)):
                path.mkdir()
            for name in sorted(gone, key=lambda name: name != REPORT):
                done.append((goal / name, old / name))
                os.rename(*done[-1])
                _refuse_changed(goal, () if _facts(old, [name]) == {name: known[name]} else [name])
            for name in new:
                done.append((draft / name, goal / name))
                _move(*done[-1])
        except BaseException:
            for source, target in reversed(done):
                if not os.path.lexists(source):  # the last one may not have been moved
                    _move(target, source)
            _remove_empty(fresh)
            raise
    for name in {name.partition("/")[0] for name in gone if "/" in name} - inner:
        _remove_empty([goal / name])


def _move(source: Path, target: Path) -> None:
    """A file under another name, which must be free."""
    try:
        os.link(source, target)
    except FileExistsError:
        _refuse_changed(target.parent, [target.name])
    except OSError:  # a file system without links
        os.rename(source, target)
    else:
        os.unlink(source)


def _refuse_changed(goal: Path, names: Iterable[str]) -> None:
    found = sorted(names)
    if found:
        raise fail(
            f"other files came into the output folder while the command ran: {_some(found)}",
            where=str(goal),
            why="threshc did not write them, and its own would take their place",
            hint="move them elsewhere and run it again, or choose another folder",
        )
