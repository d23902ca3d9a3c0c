"""The fastest clock that a routed circuit bears on its board: route, set the PLL to what was reached, route again."""

from __future__ import annotations

from collections.abc import Callable

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Progress
from threshc.hdl.flow.report import BuildReport
from threshc.hdl.flow.routing import TooSlow
from threshc.hdl.targets.base import Target
from threshc.hdl.targets.clock import Clock, at_most, crystal, megahertz

TRIES = 5
"""Circuits that are placed and routed at most."""


def fastest(attempt: Callable[[Clock], BuildReport], target: Target, progress: Progress) -> BuildReport:
    """Returns the build with the fastest clock that was found: the first try is the crystal's, each next one is set to
    what the last one reached.

    attempt(clock) builds the circuit for a clock, placed as fast as the tools can, and raises `TooSlow` where it does
    not bear that clock; with another clock the PLL, the serial port's divider and the placement are others. Raises
    CompileError where no try bears its clock.
    """
    clock, tried = crystal(target), list[str]()
    for number in range(1, TRIES + 1):
        progress(f"try {number} of at most {TRIES}: a clock of {clock}")
        try:
            report = attempt(clock)
        except TooSlow as slow:
            if clock.pll is None:
                raise
            tried.append(f"{slow.fmax_hz / 1e6:.1f} MHz at {megahertz(clock.hz)} MHz")
            progress(f"it reaches {slow.fmax_hz / 1e6:.1f} MHz")
            clock = at_most(target, slow.fmax_hz)
            continue
        following = at_most(target, report.fmax_hz)
        if clock.pll is not None or following == clock:
            return report
        clock = following
    raise fail(
        f"no clock was found that the circuit bears on {target.name}",
        where=option("clock", "max"),
        why=f"each time the PLL was set to what was reached, less was: {', '.join(tried)}",
        hint=f"{option('clock')} with a frequency well below these, or another {option('seed')}",
    )
