"""Models in, networks out: ONNX files, `.thresh` files, and the folders that `compile` makes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from threshc.compiler.diagnostics import fail
from threshc.compiler.ir.network import Network
from threshc.tasks.failed_build import ERROR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from threshc.compiler.frontend.source import Source

    Model = Source | Network

Scores = bool | Literal["exact"]
"""Whether a circuit puts out scores, and whether their margins are the model's."""

THRESH = "model.thresh"
"""The network's name in the folders that `compile` makes."""


def load(
    path: Source,
    *,
    input: str | None = None,
    weight_bits: str | int | None = None,
    snap_weights: int | None = None,
    exact_scores: bool = False,
    note: Callable[[str], None] | None = None,
) -> Network:
    """The network that a model computes, with exact integer thresholds, after all passes.

    path: an .onnx or .onnx.gz file (or its bytes, or a ModelProto), a .thresh file, or a folder made by `compile`.
    input: how integers encode the model's real features, e.g. "uint8/255" for pixels 0..255 whose real value is i/255,
    "bipolar", "bit", "int12*0.01"; None where the model states it. weight_bits: "min" for the smallest weights with a
    proof, a number to round weights to that many bits, see `tasks/weights.py`. snap_weights: how many float32 ulp
    weights may be moved to become small multiples of one size, as straight-through code leaves them; the change is
    compared with the float model on random samples. exact_scores: differences of scores are the model's, in one unit,
    the output's scale; without it integers as small as can be are chosen, whose order is the model's. note: told what
    these options changed; without it a change by snap_weights is a Python warning. Raises CompileError with every
    problem.
    """
    bits = None if weight_bits is None else str(weight_bits)
    if note is None and snap_weights is not None:

        def note(text: str) -> None:
            warnings.warn(text, stacklevel=3)

    return load_network(
        path, input=input, weight_bits=bits, snap_weights=snap_weights, exact_scores=exact_scores, note=note
    )


def load_network(
    model: Model,
    *,
    input: str | None = None,
    raw: bool = False,
    weight_bits: str | None = None,
    snap_weights: int | None = None,
    exact_scores: bool = False,
    x: ArrayLike | None = None,
    note: Callable[[str], None] | None = None,
    verify_passes: bool = False,
    print_after: Callable[[str, Network], None] | None = None,
) -> Network:
    """`load` for the commands: raw leaves the passes out, verify_passes checks each by evaluation, print_after sees
    the network after each. weight_bits, snap_weights: see `weights.py`; note is told what they changed. x: samples
    as `simulate` takes them, on which it is looked at what snap_weights changed; None: random ones.

    Networks and .thresh files are taken as they are; they state their input themselves. Networks of .onnx files are
    kept in the user's cache where no option asks for more.
    """

    def smaller(network: Network) -> Network:
        if weight_bits is None:
            return network
        from threshc.tasks.weights import reduce_weights

        network, change = reduce_weights(network, weight_bits)
        if note is not None:
            note(change)
        return network

    ready = ready_made(model)
    if ready is not None:
        if input is not None and not _same_input(ready, input):
            said = f"the network states its input: {ready.input.encoding}"
            raise fail(said, where="--input", hint="leave --input away")
        if snap_weights is not None:
            said, hint = "the network is made of whole numbers already", "start from the .onnx file"
            raise fail(said, where="--snap-weights", hint=hint)
        _want_exact(ready, exact_scores)
        return smaller(ready)
    assert not isinstance(model, Network)

    def read() -> Network:
        from threshc.compiler.frontend.load import load as read_onnx
        from threshc.compiler.passes.pipeline import optimize

        if snap_weights is None:
            network = read_onnx(model, input=input, exact_scores=exact_scores)
        else:
            from threshc.tasks.weights import read_snapped

            network, change = read_snapped(model, snap_weights, x, input=input, exact_scores=exact_scores)
            if note is not None:
                note(change)
        if raw:
            return network
        return optimize(smaller(network), verify=_evaluate if verify_passes else None, print_after=print_after)

    options = (raw, exact_scores, verify_passes, weight_bits is not None, snap_weights is not None)
    if not any(options) and print_after is None and isinstance(model, str | os.PathLike):
        from threshc.tasks.network_cache import cached

        return cached(model, input, read)
    return read()


def ready_made(model: Model) -> Network | None:
    """The network of a .thresh file, of a folder made by `compile`, or itself; None for anything else."""
    if isinstance(model, Network):
        return model
    if not isinstance(model, str | os.PathLike):
        return None
    path = Path(model)
    if os.path.isdir(path):
        path = path / THRESH
        if not os.path.isfile(path):
            raise fail(
                f"the folder holds no {THRESH}",
                where=str(path.parent),
                why=f"it is what a failed build left: {ERROR}" if (path.parent / ERROR).is_file() else "",
                hint="name a model, or a folder made by threshc",
            )
    if path.suffix != ".thresh":
        return None
    from threshc.compiler.ir.storage import load_thresh

    return load_thresh(path)


def _want_exact(network: Network, exact: bool) -> None:
    """Refuses a ready network whose scores' margins are not the model's, in one unit, where they are wanted."""
    scores = network.output("scores")
    if (
        exact
        and scores is not None
        and (scores.order_only or len(set(scores.scale.ravel())) > 1 or len(set(scores.offset.ravel())) > 1)
    ):
        said = "the network holds the scores' order, not their margins"
        raise fail(said, where="--scores exact", hint="start from the .onnx file with --scores exact")


def _same_input(network: Network, input: str) -> bool:
    """Whether a stated input is the network's own, however it is spelled."""
    from threshc.compiler.encoding import Affine, parse_encoding

    own, stated = network.input.encoding, parse_encoding(input)
    return isinstance(own, Affine) and replace(own, inner=0) == stated


def _evaluate(network: Network, x: NDArray[np.generic]) -> tuple[NDArray[np.integer], ...]:
    from threshc.sim import reference

    return reference.run(network, x).values
