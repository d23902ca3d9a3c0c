"""All device families: every module of this package that has a `FAMILY`, found as targets are found."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.discovery import entries
from threshc.hdl.families.base import Family, Flow

USUAL = "ice40"
"""The family that is taken where some family is needed and none was named."""
_USUAL_INPUTS = 4


@cache
def families() -> dict[str, Family]:
    """Returns every family by name, in alphabetical order."""
    found: list[Family] = entries("threshc.hdl.families", "FAMILY")
    return {f.name: f for f in sorted(found, key=lambda f: f.name)}


def family(name: str) -> Family:
    """Returns the family of that name. Raises CompileError that lists the known ones."""
    known = families()
    if isinstance(name, str) and name in known:
        return known[name]
    near = get_close_matches(str(name).lower(), known, 1)
    raise fail(
        f"there is no device family {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        where=option("family"),
        hint="one of " + ", ".join(known),
    )


def flow_of(name: str) -> Flow:
    """Returns how a family is placed and routed. Raises CompileError for one that no open tool places and routes."""
    chosen = family(name)
    if chosen.flow is None:
        raise fail(
            f"there is no place and route for {chosen.title}",
            where=f"device family {name}",
            why="no open tool makes its bitstreams: its cells and its mapped Verilog are all there is",
            hint="give the mapped Verilog to the vendor's tool, or build for another family",
        )
    return chosen.flow


def table_inputs(name: str | None) -> int:
    """Inputs of a family's look-up tables; four without a family."""
    return _USUAL_INPUTS if name is None else family(name).inputs
