"""How a model is read and its circuit made, as flags: each stands here once, and in every command that takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from threshc.hdl.options import CircuitOptions
    from threshc.tasks.options import ModelOptions

Function = TypeVar("Function", bound=Callable[..., None])

FOLDS = (
    "Behind PE x SIMD, in this order: :lut, weights in look-up tables, or :spram, in UP5K's SPRAM; :serial, inputs' "
    "bits plane by plane; :rows, a row of weights for each threshold; :b32, a buffer of 32 chunks; :q2, a queue of 2 "
    "answers. In place of PE x SIMD: unrolled, gates of its own; position, one position's gates for all; pool, a "
    "pooling in the stream. At the end @14: 14 features in a beat."
)
"""What a text of `--fold` may say of a layer, for the help of the commands that take it."""
_READ = "How the model is read"
_MADE = "Which circuit is made"


class ScoresKind(str, Enum):
    """The value of `--scores`; without a word after it, `order`."""

    order = "order"
    exact = "exact"


MODEL: dict[str, Any] = {
    "input": Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="ENC",
            rich_help_panel=_READ,
            help="How integers encode the model's real inputs: bit, bipolar, uint8, uint8/255, (uint8/255-0.13)/0.31, "
            "... Needed only where the model does not compare its inputs itself.",
        ),
    ],
    "weight_bits": Annotated[
        str | None,
        typer.Option(
            "--weight-bits",
            metavar="min|N",
            rich_help_panel=_READ,
            help="min: the smallest integer weights, proved equal on all inputs. N: round to N bits, the change "
            "measured.",
        ),
    ],
    "snap_weights": Annotated[
        int | None,
        typer.Option(
            "--snap-weights",
            metavar="ULP",
            rich_help_panel=_READ,
            help="Move weights by up to ULP float32 ulp where that makes them small multiples of one size; what it "
            "changes is said, and compared with the float model.",
        ),
    ],
    "raw": Annotated[bool, typer.Option("--raw", rich_help_panel=_READ, help="The network as read, before any pass.")],
}
"""Flags of `ModelOptions`; `exact_scores` is `--scores exact`."""

EXACT: dict[str, Any] = {
    "scores": Annotated[
        ScoresKind | None,
        typer.Option(
            "--scores",
            metavar="exact",
            rich_help_panel=_READ,
            help="Keep the model's differences of scores, not their order alone.",
        ),
    ]
}
"""`--scores` of commands that make no circuit."""

CIRCUIT: dict[str, Any] = {
    "neuron": Annotated[
        str | None,
        typer.Option(
            "--neuron",
            metavar="NAME",
            rich_help_panel=_MADE,
            help="Circuit of the neurons: auto, pairs, counters, table, tree, compressor, ... Default: auto.",
        ),
    ],
    "pipeline": Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            metavar="auto|none|layer|N",
            rich_help_panel=_MADE,
            help="Registers: at the output, behind every layer, or every N levels; auto, the "
            "default: every 12 on boards, else layer.",
        ),
    ],
    "scores": Annotated[
        ScoresKind | None,
        typer.Option(
            "--scores",
            metavar="[exact]",
            rich_help_panel=_MADE,
            help="Output the scores of all classes beside the class; exact: their differences are the model's, not "
            "their order alone.",
        ),
    ],
    "family": Annotated[
        str | None,
        typer.Option(
            "--family",
            metavar="NAME",
            rich_help_panel=_MADE,
            help="Device family (ice40, ecp5, ...) whose look-up tables are counted; `prove` proves its cells too.",
        ),
    ],
    "effort": Annotated[
        int | None,
        typer.Option(
            "--effort",
            metavar="1..100",
            rich_help_panel=_MADE,
            help="How long to search for a smaller circuit; the time grows with it. Default: 1.",
        ),
    ],
    "dont_care": Annotated[
        bool,
        typer.Option(
            "--dont-care",
            rich_help_panel=_MADE,
            help="Make tables smaller where patterns of their inputs never occur; proved by `prove`.",
        ),
    ],
    "cut": Annotated[
        list[str] | None,
        typer.Option(
            "--cut",
            metavar="LAYER",
            rich_help_panel=_MADE,
            help="Cut the network behind this layer: each piece becomes a unit, joined by streams (repeatable).",
        ),
    ],
    "fold": Annotated[
        str | None,
        typer.Option(
            "--fold",
            metavar="auto|PExSIMD,..|FILE",
            rich_help_panel=_MADE,
            help="Fold the layers, for networks larger than the chip: auto, the fastest that fits --target, or PE x "
            f"SIMD of every layer, as `threshc plan` prints them; or a plan.json. {FOLDS}",
        ),
    ],
}
"""Flags of `CircuitOptions`. A new option of circuits is one entry here, and in its class."""

TARGET: dict[str, Any] = {
    "target": Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            rich_help_panel=_MADE,
            help="The circuit that `build` makes for this board or device: its family and registers.",
        ),
    ]
}
"""`--target` of the commands that build nothing."""


def takes(*groups: Mapping[str, Any]) -> Callable[[Function], Function]:
    """Decorates a command: the flags of the groups stand in its signature for its keywords `**chosen`.

    The command is called with every flag of the groups, None or False where it was not given.
    """

    def with_flags(command: Function) -> Function:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        annotations = {name: annotation for group in groups for name, annotation in group.items()}
        own += [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if annotation.__origin__ is bool else None,
                annotation=annotation,
            )
            for name, annotation in annotations.items()
        ]
        command.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in own}
        return command

    return with_flags


def reading(chosen: Mapping[str, Any]) -> ModelOptions:
    """Returns the flags of a command as options of the model. Raises CompileError for wrong ones."""
    from threshc.tasks.options import model_options

    return model_options(None, _given(chosen))


def circuit(chosen: Mapping[str, Any]) -> CircuitOptions | None:
    """Returns the flags of a command as options of the circuit, None where there are none. Raises CompileError for
    wrong ones."""
    from threshc.tasks.options import circuit_options

    return circuit_options(None, _given(chosen))


def reading_alone(chosen: Mapping[str, Any]) -> ModelOptions:
    """Returns `reading` for commands that make no circuit, where the word `exact` alone has a meaning."""
    if chosen.get("scores") is ScoresKind.order:
        raise typer.BadParameter("say --scores exact: the order of the scores is kept anyway")
    return reading(chosen)


def _given(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were given, as keywords of `threshc.compile`."""
    own = {*MODEL, *CIRCUIT}
    found = {k: v for k, v in chosen.items() if k in own and v is not None and v is not False and v != []}
    if "scores" in found:
        found["scores"] = "exact" if found["scores"] is ScoresKind.exact else True
    return found
