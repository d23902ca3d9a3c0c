"""`--print-ir-after`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    from threshc.compiler.ir.network import Network


def ir_printer(names: list[str] | None) -> Callable[[str, Network], None] | None:
    """Returns what `optimize` calls after each pass: prints the text form after the named ones. None when none is
    named."""
    if not names:
        return None
    from threshc.compiler.passes.pipeline import pass_names

    known = {name.lower(): name for name in pass_names()}
    for name in names:
        if name.lower() not in {"all", *known}:
            raise fail(f"there is no pass {name!r}", where="--print-ir-after", hint=", ".join(("all", *known.values())))
    wanted = set(known.values()) if "all" in map(str.lower, names) else {known[name.lower()] for name in names}

    def show(name: str, network: Network) -> None:
        if name in wanted:
            print(f"# after {name}\n{network}")

    return show
