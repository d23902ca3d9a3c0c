"""Random chains of folded and unrolled layers and converters, simulated in Amaranth, and their meaning in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.links import Gather, Split
from threshc.hdl.folded.schedule import GatherStage, PipelineStage, SplitStage, Stage
from threshc.hdl.folded.unit import folded_unit
from threshc.hdl.interface import Timing
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.emit import component


@dataclass(frozen=True)
class Random:
    """parts and stages of a chain; layers; beats of some samples in, answers (samples, bits) that are right."""

    parts: list[Any]
    stages: list[Stage]
    layers: list[FoldedLayer]
    beats: list[int]
    answers: np.ndarray


def random_chain(rng: np.random.Generator, samples: int = 5, unrolled: float = 0.0) -> Random:
    """unrolled: how often a layer is an unrolled unit, which takes a sample in a beat and answers in one."""
    parts: list[Any] = []
    stages: list[Stage] = []
    layers: list[FoldedLayer] = []
    width = columns = 0
    for k in range(int(rng.integers(1, 4))):
        simd = int(rng.choice([1, 2, 4, 8, 16]))
        columns = columns or int(rng.integers(1, 7)) * simd
        pipeline = bool(unrolled and rng.random() < unrolled)
        if pipeline:
            simd = columns
        if k and (columns % simd or (width % simd and simd % width)):
            simd = width
        pe, groups = int(rng.choice([1, 2, 4, 8])), int(rng.integers(1, 6))
        if pipeline:
            pe, groups = pe * groups, 1
        negative = rng.integers(0, 2, (pe * groups, columns)).astype(np.uint8)
        start = rng.integers(-3, 4, pe * groups)
        layer = FoldedLayer(f"l{k}", negative, start, pe, simd, inputs=int(rng.choice([4, 6])))
        made, stage = _pipeline(rng, layer) if pipeline else _folded(rng, layer)
        if k and simd != width:
            link, converter = (Gather, GatherStage) if simd > width else (Split, SplitStage)
            count = max(simd, width) // min(simd, width)
            parts.append(link(min(simd, width), count))
            stages.append(converter(count=count))
        parts.append(made)
        stages.append(stage)
        layers.append(layer)
        width, columns = pe, pe * groups
    first = layers[0]
    x = rng.integers(0, 2, (samples, first.chunks * first.simd))
    chunks = x.reshape(-1, first.simd)
    beats = [sum(int(b) << j for j, b in enumerate(chunk)) for chunk in chunks]
    for layer in layers:
        x = (x @ (1 - 2 * layer.negative.astype(np.int64)).T + layer.start >= 0).astype(np.int64)
    return Random(parts, stages, layers, beats, x)


def _folded(rng: np.random.Generator, layer: FoldedLayer) -> tuple[Any, Stage]:
    places, queue = int(rng.integers(layer.chunks, 2 * layer.chunks + 1)), int(rng.integers(1, 5))
    unit = folded_unit(layer.name, layer, places=places, queue=queue, levels=int(rng.integers(1, 5)))
    return unit.component(instances=False), unit.stage()


def _pipeline(rng: np.random.Generator, layer: FoldedLayer) -> tuple[Any, Stage]:
    """The layer unrolled, with few or many registers, and with a second place for its answer or without."""
    rows, columns = layer.negative.shape
    weights = (1 - 2 * layer.negative.astype(np.int64)).astype(np.int8)
    ops = (
        Input("x", (columns,), parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, layer.start),
        Compare(2, np.arange(rows), np.zeros(rows, np.int64)),
    )
    network = Network("p", ops, (Output("y", 3, "bits", np.ones(()), np.zeros(())),))
    design = build_design(network, CircuitOptions(pipeline=[1, 2, "none"][int(rng.integers(3))]))
    (own,) = design.interface.timing.pipelines
    own = replace(own, buffered=bool(rng.integers(2)))
    design = replace(design, interface=replace(design.interface, timing=Timing(own.latency, pipelines=(own,))))
    return component(design), PipelineStage(latency=own.latency, buffered=own.buffered)


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
