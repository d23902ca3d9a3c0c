"""The recurrences of the cycle model by themselves: pipelines against a model that goes cycle by cycle."""

from __future__ import annotations

import numpy as np
import pytest

from threshc.hdl.cells.handshake import Handshake
from threshc.hdl.folded import schedule
from threshc.hdl.interface import StalledTogether


@pytest.mark.parametrize("seed", range(200))
def test_pipelines(seed: int) -> None:
    """`Handshake` steps, and is itself compared with circuits in tests/test_beats.py."""
    rng = np.random.default_rng(seed)
    made = [StalledTogether(int(rng.integers(1, 7)), bool(rng.integers(2))) for _ in range(int(rng.integers(1, 4)))]
    offered, taken = (rng.random(61) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    offered[0] = taken[0] = True
    model, ins, outs, offering, t = Handshake(made), list[int](), list[int](), False, 0
    while len(outs) < 30:
        offering = len(ins) < 30 and bool(offering or offered[t % 61])
        ready = bool(taken[t % 61])
        valid, accepts = model.step(offering, ready)
        if offering and accepts:
            ins.append(t)
            offering = False
        if valid and ready:
            outs.append(t)
        t += 1
    stages = [schedule.PipelineStage(latency=p.latency, buffered=p.buffered) for p in made]
    want = schedule.run([*stages, schedule.Sink(pattern=taken.tolist())], 30, offered.tolist())
    assert (ins, outs) == want
