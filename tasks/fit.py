"""What a model fits, target by target, unrolled and folded: estimated in seconds, nothing synthesized."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from numbers import Real
from typing import TYPE_CHECKING, Literal

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import USUAL_CIRCUIT
from threshc.hdl.size import predict
from threshc.hdl.targets.registry import target as find_target
from threshc.hdl.targets.registry import targets
from threshc.tasks.options import ModelKeywords, ModelOptions, model_options
from threshc.tasks.read_network import load_network

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.hdl.folded.planned import Plan
    from threshc.hdl.targets.base import Target
    from threshc.tasks.read_network import Model

COMFORT, FULL = 0.85, 1.0
"""Shares of a device's LUTs: up to the first one a circuit is placed and routed without trouble, beyond the second
never; between them it may be."""
SHELL = 330
"""LUTs of what is around a network: the UART shell of a board (308 beside digits on the iCEBreaker), a harness."""

FOLDED = 3.5
"""Levels of tables that a folded circuit is as slow as: 65, 163 and 197 MHz were routed on UP5K, HX8K and ECP5."""

Verdict = Literal["fits", "tight", "no"]


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to build the model for a target.

    kind: `unrolled` or `folded`; fold: the folding, "" for none. luts: estimated, with what is around the network, and
    brams: block RAMs. interval: cycles between samples. clock_hz: the board's, or, where `assumed`, what a model of the
    device's delays gives (docs/research/pipeline.md). why: what is in the way, "" for nothing.
    """

    target: Target
    kind: Literal["unrolled", "folded"]
    fold: str
    luts: int
    brams: int
    interval: int
    clock_hz: float
    assumed: bool
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether it fits, as estimated."""
        if self.why or self.luts > FULL * self.target.device.luts:
            return "no"
        return "fits" if self.luts <= COMFORT * self.target.device.luts else "tight"

    @property
    def samples_per_second(self) -> float:
        """Samples a second at the clock, 0 where it cannot be built."""
        return self.clock_hz / self.interval if self.interval else 0.0

    def as_dict(self) -> dict[str, object]:
        """Returns it for JSON."""
        return {
            "target": self.target.name,
            "part": self.target.device.part,
            "board": self.target.board is not None,
            "kind": self.kind,
            "fold": self.fold or None,
            "verdict": self.verdict,
            "luts": self.luts,
            "luts_available": self.target.device.luts,
            "brams": self.brams,
            "brams_available": self.target.device.brams,
            "interval_cycles": self.interval,
            "clock_hz": self.clock_hz,
            "clock_assumed": self.assumed,
            "samples_per_second": self.samples_per_second,
            "why": self.why or None,
        }


@dataclass(frozen=True, slots=True, eq=False)
class FitReport:
    """model: what it is called; synapses: of it; ways: of all targets, those with boards first; best: the one to take,
    None where nothing fits; target_fps: the rate that it had to reach, None for any."""

    model: str
    synapses: int
    ways: tuple[Way, ...]
    best: Way | None
    target_fps: float | None

    def as_dict(self) -> dict[str, object]:
        """Returns it for JSON."""
        best = None if self.best is None else self.best.as_dict()
        ways = [way.as_dict() for way in self.ways]
        asked = {"model": self.model, "synapses": self.synapses, "target_fps": self.target_fps}
        return {**asked, "ways": ways, "best": best}

    def command(self) -> str:
        """Returns the options of `build` for the best way, as a command line or as Python."""
        assert self.best is not None
        named = option("target" if self.best.target.board is not None else "device", self.best.target.name)
        return named if not self.best.fold else f"{named} {option('fold', self.best.fold)}"


def fit(
    model: Model,
    *,
    target: str | None = None,
    target_fps: float | None = None,
    reading: ModelOptions | None = None,
    note: Note | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[ModelKeywords],
) -> FitReport:
    """Estimates LUTs, memory and throughput of a model on every target, unrolled and folded, without synthesis.

    target: one target only. target_fps: samples a second that the best way must reach. Sizes are estimates (their
    errors: docs/research/folded.md, docs/explanation/hardware.md), cycles are exact. The best way is the fastest one of
    the smallest board that something fits, of the smallest bare device where no board is large enough. Raises
    CompileError for wrong options before the model is read.
    """
    how = model_options(reading, keywords)
    chosen = list(targets().values()) if target is None else [find_target(target)]
    least: object = 0.0 if target_fps is None else target_fps
    if isinstance(least, bool) or not isinstance(least, Real) or not 0 <= float(least) < 1e12 or target_fps == 0:
        raise fail(f"target_fps {target_fps!r} is not understood", where=option("target_fps"), hint="a number above 0")
    network = load_network(model, how, note=note)
    progress = progress or silent
    ways: list[Way] = []
    plans: dict[tuple[str, int, int, int], Plan | str] = {}
    for one in chosen:
        progress(f"{one.name}: {one.device.part}")
        size = one.device.family, one.device.luts, one.device.brams, one.device.sprams
        if size not in plans:
            plans[size] = _plan(network, one)
        ways += [_unrolled(network, one), _folded(one, plans[size])]
    able = [w for w in ways if w.verdict == "fits" and w.samples_per_second >= float(least)]
    best = min(able, key=_rank, default=None)
    name = model.name if isinstance(model, Network) else str(model)
    synapses = sum(layer.rows * layer.columns * prod(layer.positions) for layer in layers(network))
    return FitReport(name, synapses, tuple(ways), best, target_fps)


def _rank(way: Way) -> tuple[bool, int, float, int]:
    """Boards first, small devices first, then the fastest, then the smallest."""
    return way.target.board is None, way.target.device.luts, -way.samples_per_second, way.luts


def _unrolled(network: Network, target: Target) -> Way:
    try:
        size = predict(network, USUAL_CIRCUIT.settled(target))
    except CompileError as error:
        return Way(target, "unrolled", "", 0, 0, 0, 0.0, False, error.diagnostics[0].what)
    hertz, assumed = _clock(target, size.depth)
    return Way(target, "unrolled", "", size.luts + SHELL, 0, 1, hertz, assumed)


def _plan(network: Network, target: Target) -> Plan | str:
    """The fastest plan that fits a target's device, or why there is none."""
    from threshc.hdl.folded.fold import Unrolled
    from threshc.hdl.folded.network import folded_network, unfoldable
    from threshc.hdl.folded.plan import fastest

    try:
        read = folded_network(network, unfoldable(network))
        found = fastest(read, target.device)
        whole = all(isinstance(fold, Unrolled) for fold in found.folds)  # which is the other way
        return fastest(read, target.device, unrolled=False) if whole else found
    except CompileError as error:
        problem = error.diagnostics[0]
        text = f"{problem.where}: {problem.why}" if problem.where.startswith("layer ") else str(problem.what)
        return "; ".join(line.strip() for line in text.replace(target.device.part, "device").splitlines())


def _folded(target: Target, plan: Plan | str) -> Way:
    if isinstance(plan, str):
        return Way(target, "folded", "", 0, 0, 0, 0.0, False, plan)
    hertz, assumed = _clock(target, FOLDED)
    return Way(target, "folded", str(plan), plan.luts + SHELL, plan.brams, plan.interval, hertz, assumed)


def _clock(target: Target, levels: float) -> tuple[float, bool]:
    """A board's clock in Hz, or the one that so many levels of tables between registers allow, and whether it is the
    latter."""
    from threshc.hdl.families.registry import family

    if target.board is not None:
        return float(target.board.clock_hz), False
    made = family(target.device.family)
    if made.flow is None:
        return 100e6, True
    delays = made.delays_of(target.device.part)
    return 1e9 / (delays.path + delays.level * levels), True
