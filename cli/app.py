"""`threshc`: the commands put together."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from threshc.cli.build import build
from threshc.cli.compare import compare
from threshc.cli.compile import compile
from threshc.cli.doctor import doctor
from threshc.cli.errors import flag
from threshc.cli.fit import fit
from threshc.cli.options import Command
from threshc.cli.partition import partition
from threshc.cli.plan import plan
from threshc.cli.program import program
from threshc.cli.prove import prove
from threshc.cli.report import report
from threshc.cli.run import run
from threshc.cli.show import show
from threshc.cli.sim import sim
from threshc.cli.targets import targets
from threshc.cli.train import train
from threshc.cli.verify import verify
from threshc.compiler.diagnostics import spelled
from threshc.version import __version__


class Threshc(TyperGroup):
    """The program, whose messages write options as flags."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Runs a command line."""
        with spelled(flag):
            return super().main(*args, **kwargs)


app = typer.Typer(
    name="threshc",
    cls=Threshc,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    show,
    sim,
    verify,
    prove,
    compile,
    build,
    fit,
    plan,
    partition,
    report,
    compare,
    program,
    run,
    targets,
    doctor,
):
    app.command(command.__name__, cls=Command)(command)
app.add_typer(train)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"threshc {__version__}")
        raise typer.Exit


@app.callback()
def _threshc(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Trained binary-activation networks, from ONNX to exact thresholds, simulation and hardware.

    [dim]threshc show model.onnx[/]                              what is inside
    [dim]threshc verify model.onnx[/]                            ONNX = thresholds = Verilog
    [dim]threshc build model.onnx --target icebreaker -o out[/]  to a bitstream

    Exit codes: 0 fine, 1 the model, the data or the design is at fault, 2 the command line is, 130 stopped by Ctrl-C,
    143 by SIGTERM.
    """
    from threshc.cli.progress import listen

    listen()
