"""How a circuit is made of a network: the options that decide which circuit it is, in one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Literal, TypedDict

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.options import Options
from threshc.hdl.families.registry import family

if TYPE_CHECKING:
    from threshc.hdl.targets.base import Target

BOARD_LEVELS = 12
"""Levels of logic between registers on boards: digits reaches 22 MHz with it on the iCEBreaker, 10 without."""

FOLDED_LEVELS = 2
"""Levels of look-up tables between the registers of folded circuits."""

MOST_EFFORT = 100
_PLAN_FILE = "threshc.hdl.folded.plan_file"
_WORDS = ("auto", "none", "layer")


class CircuitKeywords(TypedDict, total=False):
    """The same options as keywords of `threshc.compile`, `build`, `prove` and `verify`.

    scores="exact" also reads the model so that differences of scores are the model's (`ModelOptions.exact_scores`).
    """

    neuron: str
    pipeline: str | int
    scores: bool | Literal["exact"]
    family: str | None
    effort: int
    dont_care: bool
    cut: Sequence[str]
    fold: str | None


@dataclass(frozen=True, slots=True)
class CircuitOptions(Options):
    """Everything that decides which circuit is made of a network. What only changes the way there is no part of it.

    neuron: an architecture's name, or `auto` for the fewest estimated LUTs per layer. A former name (`FORMER_NAMES` of
    `hdl/unrolled/neurons`) becomes the present one.
    pipeline: `none` (one register at the output), `layer` (a register behind every threshold layer, the scores and the
    class), a positive integer N (registers wherever more than N adders or gates would follow each other), or `auto`:
    every 12 on boards, which holds the slowest of them (12 MHz on a UP5K) with room to spare, else `layer`.
    scores: carry the scores beside the class.
    family: the device family whose LUTs are counted, a name of `threshc.hdl.families`; None for four inputs.
    effort: how long to search for smaller circuits, 1 to 100: random ways to share that are tried, and so the time,
    grow with it.
    dont_care: make tables smaller where patterns of their inputs never occur (`hdl/unrolled/dontcare`).

    cut: layers, by name or value (`%14`), behind which the network is cut: every piece becomes a unit of its own, and
    the units are joined by streams. In what order they are named makes no difference.

    fold: PE x SIMD of every layer of a folded circuit, `16x56,8x16,1x16@14` (`threshc.hdl.folded.fold`), or `auto`: the
    fastest that fits the target; None for an unrolled circuit. Of the other options it takes scores, family, and a
    pipeline of N levels (2 without it); with layers that stay `unrolled`, also neuron, effort and dont_care.

    Raises CompileError for values that are none of these, and for types that only look like them.
    """

    neuron: str = "auto"
    pipeline: str | int = "auto"
    scores: bool = False
    family: str | None = None
    effort: int = 1
    dont_care: bool = False
    cut: tuple[str, ...] = ()
    fold: str | None = None

    def __post_init__(self) -> None:
        if self.neuron != "auto":
            # Found by name, as families and targets are: the rooms that make circuits know this file, not it them.
            neurons = import_module("threshc.hdl.unrolled.neurons")
            known, former = neurons.ARCHITECTURES, neurons.FORMER_NAMES
            if isinstance(self.neuron, str) and self.neuron in former:
                object.__setattr__(self, "neuron", former[self.neuron])
            if not isinstance(self.neuron, str) or self.neuron not in known:
                hint = ", ".join(("auto", *known))
                raise fail(f"there is no neuron architecture {self.neuron!r}", where=option("neuron"), hint=hint)
        if not isinstance(self.pipeline, str) or self.pipeline not in _WORDS:
            levels = self.number_of(self.pipeline)
            self.take_integer("pipeline", levels, 1, None, "auto, none, layer, or a number of levels from 1")
        self.take_flag("scores")
        self.take_flag("dont_care")
        names: object = self.cut
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise fail(f"cut {names!r} is not understood", where=option("cut"), hint="names of layers, in a list")
        object.__setattr__(self, "cut", tuple(sorted(names)))
        if self.family is not None:
            family(self.family)  # Raises where there is none of that name.
        self.take_integer("effort", self.effort, 1, MOST_EFFORT, f"1 to {MOST_EFFORT}")
        if self.fold is not None:
            self._take_fold()

    def _take_fold(self) -> None:
        """Raises CompileError for a folding that is none, and for options that a folded circuit has no use for."""
        stays = False
        if self.fold != "auto":
            folds, read = import_module("threshc.hdl.folded.fold"), import_module(_PLAN_FILE).read_fold
            stays = any(isinstance(choice, folds.Unrolled) for choice in read(self.fold)[0])
        idle = {"cut": bool(self.cut), "pipeline": self.pipeline in ("none", "layer")}
        if not stays:
            idle |= {"neuron": self.neuron != "auto", "effort": self.effort != 1, "dont_care": self.dont_care}
        for name, given in idle.items():
            if given:
                why = f"it is an option of unrolled circuits, and {option('fold')} asks for a folded one"
                raise fail("an option would have no effect", where=option(name), why=why, hint=f"omit {option(name)}")

    def settled(self, target: Target | None = None) -> CircuitOptions:
        """Returns the options with nothing left to the target: its family, and the registers that `auto` means.

        Raises CompileError where they state another family than the target's.
        """
        usual: str | int = "layer" if self.fold is None else FOLDED_LEVELS
        if target is None:
            return replace(self, pipeline=usual) if self.pipeline == "auto" else self
        made = target.device.family
        if self.family not in (None, made):
            raise fail(
                f"{target.name} is of the device family {made!r}, not {self.family!r}",
                where=option("family"),
                hint=f"omit {option('family')}, or choose another target",
            )
        own = usual if target.board is None or self.fold is not None else BOARD_LEVELS
        return replace(self, family=made, pipeline=own if self.pipeline == "auto" else self.pipeline)


USUAL_CIRCUIT = CircuitOptions()
"""The circuit that is made where nothing is asked for."""
