"""`threshc train`: one command for each command name in `threshc.train.registry`, made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Signature
from typing import Any

import typer
from typer.core import TyperGroup

from threshc.train.registry import TRAINERS
from threshc.train.signature import Trainer

_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


def commands() -> dict[str, tuple[Trainer, ...]]:
    """Returns the trainers of every command: one, or one for classes and one for real targets."""
    names = dict.fromkeys(trainer.command for trainer in TRAINERS if trainer.command)
    return {name: tuple(trainer for trainer in TRAINERS if trainer.command == name) for name in names}


class Commands(TyperGroup):
    """The group, which reads the signature of a trainer when its command is wanted and not before."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names of the commands, in the order of the registry."""
        return list(commands())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Returns the command of that name, None where there is none."""
        found = commands().get(cmd_name)
        return None if found is None else _command(cmd_name, found)


train = typer.Typer(
    cls=Commands,
    name="train",
    no_args_is_help=True,
    help="Train threshold networks whose ONNX gives their labels exactly, after compilation too.",
    context_settings=_HELP_NAMES,
)


@train.callback()
def _train() -> None:
    """Typer takes no group without a command or a callback."""


def _command(name: str, trainers: Sequence[Trainer]) -> Any:
    from threshc.cli.training_options import arguments, options

    own = options(trainers)

    def run(**given: Any) -> None:
        from threshc.cli.training_run import run

        run(trainers, own, given)

    signature = Signature(arguments(trainers, own))
    vars(run)["__signature__"] = signature
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    shown = " ".join(f"--{option} {value}" for option, value in trainers[0].example.items())
    example = f"[dim]threshc train {name} --data table.csv --out model.onnx {shown}[/]"
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command(name, help=f"{trainers[0].summary}\n\n{example}", context_settings=_HELP_NAMES)(run)
    return typer.main.get_command(alone)
