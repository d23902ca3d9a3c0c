"""The options of a trainer's command: those of its estimators, and those of data and results that all have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.training_forms import FORMS, shown
from threshc.train.registry import help_of
from threshc.train.signature import Help, Trainer, parameters

Model = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="The .onnx to write, whole or not at all.",
        callback=o.goal_named(".onnx"),
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="The labels' column. Default: target, class, label, y, the last."),
]
TestData = Annotated[Path | None, typer.Option("--test-data", metavar="FILE", help="Samples to test with, as --data.")]
TestLabels = Annotated[Path | None, typer.Option("--test-labels", metavar="FILE", help="Labels of --test-data.")]
Regression = Annotated[
    bool, typer.Option("--regression/--classification", help="Real targets; the circuit's outputs are integer scores.")
]
Prices = Annotated[
    str | None,
    typer.Option("--path", metavar="L,L,..", help="Several --lam, one begun with the weights of the one before."),
]
Lose = Annotated[
    float,
    typer.Option("--lose", metavar="POINTS", min=0, help="--path: the sparsest within these of the best is written."),
]
Test = Annotated[
    float, typer.Option("--test", metavar="SHARE", min=0, max=0.9, help="Hold this share back, for a test accuracy.")
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw the training curve: .png, .svg, .pdf.",
        callback=o.goal_named(".png", ".svg", ".pdf"),
    ),
]


@dataclass(frozen=True, slots=True)
class TrainerOption:
    """An option of a command. name: without the dashes. parameter: of the estimators in `takers`, of type annotation.
    default: the estimators'."""

    name: str
    parameter: str
    annotation: str
    default: Any
    help: Help
    takers: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name as Python has it."""
        return self.name.replace("-", "_")

    @property
    def shown(self) -> Any:
        """The default on the command line."""
        return None if self.help.turns_on else shown(self.default)

    def flag(self, value: Any) -> str:
        """Returns the text on the command line for a value; of switches, there are two."""
        return f"--{self.help.off or 'no-' + self.name}" if value is False else f"--{self.name}"

    def typed(self) -> Parameter:
        """Returns the option as an argument of a function that Typer takes."""
        help, kind = self.help, FORMS[self.annotation].type
        names = self.flag(True) + (f"/{self.flag(False)}" if kind is bool else "")
        extra: dict[str, Any] = {"metavar": help.metavar} if help.metavar else {}
        if FORMS[self.annotation].file:
            extra["callback"] = o.goal
        option = typer.Option(names, help=help.text, min=help.least, max=help.most, **extra)
        return _argument(self.key, Annotated[kind | None if help.turns_on else kind, option], self.shown)


def options(trainers: Sequence[Trainer]) -> tuple[TrainerOption, ...]:
    """Returns the options of the estimators of one command, in the order of their signatures."""
    found: dict[str, TrainerOption] = {}
    for trainer in trainers:
        for name, annotation, default in parameters(trainer):
            help = help_of(trainer.command, name)
            if help is None:
                continue
            takers = (*found[name].takers, trainer.estimator) if name in found else (trainer.estimator,)
            option = (help.name or name).replace("_", "-")
            made = TrainerOption(option, name, annotation, default, help, takers)
            if name in found and (found[name].annotation, found[name].default) != (annotation, default):
                raise AssertionError(f"{name} is not the same to {' and '.join(takers)}, which share a command")
            found[name] = made
    return tuple(found.values())


def arguments(trainers: Sequence[Trainer], own: Iterable[TrainerOption]) -> list[Parameter]:
    """Returns all arguments of the command, in the order of its help."""
    two_sorts, by_path = any(t.regression for t in trainers), any(t.path for t in trainers)
    seed = [option for option in own if option.parameter == "random_state"]
    return [
        _argument("data", o.NeededData, Parameter.empty),
        _argument("out", Model, Parameter.empty),
        _argument("labels", o.Labels, None),
        _argument("target", Target, None),
        _argument("table", o.Table, None),
        _argument("test_data", TestData, None),
        _argument("test_labels", TestLabels, None),
        *([_argument("regression", Regression, False)] if two_sorts else []),
        *(option.typed() for option in own if option not in seed),
        *([_argument("path", Prices, None), _argument("lose", Lose, 1.0)] if by_path else []),
        _argument("test", Test, 0.0),
        *(option.typed() for option in seed),
        _argument("plot", Plot, None),
        _argument("quiet", o.Quiet, False),
    ]


def values(own: Iterable[TrainerOption], given: Mapping[str, Any], trainer: Trainer) -> dict[str, Any]:
    """Returns the estimator's arguments, made from the command's.

    Raises CompileError for texts that do not stand for such values, and for options that would have no effect.
    """
    from threshc.compiler.diagnostics import fail

    made: dict[str, Any] = {}
    for option in own:
        value, form = given[option.key], FORMS[option.annotation]
        flag, taken = option.flag(value), trainer.estimator in option.takers
        if value != option.shown:
            needed = option.help.needs
            if needed and not given[needed]:
                raise fail(f"{flag} has no effect without --{needed}", where=flag, hint=f"--{needed}, or omit {flag}")
            if not taken:
                other = "with" if trainer.regression else "without"
                raise fail(f"{flag} has no effect {other} --regression", where=flag, hint=f"omit {flag}")
        if not taken or (option.help.turns_on and value is None):
            continue
        made[option.parameter] = form.read(value, flag) if form.read is not None and value is not None else value
        if option.help.turns_on:
            made[option.help.turns_on] = True
    return made


def _argument(name: str, kind: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=default)
