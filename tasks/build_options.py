"""Options of `build` that are about its tools, checked before the model is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.options import integer

if TYPE_CHECKING:
    from threshc.hdl.targets.base import Target

VERIFY = ("none", "netlist", "proof")
"""What `build` can check of Yosys' netlists."""


def check_tools(
    target: Target, freq: float | None, target_fmax: float | None, seed: object, baud: int, verify: str
) -> None:
    """Raises CompileError for options of the tools that are wrong, or that the target cannot do."""
    from threshc.hdl.families.registry import family, flow_of
    from threshc.hdl.flow.routing import checked_frequency
    from threshc.hdl.shell.uart import divisor

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
    if target.board is not None:
        divisor(target.board.clock_hz, baud)


def refuse_both(pipeline: str | int, freq: float | None) -> None:
    """Raises CompileError for what cannot be given beside target_fmax, which chooses or implies it."""
    for name, given in (("pipeline", pipeline != "auto"), ("freq", freq is not None)):
        if given:
            why = "it chooses the registers itself" if name == "pipeline" else "it must be reached as well"
            what = f"{option('target_fmax')} and {option(name)} cannot be together"
            raise fail(what, where=option(name), why=why, hint="omit one")
