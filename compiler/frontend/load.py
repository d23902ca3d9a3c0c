"""ONNX in, Network out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.encoding import Affine, parse_encoding
from threshc.compiler.frontend.batch import want_apart
from threshc.compiler.frontend.graph import build_graph
from threshc.compiler.frontend.lower import Lowered, lower
from threshc.compiler.frontend.snapping import MOST_ULPS, needed, snap
from threshc.compiler.frontend.source import read_model
from threshc.compiler.ir.network import Network

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from threshc.compiler.frontend.source import Source


def lower_model(
    source: Source,
    *,
    input: str | Affine | None = None,
    exact_scores: bool = False,
    snap_weights: int | None = None,
) -> Lowered:
    """Returns a model as a network before any pass, with its graph and the probes that `verify` compares.

    source: path of an .onnx or .onnx.gz file, its bytes, or a ModelProto. input: how integers encode the model's
    real features (`uint8/255`, `bipolar`, ..., see `parse_encoding`); None where the model compares them itself.
    exact_scores, snap_weights: see `threshc.tasks.load.load`. Raises CompileError with every problem found.
    """
    encoding = parse_input(input)
    try:
        model, folder = read_model(source)
        if snap_weights is not None:
            model, _ = snap(model, folder, snap_weights)
        return lower_parsed(model, folder, encoding, exact_scores=exact_scores)
    except MemoryError as error:
        why = str(error).splitlines()[0] if str(error) else ""
        raise fail(
            "the model needs more memory than there is", why=why, hint="compile it on a larger machine"
        ) from error


def lower_parsed(
    model: onnx.ModelProto, folder: Path | None, encoding: Affine | None, *, exact_scores: bool = False
) -> Lowered:
    """Returns `lower_model` of a parsed model; folder: where its external data may lie.

    A model that is refused only because its weights are multiples of one size but for rounding is refused for that.
    """
    try:
        lowered = lower(build_graph(model, folder), encoding, exact_scores=exact_scores)
    except CompileError as error:
        snapped, layers = snap(model, folder, MOST_ULPS)
        if not layers:
            raise
        try:
            lower(build_graph(snapped, folder), encoding, exact_scores=exact_scores)
        except CompileError:
            raise error from None
        raise needed(layers, error) from error
    want_apart(lowered.graph, encoding)
    return lowered


def parse_input(input: str | Affine | None) -> Affine | None:
    """Returns the encoding that a caller states, as text or as such; None where the model compares its features
    itself."""
    return parse_encoding(input) if isinstance(input, str) else input


def load(source: Source, *, input: str | Affine | None = None, exact_scores: bool = False) -> Network:
    """Returns a model as a network, before any pass. See `lower_model`."""
    return lower_model(source, input=input, exact_scores=exact_scores).network
