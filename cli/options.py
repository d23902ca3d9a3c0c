"""The arguments that commands share, each with its one help text."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from typer.core import TyperCommand

T = TypeVar("T")


class ScoresKind(str, Enum):
    """What `--scores` asks for; without a word after it, `order`."""

    order = "order"
    exact = "exact"


class Command(TyperCommand):
    """A command whose `--scores` may stand without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, `--scores` alone as `--scores=order`."""
        end = args.index("--") if "--" in args else len(args)
        for k in range(end):
            if args[k] == "--scores" and (k + 1 == len(args) or args[k + 1] not in [kind.value for kind in ScoresKind]):
                args[k] = f"--scores={ScoresKind.order.value}"
        return super().parse_args(ctx, args)


def wants_exact(scores: ScoresKind | None) -> bool:
    """`--scores` of commands that make no circuit, where the word `exact` alone has a meaning."""
    if scores is ScoresKind.order:
        raise typer.BadParameter("say --scores exact: the order of the scores is kept anyway")
    return scores is ScoresKind.exact


def circuit_scores(scores: ScoresKind | None) -> bool | Literal["exact"]:
    """`--scores` as the functions of `threshc` take it."""
    return "exact" if scores is ScoresKind.exact else scores is not None


def goal(value: T) -> T:
    """The callback of options that name files to be written: says at once where that cannot be done."""
    from threshc.compiler.files import check_goal

    for path in value if isinstance(value, list) else [value]:
        if isinstance(path, Path):
            check_goal(path)
    return value


def goal_named(*endings: str) -> Callable[[T], T]:
    """The callback of options that name a file of one kind: the name must say the kind, or be that of a device."""

    def check(value: T) -> T:
        from threshc.compiler.diagnostics import fail

        goal(value)
        if isinstance(value, Path) and not value.name.lower().endswith(endings) and not _is_special(value):
            raise fail(
                "the file's name says another kind than is written",
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
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="ENC",
        help="How integers encode the model's real inputs: bit, bipolar, uint8, uint8/255, (uint8/255-0.13)/0.31, ... "
        "Needed only where the model does not compare its inputs itself.",
    ),
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
Neuron = Annotated[
    str,
    typer.Option(
        "--neuron", metavar="NAME", help="Circuit of the neurons: auto, pairs, counters, table, tree, compressor, ..."
    ),
]
Pipeline = Annotated[
    str,
    typer.Option(
        "--pipeline", metavar="none|layer|N", help="Registers: at the output, behind every layer, or every N levels."
    ),
]
BuildPipeline = Annotated[
    str,
    typer.Option(
        "--pipeline",
        metavar="auto|none|layer|N",
        help="Registers: at the output, behind every layer, or every N levels; auto: every 12 on boards, else layer.",
    ),
]
Effort = Annotated[
    int,
    typer.Option(
        "--effort", metavar="1..100", help="How long to search for a smaller circuit; the time grows with it."
    ),
]
DontCare = Annotated[
    bool,
    typer.Option(
        "--dont-care", help="Make tables smaller where patterns of their inputs never occur; proved by `prove`."
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
Scores = Annotated[
    ScoresKind | None,
    typer.Option(
        "--scores",
        metavar="[exact]",
        help="Put out the scores of all classes beside the class; exact: their differences are the model's, not "
        "their order alone.",
    ),
]
ExactScores = Annotated[
    ScoresKind | None,
    typer.Option("--scores", metavar="exact", help="Keep the model's differences of scores, not their order alone."),
]
Samples = Annotated[
    int, typer.Option("--samples", metavar="N", min=1, help="Random samples to simulate where no --data is given.")
]
Simulator = Annotated[
    str, typer.Option("--simulator", metavar="NAME", help="For the Verilog: auto, verilator, icarus or amaranth.")
]
WeightBits = Annotated[
    str | None,
    typer.Option(
        "--weight-bits",
        metavar="min|N",
        help="min: the smallest integer weights, proved equal on all inputs. N: round to N bits, the change measured.",
    ),
]
SnapWeights = Annotated[
    int | None,
    typer.Option(
        "--snap-weights",
        metavar="ULP",
        min=1,
        help="Move weights by up to ULP float32 ulp where that makes them small multiples of one size; what it changes "
        "is said, and compared with the float model.",
    ),
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
    """The folder that was asked for, else one in the current folder that is named after the model."""
    return out if out is not None else Path(f"{Path(model).name.split('.')[0] or 'model'}-threshc")
