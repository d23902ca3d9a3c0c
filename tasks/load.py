"""A model as a network."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note
from threshc.tasks.options import ModelKeywords, ModelOptions, lists_options, model_options
from threshc.tasks.read_network import load_network

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.compiler.frontend.source import Source


@lists_options(ModelOptions)
def load(
    path: Source,
    *,
    reading: ModelOptions | None = None,
    note: Note | None = None,
    **keywords: Unpack[ModelKeywords],
) -> Network:
    """Returns the network that a model computes, with exact integer thresholds, after all passes.

    path: an .onnx or .onnx.gz file (or its bytes, or a ModelProto), a .thresh file, or a folder made by `compile`.
    keywords: the fields of `ModelOptions` (`input`, `weight_bits`, `snap_weights`, `exact_scores`, `raw`); reading: the
    same as an object. note is called with sentences on what these options changed; without it, a change by snap_weights
    is a Python warning, with the number of samples on which it was compared with the float model.

    Raises CompileError with every problem of the model.
    """
    unknown = [name for name in keywords if name not in ModelKeywords.__annotations__]
    if unknown:
        raise TypeError(f"load() got an unexpected keyword argument {unknown[0]!r}")
    chosen = model_options(reading, keywords)
    if note is None and chosen.snap_weights is not None:

        def note(text: str) -> None:
            warnings.warn(text, stacklevel=3)

    return load_network(path, chosen, note=note)
