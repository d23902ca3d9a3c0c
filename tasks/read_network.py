"""Models in, networks out, for all tasks: ONNX files, `.thresh` files, and the folders that `compile` makes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note
from threshc.tasks.failed_build import ERROR
from threshc.tasks.options import USUAL_MODEL, ModelOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from threshc.compiler.frontend.source import Source

    Model = Source | Network

THRESH = "model.thresh"
"""The network's name in the folders that `compile` makes."""


def load_network(
    model: Model,
    options: ModelOptions = USUAL_MODEL,
    *,
    x: ArrayLike | None = None,
    note: Note | None = None,
    verify_passes: bool = False,
    print_after: Callable[[str, Network], None] | None = None,
) -> Network:
    """Does what `load` does for the commands: verify_passes checks each pass by evaluation, print_after sees
    the network after each. note is told what options changed. x: samples
    as `simulate` takes them, on which it is looked at what snap_weights changed; None: random ones.

    Networks and .thresh files are not changed; they state their input themselves. Networks of .onnx files are
    kept in the user's cache where no option asks for more.
    """

    def smaller(network: Network) -> Network:
        if options.weight_bits is None:
            return network
        from threshc.tasks.weights import reduce_weights

        network, change = reduce_weights(network, options.weight_bits)
        if note is not None:
            note(change)
        return network

    ready = ready_made(model)
    if ready is not None:
        check_ready(ready, options)
        return smaller(ready)
    assert not isinstance(model, Network)

    def read() -> Network:
        from threshc.compiler.frontend.load import load as read_onnx
        from threshc.compiler.passes.pipeline import optimize

        if options.snap_weights is None:
            network = read_onnx(model, input=options.input, exact_scores=options.exact_scores)
        else:
            from threshc.tasks.weights import read_snapped

            network, change = read_snapped(model, options, x)
            if note is not None:
                note(change)
        if options.raw:
            return network
        return optimize(smaller(network), verify=_evaluate if verify_passes else None, print_after=print_after)

    usual = replace(options, input=None) == USUAL_MODEL and not verify_passes and print_after is None
    if usual and isinstance(model, str | os.PathLike):
        from threshc.tasks.network_cache import cached

        return cached(model, options.input, read)
    return read()


def thresh_of(folder: Path) -> Path:
    """Returns the network's file in a folder that `compile` made. Raises CompileError where there is none."""
    path = folder / THRESH
    if not os.path.isfile(path):
        raise fail(
            f"the folder holds no {THRESH}",
            where=str(path.parent),
            why=f"it is what a failed build left: {ERROR}" if (path.parent / ERROR).is_file() else "",
            hint="name a model, or a folder made by threshc",
        )
    return path


def ready_made(model: Model) -> Network | None:
    """Returns the network of a .thresh file, of a folder made by `compile`, or itself; None for anything else."""
    if isinstance(model, Network):
        return model
    if not isinstance(model, str | os.PathLike):
        return None
    path = Path(model)
    if os.path.isdir(path):
        path = thresh_of(path)
    if path.suffix != ".thresh":
        return None
    from threshc.compiler.ir.storage import load_thresh

    return load_thresh(path)


def check_ready(network: Network, options: ModelOptions) -> None:
    """Raises CompileError for options that a network, which holds whole numbers and its input, contradicts."""
    if options.input is not None and not _same_input(network, options.input):
        said = f"the network states its input: {network.input.encoding}"
        raise fail(said, where=option("input"), hint=f"omit {option('input')}")
    if options.snap_weights is not None:
        said, hint = "the network is made of whole numbers already", "start from the .onnx file"
        raise fail(said, where=option("snap_weights"), hint=hint)
    _want_exact(network, options.exact_scores)


def _want_exact(network: Network, exact: bool) -> None:
    """Refuses a ready network whose scores' margins are not the model's, in one unit, where they are wanted."""
    scores = network.output("scores")
    if (
        exact
        and scores is not None
        and (scores.order_only or len(set(scores.scale.ravel())) > 1 or len(set(scores.offset.ravel())) > 1)
    ):
        said = "the network holds the scores' order, not their margins"
        asked = option("scores", "exact")
        raise fail(said, where=asked, hint=f"start from the .onnx file with {asked}")


def _same_input(network: Network, input: str) -> bool:
    """Whether a stated input is the network's own, however it is spelled."""
    from threshc.compiler.encoding import Affine, parse_encoding

    own, stated = network.input.encoding, parse_encoding(input)
    return isinstance(own, Affine) and replace(own, inner=0) == stated


def _evaluate(network: Network, x: NDArray[np.generic]) -> tuple[NDArray[np.integer], ...]:
    from threshc.sim import reference

    return reference.run(network, x).values
