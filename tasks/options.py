"""How a model is read, as one object, and the keywords that Python users give in place of both kinds of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from threshc.compiler.bounded import read_file
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.options import Options
from threshc.hdl.options import CircuitKeywords, CircuitOptions

if TYPE_CHECKING:
    from threshc.hdl.targets.base import Target

__all__ = ["CircuitOptions", "Keywords", "ModelKeywords", "ModelOptions"]

Function = TypeVar("Function", bound=Callable[..., Any])


class ModelKeywords(TypedDict, total=False):
    """The fields of `ModelOptions` as keywords of `threshc.load`, `compile`, `build`, `prove` and `verify`."""

    input: str | None
    weight_bits: str | int | None
    snap_weights: int | None
    exact_scores: bool
    raw: bool


class Keywords(CircuitKeywords, ModelKeywords, total=False):
    """The keywords of both kinds of options."""


@dataclass(frozen=True, slots=True)
class ModelOptions(Options):
    """Everything that decides which network a model becomes.

    input: how integers encode the model's real features, e.g. "uint8/255" for pixels 0..255 whose real value is i/255,
    "bipolar", "bit", "int12*0.01"; None where the model states it.
    weight_bits: "min" for the smallest weights with a proof, or a number of bits, 2 to 32, to which weights are
    rounded (`threshc.tasks.weights`); None to leave them.
    snap_weights: how many float32 ulp weights may be moved to become small multiples of one size, as straight-through
    code leaves them; None to leave them.
    exact_scores: differences of scores are the model's, in one unit, the output's scale; without it integers as small
    as can be are chosen, whose order is the model's.
    raw: leave out the passes, which make networks smaller and change nothing that they compute.

    Raises CompileError for values that are none of these, and for types that only look like them.
    """

    input: str | None = None
    weight_bits: str | int | None = None
    snap_weights: int | None = None
    exact_scores: bool = False
    raw: bool = False

    def __post_init__(self) -> None:
        if self.input is not None:
            from threshc.compiler.encoding import parse_encoding

            if not isinstance(self.input, str):
                raise fail(f"input {self.input!r} is not understood", where=option("input"), hint="text: uint8/255, ..")
            parse_encoding(self.input)
        bits = self.weight_bits
        if bits is not None and bits != "min":
            self.take_integer("weight_bits", self.number_of(bits), 2, 32, "min, or 2 to 32")
        if self.snap_weights is not None:
            from threshc.compiler.frontend.snapping import MOST_ULPS

            self.take_integer("snap_weights", self.snap_weights, 1, MOST_ULPS, f"1 to {MOST_ULPS} float32 ulp")
        self.take_flag("exact_scores")
        self.take_flag("raw")
        if self.raw and bits is not None:
            why = "weights become smaller in a pass"
            hint = f"omit {option('raw')} or {option('weight_bits')}"
            raise fail("an option would have no effect", where=option("weight_bits"), why=why, hint=hint)


USUAL_MODEL = ModelOptions()
"""How a model is read where nothing is asked for."""
_MODEL = tuple(f.name for f in fields(ModelOptions))
_CIRCUIT = tuple(f.name for f in fields(CircuitOptions))


def lists_options(*kinds: type[Options]) -> Callable[[Function], Function]:
    """Decorates a function with `**keywords`: for `help` and editors, its signature lists every option of these kinds.

    Type checkers read the same from `Unpack` of the typed keywords.
    """

    def listed(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        for field in (f for kind in kinds for f in fields(kind)):  # type: ignore[arg-type]
            kind = inspect.Parameter.KEYWORD_ONLY
            own.append(inspect.Parameter(field.name, kind, default=field.default, annotation=field.type))
        function.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
        return function

    return listed


def model_options(given: ModelOptions | None, keywords: Mapping[str, Any]) -> ModelOptions:
    """Returns the object that was given, else one of the keywords that are its fields.

    scores="exact" among the keywords stands for exact_scores. Raises CompileError where both were given.
    """
    own = {name: value for name, value in keywords.items() if name in _MODEL}
    if keywords.get("scores") == "exact":
        own["exact_scores"] = True
    if given is None:
        return ModelOptions(**own)
    _refuse_both("reading", own)
    return given


def circuit_options(given: CircuitOptions | None, keywords: Mapping[str, Any]) -> CircuitOptions | None:
    """Returns the object that was given, else one of the keywords that are its fields; None where nothing was given.

    Raises TypeError for a keyword that is an option of neither kind, CompileError where both were given.
    """
    for name in keywords:
        if name not in _MODEL and name not in _CIRCUIT:
            raise TypeError(f"unexpected keyword argument {name!r}; options are {', '.join((*_MODEL, *_CIRCUIT))}")
    own = {name: value for name, value in keywords.items() if name in _CIRCUIT}
    if given is not None:
        _refuse_both("options", own)
        return given
    if own.get("scores") == "exact":
        own["scores"] = True
    if "fold" in own:
        own["fold"] = with_file(own["fold"])
    return CircuitOptions(**own) if own else None


def with_file(fold: Any) -> Any:
    """Returns what a file says where the fold is its path (`plan.json`), others unchanged. Raises CompileError."""
    if not isinstance(fold, str) or not fold.endswith(".json"):
        return fold
    from threshc.hdl.folded.plan_file import read_plan

    return read_plan(read_file(fold, what="plan"), fold).text()


def chosen_options(
    reading: ModelOptions | None,
    options: CircuitOptions | None,
    keywords: Mapping[str, Any],
    target: Target | None = None,
) -> tuple[ModelOptions, CircuitOptions]:
    """Returns how a model is read and how its circuit is made, as objects or keywords say it, for a target if any."""
    made = circuit_options(options, keywords) or CircuitOptions()
    return model_options(reading, keywords), made.settled(target)


def check_run(simulator: str, samples: int, jobs: int | None) -> None:
    """Raises CompileError for a simulator that is not known or cannot run here, for a number of samples below 1, and
    for a number of processes that is not understood."""
    from threshc.hdl.pool import checked_jobs
    from threshc.sim.rtl import choose
    from threshc.tasks.stimulus import checked_samples

    choose(simulator)
    checked_samples(samples)
    checked_jobs(jobs)


def _refuse_both(name: str, keywords: Mapping[str, Any]) -> None:
    if keywords:
        where = ", ".join(map(option, keywords))
        hint = "put it into the object, or give keywords alone"
        raise fail(f"options are given twice, in {option(name)} and beside it", where=where, hint=hint)
