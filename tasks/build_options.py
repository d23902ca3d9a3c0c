"""Options of `build` that are about its tools, checked before the model is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.options import integer

if TYPE_CHECKING:
    from threshc.hdl.targets.base import Target
    from threshc.hdl.targets.clock import Clock
    from threshc.hdl.targets.links import Link

VERIFY = ("none", "netlist", "proof")
"""What `build` can check of Yosys' netlists."""


FASTEST = "max"
"""The clock that is the fastest which the routed circuit bears."""


def check_tools(target: Target, freq: float | None, target_fmax: float | None, seed: object, verify: str) -> None:
    """Raises CompileError for options of the tools that are wrong, or that the target cannot do."""
    from threshc.hdl.families.registry import family, flow_of
    from threshc.hdl.flow.routing import checked_frequency

    if verify not in VERIFY:
        raise fail(f"there is no verification {verify!r}", where=option("verify"), hint=", ".join(VERIFY))
    for name, hertz in (("freq", freq), ("target_fmax", target_fmax)):
        if hertz is not None:
            checked_frequency(hertz, name)
            flow_of(target.device.family)
    if target_fmax is not None:
        family(target.device.family).delays_of(target.device.part)
    if integer(seed, 0, (1 << 31) - 1) is None:
        raise fail(f"seed {seed!r} is not understood", where=option("seed"), hint="0 to 2147483647")


def check_clock(
    target: Target, clock: float | str | None, freq: float | None, target_fmax: float | None, baud: int | None
) -> Clock | None:
    """Returns the clock of a board's circuit, None for a bare device; `max` starts from the crystal's.

    baud: that the clock has to make, None for a link without. Raises CompileError for a clock that the board cannot
    have, or that cannot make the baud rate.
    """
    from threshc.hdl.flow.routing import checked_frequency
    from threshc.hdl.shell.uart import divisor
    from threshc.hdl.targets.clock import at_most, crystal, near

    if clock is None or clock == FASTEST:
        if clock is not None:
            at_most(target, 1.0)  # refuses a target without a crystal or a PLL
            for name, given in (("freq", freq), ("target_fmax", target_fmax)):
                if given is not None:
                    what = f"{option('clock', FASTEST)} and {option(name)} cannot be together"
                    why = "the one runs as fast as the circuit bears, the other asks for a speed"
                    raise fail(
                        what, where=option(name), why=why, hint=f"{option('clock')} with a frequency, or omit one"
                    )
        found = None if target.board is None else crystal(target)
    elif isinstance(clock, str):
        hint = "a frequency, or max"
        raise fail(f"clock {clock!r} is not understood", where=option("clock"), hint=hint)
    else:
        found = near(target, checked_frequency(clock, "clock"))
    if found is not None and baud is not None:
        divisor(found.hz, baud)
    return found


def check_link(target: Target, link: str, baud: int | None) -> Link:
    """Returns the link between a board and its host. Raises CompileError where the board has none of that kind, and for
    a baud rate of one that has none."""
    from threshc.hdl.targets.links import UART, link_of

    found = link_of(link, target)
    if found.kind != UART and baud is not None:
        why = f"it is the UART's, and {option('link')} asks for {found.kind.upper()}"
        raise fail("an option would have no effect", where=option("baud"), why=why, hint=f"omit {option('baud')}")
    return found


def refuse_both(pipeline: str | int, freq: float | None) -> None:
    """Raises CompileError for what cannot be given beside target_fmax, which chooses or implies it."""
    for name, given in (("pipeline", pipeline != "auto"), ("freq", freq is not None)):
        if given:
            why = "it chooses the registers itself" if name == "pipeline" else "it must be reached as well"
            what = f"{option('target_fmax')} and {option(name)} cannot be together"
            raise fail(what, where=option(name), why=why, hint="omit one")
