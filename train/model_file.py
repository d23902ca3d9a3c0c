"""Models as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.files import write_whole

if TYPE_CHECKING:
    import onnx


def write_model(model: onnx.ModelProto, path: str | Path) -> None:
    """Writes the model, whole or not at all. Raises CompileError where the file cannot be written."""
    write_whole(path, model.SerializeToString())
