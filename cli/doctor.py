"""threshc doctor"""

from __future__ import annotations

from typing import Annotated

import typer

from threshc.cli import options as o


def doctor(
    warm: Annotated[
        bool, typer.Option("--warm", help="Compile the simulator's machine code now, all of it, once per machine.")
    ] = False,
    quiet: o.Quiet = False,
) -> None:
    """Show what threshc finds on this machine, and what to do about what is missing.

    [dim]threshc doctor[/]
    [dim]threshc doctor --warm[/]   later simulations start at once
    """
    from threshc.cli.progress import steps
    from threshc.cli.tables import print_table
    from threshc.tasks.doctor import doctor as findings
    from threshc.tasks.warm import warm as compile_all

    if warm:
        with steps(quiet) as progress:
            made = compile_all(progress)
        print(f"machine code: {made} pieces compiled" if made else "machine code: all was there")
    rows = [(f.subject, f.state, f.hint) for f in findings()]
    print_table("this machine", ("what", "found", "what to do"), rows, "lll")
