"""Every registered neuron architecture: its simulated hardware equals plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from architectures import WIDE
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.ops import Sum
from threshc.hdl.unrolled.emit import Emitter
from threshc.hdl.unrolled.heap import weigh
from threshc.hdl.unrolled.layers import cheapest
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.neurons import ARCHITECTURES, Architecture

pytestmark = pytest.mark.slow


class Neurons(wiring.Component):
    """Threshold neurons of an architecture alone, combinational, between `x` (C bits) and `y` (R bits)."""

    def __init__(self, architecture: Architecture, weights: NDArray[np.int64], thresholds: NDArray[np.int64]) -> None:
        self._net = Netlist()
        x = self._net.inputs(weights.shape[1])
        heap = weigh(x[None], weights, np.zeros(len(weights), np.int64))
        self._fires = architecture.threshold_bits(self._net, heap, thresholds.tolist())
        super().__init__({"x": In(len(x)), "y": Out(len(weights))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        emitter = Emitter(m, self._net, self._net.live(self._fires), self.x, None)
        m.d.comb += self.y.eq(emitter.value(self._fires))
        return m


def simulate(dut: Any, x: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The outputs (N, R) of Neurons for bits (N, C)."""
    out: list[list[int]] = []

    async def bench(ctx: Any) -> None:
        for row in x.tolist():
            ctx.set(dut.x, sum(b << i for i, b in enumerate(row)))
            await ctx.delay(1e-6)
            y = ctx.get(dut.y)
            out.append([y >> r & 1 for r in range(len(dut.y))])

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()
    return np.array(out, np.uint8)


def check(name: str, weights: NDArray[np.int64], thresholds: NDArray[np.int64], x: NDArray[np.int64]) -> None:
    architecture = ARCHITECTURES[name]
    architecture.check(weights)
    want = (x @ weights.T >= thresholds).astype(np.uint8)
    np.testing.assert_array_equal(simulate(Neurons(architecture, weights, thresholds), x), want)
    cost = architecture.predict(weights)
    assert min(cost.lut4, cost.lut6) >= 0
    assert min(cost.depth4, cost.depth6) >= 1


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["pm1", "ternary", "int", "zero"])
def test_every_input_and_every_threshold(name: str, kind: str) -> None:
    """All 2**6 inputs against every threshold from below to beyond the reachable sums."""
    rng = np.random.default_rng(1)
    row = {
        "pm1": rng.choice([-1, 1], 6),
        "ternary": rng.integers(-1, 2, 6),
        "int": rng.integers(-9, 10, 6),
        "zero": np.zeros(6, np.int64),
    }[kind].astype(np.int64)
    lo, hi = int(np.minimum(row, 0).sum()), int(np.maximum(row, 0).sum())
    thresholds = np.arange(lo - 1, hi + 3)
    x = (np.arange(64)[:, None] >> np.arange(6)) & 1
    check(name, np.tile(row, (len(thresholds), 1)), thresholds, x)


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("inputs", [37, 130])
def test_wide_neurons(name: str, inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    weights = np.concatenate([rng.choice([-1, 1], (3, inputs)), rng.integers(-20, 21, (3, inputs))])
    x = rng.integers(0, 2, (60, inputs))
    x[0], x[1] = 0, 1
    sums = x @ weights.T
    thresholds = sums[np.arange(6) * 7, np.arange(6)]  # reached exactly by some sample
    check(name, weights, thresholds, x)


@pytest.mark.parametrize("name", ARCHITECTURES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_random_neurons(name: str, data: st.DataObject) -> None:
    inputs = data.draw(st.integers(1, 6))
    limit = data.draw(st.sampled_from([1, 5, 1000, 2**50]))
    row = st.lists(st.integers(-limit, limit), min_size=inputs, max_size=inputs)
    weights = np.array(data.draw(st.lists(row, min_size=1, max_size=3)), np.int64)
    lo, hi = int(np.minimum(weights, 0).sum(1).min()), int(np.maximum(weights, 0).sum(1).max())
    thresholds = np.array([data.draw(st.integers(lo - 1, hi + 2)) for _ in weights], np.int64)
    x = (np.arange(1 << inputs)[:, None] >> np.arange(inputs)) & 1
    check(name, weights, thresholds, x)


def test_table_refuses_wide_neurons() -> None:
    with pytest.raises(CompileError, match="'table' takes up to 6 inputs, a neuron here has 7"):
        ARCHITECTURES["table"].check(np.ones((1, 7), np.int8))


def test_auto_takes_tables_for_few_inputs_and_heaps_for_many() -> None:
    bias = np.zeros(4, np.int64)
    assert cheapest(Sum(0, np.ones((4, 3), np.int8), bias)).name == "table"
    dense = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (4, 64))
    assert cheapest(Sum(0, dense, bias)).name == "pairs"
    assert cheapest(Sum(0, dense, bias), "xilinx").name == "counters"
