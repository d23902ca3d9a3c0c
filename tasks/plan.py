"""How a network would be folded for a device: PE and SIMD of every layer, exact cycles, estimated sizes; no circuit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note
from threshc.hdl.options import CircuitOptions
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.options import ModelKeywords, ModelOptions, model_options, with_file
from threshc.tasks.read_network import load_network

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.hdl.folded.planned import Plan
    from threshc.hdl.targets.base import Target
    from threshc.tasks.read_network import Model


_LONGEST = 1e18
"""Cycles between samples, more than any circuit takes."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanReport:
    """A plan with what it means. clock_hz: the board's or the one that was stated; assumed: whether it is neither, but
    what place and route works towards. interval: cycles between samples, of the circuit, which short queues make slower
    than its slowest layer; of that layer where layers stay unrolled. latency: cycles from a sample's first beat to its
    answer, None where layers stay unrolled: their registers are known once they are made."""

    model: str
    target: Target
    plan: Plan
    clock_hz: float
    assumed: bool
    interval: int
    latency: int | None

    @property
    def samples_per_second(self) -> float:
        """Samples that the circuit takes in a second at that clock."""
        return self.clock_hz / self.interval

    def as_dict(self) -> dict[str, object]:
        """Returns the report for JSON."""
        return {
            "model": self.model,
            "target": self.target.name,
            "fold": str(self.plan),
            "entry": self.plan.entry,
            "interval_cycles": self.interval,
            "latency_cycles": self.latency,
            "clock_hz": self.clock_hz,
            "clock_assumed": self.assumed,
            "samples_per_second": self.samples_per_second,
            "luts": self.plan.luts,
            "ffs": self.plan.ffs,
            "brams": self.plan.brams,
            "sprams": self.plan.sprams,
            "layers": [
                {
                    "layer": layer.name,
                    "inputs": layer.columns,
                    "neurons": layer.rows,
                    "positions": layer.positions,
                    "buffer_bits": layer.buffer,
                    **layer.fold.as_dict(),
                    "cycles": layer.cycles,
                    "utilization": layer.cycles / self.interval,
                    "luts": layer.luts,
                    "ffs": layer.ffs,
                    "brams": layer.brams,
                    "sprams": layer.sprams,
                    "bottleneck": layer.cycles == self.plan.interval,
                }
                for layer in self.plan.layers
            ],
        }


def plan(
    model: Model,
    *,
    target: str,
    fold: str = "auto",
    target_fps: float | None = None,
    clock: float | None = None,
    reading: ModelOptions | None = None,
    note: Note | None = None,
    **keywords: Unpack[ModelKeywords],
) -> PlanReport:
    """Plans the folding of a model's layers for a target, in a fraction of a second.

    fold: `auto` for the shortest interval that fits the target, with target_fps (samples per second) for the smallest
    circuit that reaches it; or PE and SIMD of every layer, `16x56,8x16,1x16`, with `@14` for 14 features in a beat;
    or the path of a plan as JSON (`threshc.hdl.folded.plan_file`). clock: in Hz, for targets without a board. reading,
    keywords: as for `load`. Raises CompileError for wrong options before the model is read, for layers that cannot be
    folded, and where nothing fits.
    """
    from threshc.hdl.folded.build import folded_chain
    from threshc.hdl.folded.fold import Unrolled
    from threshc.hdl.folded.plan_file import read_fold

    chosen, how, fold = find_target(target), model_options(reading, keywords), with_file(fold)
    if fold != "auto":
        read_fold(fold)
    hertz, assumed = clock_of(chosen, clock)
    interval = None if target_fps is None else cycles_for(target_fps, hertz)
    network = load_network(model, how, note=note)
    made = _planned(network, chosen, fold, interval)
    takes, latency = made.interval, None
    if not any(isinstance(fold, Unrolled) for fold in made.folds):  # unrolled layers take long to make
        timing = folded_chain(network, made.folds, entry=made.entry).interface.timing
        takes, latency = timing.interval, timing.latency
    if interval is not None and takes > interval:
        raise _too_slow(takes, interval, "choose a larger folding, or longer queues")
    name = model.name if isinstance(model, Network) else str(model)
    return PlanReport(name, chosen, made, hertz, assumed, takes, latency)


def _planned(network: Network, target: Target, fold: str, interval: int | None) -> Plan:
    from threshc.hdl.folded.fold import parse
    from threshc.hdl.folded.network import folded_network, unfoldable
    from threshc.hdl.folded.plan import fastest, smallest
    from threshc.hdl.folded.plan_file import settled
    from threshc.hdl.folded.planned import planned

    if fold != "auto":
        folds, entry = parse(settled(fold, network))
        made = planned(network, folds, target.device, entry)
        if interval is not None and made.interval > interval:
            raise _too_slow(made.interval, interval, "choose a larger folding")
        return made
    read = folded_network(network, unfoldable(network))
    if interval is None:
        return fastest(read, target.device)
    found = smallest(read, target.device, interval)
    if found is None:
        best = fastest(read, target.device)
        raise _too_slow(best.interval, interval, f"{option('fold', 'auto')} alone takes the shortest that fits")
    return found


def _number(name: str, value: object) -> float:
    """A keyword as a number. Raises CompileError for other types, a bool too."""
    if not isinstance(value, bool) and isinstance(value, Real):
        with suppress(OverflowError):
            return float(value)
    raise fail(f"{name} {value!r} is not understood", where=option(name), hint="a number, as 1e6")


def _too_slow(cycles: int, wanted: int, hint: str) -> Exception:
    return fail(f"a sample takes {cycles:,} cycles, not {wanted:,} or fewer", where=option("target_fps"), hint=hint)


def cycles_for(rate: float, hertz: float) -> int:
    """Returns the cycles between samples at so many of them a second. Raises CompileError for what cannot be."""
    rate = _number("target_fps", rate)
    if not 0 < rate <= hertz:
        raise fail(
            f"{rate:g} samples per second cannot be",
            where=option("target_fps"),
            why=f"the clock has {hertz:,.0f} cycles a second",
            hint="more than 0, and at most one sample per cycle",
        )
    return int(min(hertz / rate, _LONGEST))


def checked_clock(clock: object) -> float:
    """Returns a stated clock in Hz. Raises CompileError for one that cannot be."""
    hertz = _number("clock", clock)
    if not 1e3 <= hertz <= 1e10:
        raise fail(f"a clock of {hertz:g} Hz cannot be", where=option("clock"), hint="1 kHz to 10 GHz")
    return hertz


def clock_of(target: Target, clock: float | None) -> tuple[float, bool]:
    """Returns the clock in Hz, as stated or the target's, and whether it is assumed. Raises CompileError for a clock
    that cannot be."""
    from threshc.hdl.families.registry import family

    if clock is not None:
        return checked_clock(clock), False
    if target.board is not None:
        return float(target.board.clock_hz), False
    flow = family(target.device.family).flow
    return (100e6 if flow is None else flow.aim_hz), True


def with_plan(network: Network, options: CircuitOptions, target: Target | None) -> CircuitOptions:
    """Returns the options with a fold that says what each layer is: of `auto` the one that is planned for the target,
    of a file the one that it states by names; others unchanged.

    Raises CompileError where the network cannot be folded, nothing fits, or the file is of other layers.
    """
    from threshc.hdl.folded.plan_file import is_json, settled

    if options.fold is not None and is_json(options.fold):
        return replace(options, fold=settled(options.fold, network))
    if options.fold != "auto" or target is None:
        return options
    return replace(options, fold=str(_planned(network, target, "auto", None)))
