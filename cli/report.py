"""threshc report"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that compile or build made.")]


def report(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The page; FOLDER/report.html by default.")
    ] = None,
) -> None:
    """Draw a folder's report: one HTML file with the network, where LUTs, memory and time go, histograms, floor plan.

    It opens from disk, needs no network, and is light or dark as the browser is.

    [dim]threshc report out[/]
    [dim]threshc report out -o digits.html[/]
    """
    from threshc.compiler.diagnostics import visible
    from threshc.tasks.html_report import html_report

    print(visible(str(html_report(folder, out))))
