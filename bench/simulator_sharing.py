"""What counting rows three at a time saves: every layer of the bench networks, and of models, with it and without.

    python -m bench.simulator_sharing [MODEL ...] [--quick]

Literals that the tables of a layer hold, and CPU time of one thread per sample, medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

import threshc
from bench.measure import interleave
from bench.networks import DENSE, cnv_layers, cnv_network, dense_network, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum
from threshc.sim.packed.planes import neurons
from threshc.sim.packed.planes.driver import Steps
from threshc.sim.packed.planes.layout import LANES
from threshc.sim.packed.planes.plan import plan

NONE: NDArray[np.int64] = np.zeros((0, 3), np.int64)


def networks(files: list[str]) -> Iterator[tuple[str, Network, int]]:
    """Name, network, and blocks of samples that pass a layer together."""
    for file in files:
        yield file.rsplit("/", 1)[-1], threshc.load(file), 4
    for name, sizes in DENSE.items():
        yield name, dense_network(name, layers(sizes)), 4
    yield "CNV", cnv_network(cnv_layers()), 1


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less precise")
    chosen = parser.parse_args()
    print("network           weights       literals: alone   shared    ratio   ns/sample: alone     shared    ratio")
    for name, network, blocks in networks(chosen.models):
        plan.cache_clear()
        with patch.object(neurons, "choose", lambda weights, choice: (NONE, choice)):
            alone = plan(network)
        plan.cache_clear()
        shared = plan(network)
        for v, op in enumerate(network.ops):
            if not isinstance(op, Sum) or alone.spent[v][1] == shared.spent[v][1]:
                continue
            calls = {k: Steps(p, list(p.spent[v][0]), blocks) for k, p in (("alone", alone), ("shared", shared))}
            times = interleave(calls, 5 if chosen.quick else 21, 0.002, clock=time.thread_time)
            literals = alone.spent[v][1], shared.spent[v][1]
            took = [times[k].median * 1e9 / (blocks * LANES) for k in ("alone", "shared")]
            ratio = float(np.median(times["alone"].seconds / times["shared"].seconds))
            shape = " x ".join(map(str, op.weights.shape))
            print(
                f"{name:16}  {shape:12}  {literals[0]:15,} {literals[1]:8,}  {literals[0] / literals[1]:6.2f}x "
                f"{took[0]:17,.2f} {took[1]:10,.2f}  {ratio:6.2f}x"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
