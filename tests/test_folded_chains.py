"""Folded chains in Amaranth's simulator: every bit, and every transfer in the cycle that the model says."""

from __future__ import annotations

import folded_chains
import numpy as np
import pytest

from threshc.hdl.folded import schedule
from threshc.hdl.folded.chain import _Chain


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "unrolled"), [(s, 0.0) for s in range(40)] + [(s, 0.5) for s in range(40, 60)])
def test_random_chains(seed: int, unrolled: float) -> None:
    """unrolled: how many of the layers are, about; their registers stall together, with a second place or without."""
    rng = np.random.default_rng(seed)
    chain = folded_chains.random_chain(rng, 5 if not unrolled else 20, unrolled)
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    last = chain.layers[-1]
    count = len(chain.answers) * last.groups
    ins, outs = folded_chains.simulate(_Chain(chain.parts, ()), chain.beats, offered, taken, count)
    stages = [*chain.stages, schedule.Sink(pattern=taken.tolist())]
    want_in, want_out = schedule.run(stages, len(chain.beats), offered.tolist())
    assert [t for t, _ in outs] == want_out
    assert ins == want_in[: len(ins)]  # the last beats in may still be under way when the last one out leaves
    bits = np.array([[word >> k & 1 for k in range(last.pe)] for _, word in outs]).reshape(len(chain.answers), -1)
    np.testing.assert_array_equal(bits, chain.answers)
