"""Every pass checked wherever `optimize` runs: `pytest --verify-passes`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import threshc.tasks.network_cache
from threshc.compiler.ir.network import Network
from threshc.compiler.passes import pipeline
from threshc.compiler.passes.check import Evaluate
from threshc.sim import reference

_CACHE = "THRESHC_CACHE"


@dataclass
class Count:
    """total: evaluations of networks before and after a pass that changed something."""

    total: int = 0


@contextmanager
def checked_passes() -> Iterator[Count]:
    """Within it, every step of `optimize` that is not checked already is checked by `sim.reference`.

    Networks are read from their models rather than from the user's cache, which would skip the passes; a test that sets
    a cache of its own keeps it.
    """
    count = Count()
    run, cached, folder = pipeline._run, threshc.tasks.network_cache.cached, os.environ.get(_CACHE)

    def evaluate(network: Network, samples: NDArray[np.generic]) -> Sequence[NDArray[np.generic]]:
        count.total += 1
        return reference.run(network, samples).values

    def checking(
        step: pipeline.Pass, network: Network, done: list[str], verify: Evaluate | None, rng: np.random.Generator
    ) -> Network:
        return run(step, network, done, verify or evaluate, rng)

    def uncached(model: str | os.PathLike[str], encoding: str | None, make: Callable[[], Network]) -> Network:
        return make() if os.environ.get(_CACHE) == folder else cached(model, encoding, make)

    with patch.object(pipeline, "_run", checking), patch.object(threshc.tasks.network_cache, "cached", uncached):
        yield count
