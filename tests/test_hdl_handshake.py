"""Streams of short pipelines: stalls at random lose and invent nothing, and all else is as in any pipeline."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import pytest

from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.emit import component
from threshc.hdl.unrolled.probes import with_probe
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim import reference, rtl


@pytest.mark.parametrize("pipeline", [1, 2, 4, 5])
def test_stalls(pipeline: int) -> None:
    network = networks.random_dense(np.random.default_rng(1), (10, 7, 4))
    x = networks.random_samples(np.random.default_rng(2), network, 60)
    design = build_design(network, CircuitOptions(pipeline=pipeline))
    assert design.interface.timing.pipelines[0].buffered == (pipeline < 5)
    want = reference.run(network, x)
    for stall in (False, True):
        got = rtl.run(UnrolledUnit(with_probe(design)), x, stall=stall, simulator="amaranth")
        np.testing.assert_array_equal(got.labels, want.labels)
        for one, other in zip(got.bits, want.bits, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_full_buffer_stands_still_and_goes_on() -> None:
    """Samples enter in every cycle while nobody takes answers: latency + 1 of them, and all come out in order."""
    from amaranth.sim import Simulator

    network = networks.random_dense(np.random.default_rng(3), (6, 5, 3))
    design = build_design(network, CircuitOptions(pipeline=2))
    dut: Any = component(design)
    x = np.arange(64)[:, None] >> np.arange(6) & 1
    want = np.asarray(reference.run(network, x).labels).tolist()
    taken: list[int] = []
    got: list[int] = []

    async def bench(ctx: Any) -> None:
        for cycle in range(300):
            waiting = len(taken) < len(x)
            ctx.set(dut.i.valid, waiting)
            ctx.set(dut.i.payload, len(taken) % 64)
            ctx.set(dut.o.ready, cycle >= 60)
            if cycle == 59:
                assert not ctx.get(dut.i.ready)
                assert len(taken) == design.interface.timing.latency + 1
            if ctx.get(dut.i.valid) and ctx.get(dut.i.ready):
                taken.append(len(taken))
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                got.append(ctx.get(dut.o.payload))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert got == want
