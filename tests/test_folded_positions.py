"""Layers of maps as one circuit for all positions: every bit and every transfer, refusals, and the proof."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from folded_chains import simulate
from position_networks import random_maps

from threshc.hdl.chain import build
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.schedule import Sink, run
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack, to_beats, to_int
from threshc.sim import reference, rtl


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_every_hidden_bit_of_random_networks(seed: int) -> None:
    net, fold = random_maps(seed)
    circuit = build(net, CircuitOptions(fold=fold))
    x = networks.random_samples(np.random.default_rng(1), net, 4)
    want = reference.run(net, x)
    for stall in (False, True):
        got = rtl.run(circuit.probed(), x, simulator="amaranth", stall=stall)
        assert len(got.bits) == len(want.bits) > 0
        for one, other in zip(got.bits, want.bits, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(got.values[-1], want.values[-1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16, 32))
def test_every_transfer_of_random_networks(seed: int) -> None:
    net, fold = random_maps(seed)
    circuit = build(net, CircuitOptions(fold=fold))
    assert isinstance(circuit, FoldedChain)
    rng = np.random.default_rng(seed)
    x, io = networks.random_samples(rng, net, 3), circuit.interface
    beats = [to_int(beat) for beat in to_beats(pack(net, x), io.input)]
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    seen = simulate(circuit.component(), beats, offered, taken, len(x) * io.output.count)
    ins, outs = run([*circuit.stages(), Sink(pattern=taken.tolist())], len(beats), offered.tolist())
    assert [t for t, _ in seen.outs] == outs
    assert seen.ins == ins[: len(seen.ins)]
