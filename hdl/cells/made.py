"""What the tools write as JSON: netlists, reports of timing and cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from threshc.compiler.bounded import read_json

_LIMIT, _VALUES = 1 << 30, 1 << 27  # a routed netlist of the largest device takes some hundreds of megabytes


def read_made(path: Path, what: str = "tool's file") -> Any:
    """Returns what a JSON file of a tool holds. Raises CompileError where it is none, or above 1 GiB."""
    return read_json(path, what, limit=_LIMIT, values=_VALUES)
