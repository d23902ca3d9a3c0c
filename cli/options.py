"""The arguments that commands share, each with its one help text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from threshc.cli.chosen import ScoresKind

T = TypeVar("T")


class Command(TyperCommand):
    """A command whose `--scores` may stand without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Returns the arguments, `--scores` alone as `--scores=order`."""
        end = args.index("--") if "--" in args else len(args)
        for k in range(end):
            if args[k] == "--scores" and (k + 1 == len(args) or args[k + 1] not in [kind.value for kind in ScoresKind]):
                args[k] = f"--scores={ScoresKind.order.value}"
        return super().parse_args(ctx, args)


def goal(value: T) -> T:
    """Returns the callback of options that name files to be written: says at once where that cannot be done."""
    from threshc.compiler.files import check_goal

    for path in value if isinstance(value, list) else [value]:
        if isinstance(path, Path):
            check_goal(path)
    return value


def goal_named(*endings: str) -> Callable[[T], T]:
    """Returns the callback of options that name a file of one kind: the name must say the kind, or be that of a
    device."""

    def check(value: T) -> T:
        from threshc.compiler.diagnostics import fail

        goal(value)
        if isinstance(value, Path) and not value.name.lower().endswith(endings) and not _is_special(value):
            raise fail(
                "the file's name does not say what is written",
                where=str(value),
                why=f"{' or '.join(endings)} is written",
                hint=f"name it {value.name.partition('.')[0] or 'NAME'}{endings[0]}",
            )
        return value

    return check


def _is_special(path: Path) -> bool:
    """Whether a path is that of a device or a pipe, whose name says nothing."""
    return path.exists() and not path.is_file()


OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Write the classes, (N,) int64, to a .npy file.",
        callback=goal_named(".npy"),
    ),
]
_DATA = "Samples: .npy, .npz (x, y), idx(.gz), .csv, .tsv (.gz), .parquet, or a folder of images."
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="An .onnx(.gz) or .thresh file, or a folder that threshc made.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on the terminal.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", help=_DATA),
]
NeededData = Annotated[Path, typer.Option("--data", metavar="FILE", help=_DATA)]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", metavar="FILE", help="The right classes, in a file of their own, of the same kinds."),
]
Table = Annotated[
    str | None,
    typer.Option(
        "--table",
        metavar="HOW",
        help="How to read a table: target=NAME, drop=NAME,NAME, decimal=comma, header=no, onehot=NAME:WORD|WORD; "
        "several with ; between.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Use the first N samples only.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="The output folder; it appears whole or not at all. Default: NAME-threshc for a model NAME.onnx.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Processes that work side by side; the circuit is the same for any N. Default: all cores.",
    ),
]
Samples = Annotated[
    int, typer.Option("--samples", metavar="N", min=1, help="Random samples to simulate where no --data is given.")
]
Simulator = Annotated[
    str, typer.Option("--simulator", metavar="NAME", help="For the Verilog: auto, verilator, icarus or amaranth.")
]
VerifyPasses = Annotated[
    bool, typer.Option("--verify-passes", help="Check by evaluation that every pass changes nothing (slow).")
]
PrintIrAfter = Annotated[
    list[str] | None,
    typer.Option("--print-ir-after", metavar="PASS", help="Print the network after a pass (repeatable; or all)."),
]
Large = Annotated[bool, typer.Option("--large", help="Go on with a circuit that may take more memory than there is.")]
Force = Annotated[
    bool, typer.Option("--force", help="Write into a folder that threshc did not make, beside what is there.")
]


def out_folder(out: Path | None, model: str) -> Path:
    """Returns the folder that was asked for, else one in the current folder that is named after the model."""
    return out if out is not None else Path(f"{Path(model).name.split('.')[0] or 'model'}-threshc")
