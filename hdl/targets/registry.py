"""All targets: every module of this package that has a `TARGET`. A new board is one new file and nothing else."""

from __future__ import annotations

from difflib import get_close_matches

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.discovery import entries
from threshc.hdl.targets.base import Target


def targets() -> dict[str, Target]:
    """Returns every known target by name, boards first, then bare devices, alphabetical."""
    found: list[Target] = entries("threshc.hdl.targets", "TARGET")
    return {t.name: t for t in sorted(found, key=lambda t: (t.board is None, t.name))}


def target(name: str) -> Target:
    """Returns the target of that name (any case). Raises CompileError that lists the known ones."""
    known, given = targets(), str(name).lower()
    if given in known:
        return known[given]
    near = get_close_matches(given, known, 1)
    raise fail(
        f"target {name!r} is not known" + (f"; did you mean {near[0]!r}?" if near else ""),
        where=option("target"),
        hint="one of " + ", ".join(known),
    )
