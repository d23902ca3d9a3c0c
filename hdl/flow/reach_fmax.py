"""How many levels of logic between registers reach a frequency: a model of the delays first, then place and route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.progress import Progress
from threshc.hdl.families.registry import family, flow_of
from threshc.hdl.flow.report import BuildReport, Try
from threshc.hdl.flow.routing import TooSlow, checked_frequency
from threshc.hdl.size import TooBig
from threshc.hdl.targets.base import Device

Made = TypeVar("Made")

TRIES = 5
"""Circuits that are placed and routed at most."""

MOST_LEVELS = 64
FASTEST = 2
"""Fewer levels are slower as a rule (docs/explanation/hardware.md): at 1 there is none for the way to many readers."""


def period_ns(device: Device, levels: int) -> float:
    """Returns the clock period that `levels` tables between registers are expected to need, in nanoseconds."""
    delays = family(device.family).delays_of(device.part)
    return delays.path + delays.level * levels


def levels_for(device: Device, goal_hz: float, slower: float = 1.0) -> int:
    """Returns the most levels, 2 to 64, that the model lets reach a frequency; slower: what its periods are multiplied
    with."""
    period = 1e9 / goal_hz
    fitting = (n for n in range(MOST_LEVELS, FASTEST, -1) if period_ns(device, n) * slower <= period)
    return next(fitting, FASTEST)


def shorter(device: Device, goal_hz: float, tries: tuple[Try, ...]) -> int | None:
    """Returns the levels to try after these, which all missed: by the model scaled to the last, then 2, 1, None."""
    last = tries[-1]
    if last.levels <= FASTEST:
        return 1 if last.levels > 1 else None
    if len(tries) + 2 == TRIES:
        return FASTEST
    slower = 1e9 / last.fmax_hz / period_ns(device, last.levels)
    return max(FASTEST, min(levels_for(device, goal_hz, slower), last.levels * 3 // 4))


def reach(
    attempt: Callable[[int], tuple[Made, BuildReport]], device: Device, goal_hz: float, progress: Progress
) -> tuple[Made, BuildReport, int]:
    """Returns the first circuit whose build reaches `goal_hz`, its report with the tries before it, and its levels.

    attempt(levels) makes a circuit with a register at least every so many levels, builds it, and raises `TooSlow` where
    that misses the goal. Raises CompileError with the best that was found where the last try misses too,
    or a circuit with more registers no longer fits; other errors of an attempt pass.
    """
    checked_frequency(goal_hz, "target_fmax")
    flow_of(device.family)  # refuses a family without place and route
    tries: tuple[Try, ...] = ()
    levels: int | None = levels_for(device, goal_hz)
    while levels is not None:
        progress(f"try {len(tries) + 1} of at most {TRIES}: a register at least every {levels} levels")
        try:
            made, report = attempt(levels)
        except TooSlow as slow:
            tries += (Try(levels, slow.fmax_hz),)
            progress(f"{tries[-1]}, of {goal_hz / 1e6:g} MHz")
            levels = shorter(device, goal_hz, tries)
        except TooBig as big:
            if not tries:
                raise
            registers = option("pipeline", levels)
            raise _missed(goal_hz, device, tries, f"; with {registers}, {big.diagnostics[0].what}") from None
        else:
            return made, replace(report, tries=(*tries, Try(levels, report.fmax_hz))), levels
    raise _missed(goal_hz, device, tries, "")


def _missed(goal_hz: float, device: Device, tries: tuple[Try, ...], rest: str) -> CompileError:
    best = max(tries, key=lambda t: t.fmax_hz)
    return fail(
        f"the circuit does not reach {goal_hz / 1e6:g} MHz on the {device.part}: {best.fmax_hz / 1e6:.1f} MHz at best",
        where=option("target_fmax"),
        why=f"routed: {', '.join(map(str, tries))}{rest}",
        hint=f"another {option('seed')} or {option('neuron')}, or a faster target",
    )
