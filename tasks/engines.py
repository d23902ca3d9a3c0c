"""The simulators that `simulate` knows by name."""

from __future__ import annotations

from typing import Literal, get_args

from threshc.compiler.diagnostics import fail, option

Engine = Literal["packed", "reference", "rtl"]


def checked_engine(engine: str) -> None:
    """Raises CompileError for a name that is none of a simulator."""
    if engine not in get_args(Engine):
        raise fail(f"there is no engine {engine!r}", where=option("engine"), hint=", ".join(get_args(Engine)))
