"""Models as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    import onnx


def write_model(model: onnx.ModelProto, path: str | Path) -> None:
    """Writes the model, whole or not at all. Raises CompileError where the file cannot be written."""
    data = model.SerializeToString()
    goal = Path(path)
    draft = goal.with_name(f".{goal.name}.partial")
    try:
        draft.write_bytes(data)
        os.replace(draft, goal)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise fail("the model cannot be written", where=str(path), why=error.strerror or str(error)) from None
