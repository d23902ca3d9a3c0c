"""The packed simulator: exactly `sim.reference`, faster. Two engines, machine code in explicit 512-bit vectors.

Small batches: one sample per row of words, XNOR and popcount. Large ones: one sample per bit of 512-bit planes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.processors import cores
from threshc.sim.inputs import encode
from threshc.sim.result import Result

if TYPE_CHECKING:
    from threshc.sim.packed.planes.activity import Activity
    from threshc.sim.packed.prepared import Single

CROSSOVER = 256
"""Up to so many samples the word engine is the quicker one (docs/explanation/simulator.md)."""
CROSSOVER_WITHOUT_POPCOUNT = 128
"""The same on processors that do not count the ones of vectors."""


def run(
    network: Network,
    x: ArrayLike,
    *,
    bits: bool = True,
    threads: int | None = None,
    activity: Activity | None = None,
) -> Result:
    """Evaluates a network on samples (see `encode` for shapes and dtypes).

    bits: also unpack every hidden bit. threads: how many threads share the samples at most, None: all cores.
    activity: an `activity.Activity` of the network, which counts on.
    The very first call on a machine compiles for some seconds; the machine code is kept in the user's cache.
    """
    return Result(network, *evaluate(network, encode(network, x), bits, threads, activity))


def evaluate(
    network: Network, x: NDArray[np.integer], bits: bool, threads: int | None, activity: Activity | None = None
) -> tuple[tuple[NDArray[np.integer], ...], tuple[NDArray[np.uint8], ...]]:
    """Does what `run` does, for samples (N, n) that `encode` has made: values and bits of a Result."""
    from threshc.sim.packed.planes.driver import execute_plan
    from threshc.sim.packed.planes.plan import plan
    from threshc.sim.packed.words.driver import execute_word_plan
    from threshc.sim.packed.words.plan import word_plan

    if len(x) <= crossover() and activity is None:
        words = word_plan(network)
        if words is not None:
            return execute_word_plan(words, x, bits)
    return execute_plan(plan(network), x, bits, threads or cores(), activity)


@cache
def crossover() -> int:
    """Returns the CROSSOVER of this processor."""
    from threshc.sim.packed.machine.image import processor

    return CROSSOVER if b"avx512_vpopcntdq" in processor() else CROSSOVER_WITHOUT_POPCOUNT


def single(network: Network) -> Single:
    """Returns the network as a function of one sample, for calls that shall take as little time as possible."""
    from threshc.sim.packed.prepared import Single

    return Single(network, run)
