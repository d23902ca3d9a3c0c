"""A folder's report as a page to look at, and several folders side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail
from threshc.compiler.files import check_goal, write_whole
from threshc.tasks.folder import PAGE

if TYPE_CHECKING:
    from threshc.tasks.html.comparison import Row


def html_report(folder: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Writes the page of a folder that `compile` or `build` made; returns where it is.

    out: an .html file, FOLDER/report.html if None. The page is one file, needs no network, and adapts to light and
    dark. Raises CompileError where the folder is none of threshc's, without matplotlib (extra `report`), and where the
    file cannot be written.
    """
    from threshc.tasks.html.folder import read_folder
    from threshc.tasks.html.page import report_page

    stated = None if out is None else _html(Path(out))
    read = read_folder(Path(folder))
    return _written(stated or Path(folder) / PAGE, report_page(read))


def compare_folders(
    folders: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str] | None = None
) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Returns the names of two folders or more, and every figure of theirs side by side; writes the page if `out` names
    one. Raises CompileError as `html_report` does."""
    from threshc.tasks.html.comparison import comparison_page, rows, titles
    from threshc.tasks.html.folder import read_folder

    if len(folders) < 2:
        where = ", ".join(map(str, folders))
        raise fail("one folder is compared with nothing", where=where, hint="name two folders or more")
    goal = None if out is None else _html(Path(out))
    read = [read_folder(Path(folder)) for folder in folders]
    if goal is not None:
        _written(goal, comparison_page(read))
    return tuple(titles(read)), tuple(rows(read))


def _html(path: Path) -> Path:
    if path.suffix.lower() not in (".html", ".htm"):
        raise fail("the page is HTML", where=str(path), hint="a file name that ends in .html")
    check_goal(path)
    return path


def _written(path: Path, text: str) -> Path:
    write_whole(path, lambda file: file.write(text.encode()))
    return path
