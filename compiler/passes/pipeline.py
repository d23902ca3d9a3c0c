"""The passes in order, and the loop that runs them until none finds anything more to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.passes.check import Evaluate, check_pass
from threshc.compiler.passes.clamp_thresholds import ClampThresholds
from threshc.compiler.passes.divide_by_gcd import DivideByGcd
from threshc.compiler.passes.drop_unused import DropUnused
from threshc.compiler.passes.fold_constants import FoldConstants
from threshc.compiler.passes.merge_neurons import MergeNeurons
from threshc.compiler.passes.prune_inputs import PruneInputs
from threshc.compiler.passes.share_sums import ShareSums
from threshc.compiler.passes.simplify_gathers import SimplifyGathers


class Pass(Protocol):
    """Valid network in, valid network out with the same outputs for every input; the very same object when there is
    nothing to do."""

    def apply(self, network: Network) -> Network:
        """Returns the rewritten network."""
        ...


PIPELINE: tuple[Pass, ...] = (
    SimplifyGathers(),
    FoldConstants(),
    ShareSums(),
    PruneInputs(),
    DivideByGcd(),
    ClampThresholds(),
    MergeNeurons(),
    DropUnused(),
)
"""What `optimize` runs. Order matters for speed only: the tuple is repeated until a whole round changes nothing."""

MAX_ROUNDS = 64


class PassError(AssertionError):
    """A pass broke its promise: a bug of threshc, not of the model."""


def pass_names(passes: Sequence[Pass] = PIPELINE) -> tuple[str, ...]:
    """Returns the names that `print_after` is called with and `stop_after` takes, in order."""
    return tuple(dict.fromkeys(type(p).__name__ for p in passes))


def optimize(
    network: Network,
    *,
    passes: Sequence[Pass] = PIPELINE,
    verify: Evaluate | None = None,
    print_after: Callable[[str, Network], None] | None = None,
    stop_after: str | None = None,
) -> Network:
    """Returns the network after the passes: same input, same outputs on every sample, less to build.

    verify: an evaluator (sim.reference, say); every step is then checked by `check_pass`. print_after is called with
    name and network after every pass that ran, changed or not. stop_after ends after the first run of that pass.
    Raises CompileError for an unknown name in stop_after and PassError when a pass fails or changes what is computed.
    """
    if stop_after is not None and stop_after not in pass_names(passes):
        raise fail(f"there is no pass {stop_after!r}", where=option("stop_after"), hint=", ".join(pass_names(passes)))
    rng = np.random.default_rng(0)
    done: list[str] = []
    for _ in range(MAX_ROUNDS):
        before_round = network
        for step in passes:
            name = type(step).__name__
            network = _run(step, network, done, verify, rng)
            done.append(name)
            if print_after is not None:
                print_after(name, network)
            if name == stop_after:
                return network
        if network is before_round:
            break
    return network


def _run(step: Pass, network: Network, done: list[str], verify: Evaluate | None, rng: np.random.Generator) -> Network:
    name = type(step).__name__
    history = f"pass {name} (after {', '.join(done) or 'no other pass'})"
    try:
        after = step.apply(network)
    except Exception as error:
        raise PassError(f"{history} failed: {error}") from error
    if verify is None or after is network:
        return after
    difference = check_pass(network, after, verify, rng)
    if difference is not None:
        raise PassError(f"{history} changed what the network computes: {difference}")
    return after
