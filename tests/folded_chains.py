"""Random chains of folded layers and width converters, their simulation in Amaranth, and their meaning in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.links import Gather, Split
from threshc.hdl.folded.schedule import GatherStage, SplitStage, Stage
from threshc.hdl.folded.unit import folded_unit


@dataclass(frozen=True)
class Random:
    """parts and stages of a chain; layers; beats of some samples in, answers (samples, bits) that are right."""

    parts: list[Any]
    stages: list[Stage]
    layers: list[FoldedLayer]
    beats: list[int]
    answers: np.ndarray


def random_chain(rng: np.random.Generator, samples: int = 5) -> Random:
    parts: list[Any] = []
    stages: list[Stage] = []
    layers: list[FoldedLayer] = []
    width = columns = 0
    for k in range(int(rng.integers(1, 4))):
        simd = int(rng.choice([1, 2, 4, 8, 16]))
        columns = columns or int(rng.integers(1, 7)) * simd
        if k and (columns % simd or (width % simd and simd % width)):
            simd = width
        pe, groups = int(rng.choice([1, 2, 4, 8])), int(rng.integers(1, 6))
        negative = rng.integers(0, 2, (pe * groups, columns)).astype(np.uint8)
        start = rng.integers(-3, 4, pe * groups)
        layer = FoldedLayer(f"l{k}", negative, start, pe, simd, inputs=int(rng.choice([4, 6])))
        places = int(rng.integers(layer.chunks, 2 * layer.chunks + 1))
        unit = folded_unit(f"l{k}", layer, places=places, queue=int(rng.integers(1, 5)), levels=int(rng.integers(1, 5)))
        if k and simd != width:
            link, stage = (Gather, GatherStage) if simd > width else (Split, SplitStage)
            count = max(simd, width) // min(simd, width)
            parts.append(link(min(simd, width), count))
            stages.append(stage(count=count))
        parts.append(unit.component(instances=False))
        stages.append(unit.stage())
        layers.append(layer)
        width, columns = pe, pe * groups
    first = layers[0]
    x = rng.integers(0, 2, (samples, first.chunks * first.simd))
    chunks = x.reshape(-1, first.simd)
    beats = [sum(int(b) << j for j, b in enumerate(chunk)) for chunk in chunks]
    for layer in layers:
        x = (x @ (1 - 2 * layer.negative.astype(np.int64)).T + layer.start >= 0).astype(np.int64)
    return Random(parts, stages, layers, beats, x)


def simulate(
    top: Any, beats: Sequence[int], offered: np.ndarray, taken: np.ndarray, count: int, most: int = 100_000
) -> tuple[list[int], list[tuple[int, int]]]:
    """Cycles of the transfers in; cycles and payloads of the transfers out."""
    ins: list[int] = []
    outs: list[tuple[int, int]] = []

    async def bench(ctx: Any) -> None:
        k = t = 0
        offering = False
        while len(outs) < count and t < most:
            offering = k < len(beats) and bool(offering or offered[t % len(offered)])
            ready = bool(taken[t % len(taken)])
            ctx.set(top.i.valid, offering)
            if offering:
                ctx.set(top.i.payload, beats[k])
            ctx.set(top.o.ready, ready)
            if ready and ctx.get(top.o.valid):
                outs.append((t, ctx.get(top.o.payload)))
            if offering and ctx.get(top.i.ready):
                ins.append(t)
                k, offering = k + 1, False
            await ctx.tick()
            t += 1

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return ins, outs
