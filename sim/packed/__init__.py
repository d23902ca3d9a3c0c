"""The packed simulator: 512 samples per bit plane, compiled by Numba on first use; exactly `sim.reference`, faster."""

from __future__ import annotations

from numpy.typing import ArrayLike

from threshc.compiler.ir.network import Network
from threshc.sim.inputs import encode
from threshc.sim.result import Result


def run(network: Network, x: ArrayLike, *, bits: bool = True, threads: int = 1) -> Result:
    """Evaluate a network on samples (see `encode` for shapes and dtypes).

    bits: also unpack every hidden bit. threads: how many threads share the samples, in blocks of 512.
    The first call compiles for some seconds; the machine code is kept in Numba's cache where it can be written.
    """
    from threshc.sim.packed.driver import execute_plan
    from threshc.sim.packed.plan import plan

    return Result(network, *execute_plan(plan(network), encode(network, x), bits, threads))
