"""threshc compare"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folders = Annotated[list[Path], typer.Argument(metavar="FOLDER FOLDER..", help="Folders that compile or build made.")]


def compare(
    folders: Folders,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A page of it too, HTML with pictures.")
    ] = None,
) -> None:
    """Put the figures of several circuits side by side, and how many times the first one's each is.

    [dim]threshc compare small fast[/]
    [dim]threshc compare small fast folded -o compare.html[/]
    """
    from threshc.cli.tables import print_table
    from threshc.compiler.diagnostics import visible
    from threshc.tasks.html_report import compare_folders

    names, rows = compare_folders(folders, out)
    head = ("figure", *names, "source")
    print_table("", head, [(r.name, *r.cells, r.source) for r in rows], "l" + "r" * len(names) + "l")
    if out is not None:
        print(visible(str(out)))
