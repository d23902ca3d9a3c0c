"""Random chains of folded and unrolled layers and converters, simulated in Amaranth, and their meaning in numpy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.entry import BeatThresholds
from threshc.hdl.folded.entry_schedule import CompareStage
from threshc.hdl.folded.joints import converters, gathered
from threshc.hdl.folded.layer import BITS, Answer, FoldedLayer, Numbers
from threshc.hdl.folded.layout import in_order
from threshc.hdl.folded.schedule import PipelineStage, Sink, Stage, run
from threshc.hdl.folded.unit import UnitComponent, folded_unit
from threshc.hdl.folded.weights import SIGNS, WeightCode
from threshc.hdl.folded.window_control import WindowControl
from threshc.hdl.interface import Timing
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.emit import component

KINDS: dict[str, tuple[list[int], WeightCode, Numbers]] = {
    "signs": ([-1, 1], SIGNS, BITS),
    "ternary": ([-1, 0, 1], WeightCode(0, 0, 1), BITS),
    "zeros and ones": ([0, 1], WeightCode(0, 1), BITS),
    "int2": ([-2, -1, 0, 1], WeightCode(1, -1), BITS),
    "odd": ([-7, -3, 1, 5], WeightCode(3), BITS),
    "int3": ([-4, -3, -2, -1, 0, 1, 2, 3], WeightCode(2, -1), BITS),
    "int3 the other way": ([-3, -2, -1, 0, 1, 2, 3, 4], WeightCode(2, 1), BITS),
    "masks3": ([-7, -4, -1, 0, 2, 7], WeightCode(0, 0, 3), BITS),
    "bytes": ([-1, 1], SIGNS, Numbers(8)),
    "signed bytes": ([-1, 1], SIGNS, Numbers(8, True)),
    "ternary of signed": ([-1, 0, 1], WeightCode(0, 0, 1), Numbers(3, True)),
    "int3 of signed": ([-4, -3, -2, -1, 0, 1, 2, 3], WeightCode(2, -1), Numbers(2, True)),
}
"""Weights, how they are coded, and what inputs are."""


@dataclass(frozen=True)
class Random:
    """parts of a chain, with their stages, None for what takes no cycle; layers; beats of some samples in, answers
    (samples, bits) that are right."""

    parts: list[Any]
    stages: list[Stage | None]
    layers: list[FoldedLayer]
    beats: list[int]
    answers: np.ndarray


def random_chain(rng: np.random.Generator, samples: int = 5, unrolled: float = 0.0, odd: bool = False) -> Random:
    """unrolled: how often a layer is an unrolled unit, which takes a sample in a beat and answers in one. odd: PE, SIMD
    and the beats in need not divide anything."""
    parts: list[Any] = []
    stages: list[Stage | None] = []
    layers: list[FoldedLayer] = []
    chain = Random(parts, stages, layers, [], np.zeros(0))
    carried = in_order(1, 1)
    columns = 0
    for k in range(int(rng.integers(1, 4))):
        pipeline = bool(unrolled and rng.random() < unrolled)
        kinds = sorted(kind for kind in KINDS if KINDS[kind][2] == BITS or not (k or pipeline))
        values, code, numbers = KINDS[str(rng.choice(kinds)) if rng.random() < 0.7 else "signs"]
        simd, pe, rows = _widths(rng, columns, carried.width, odd)
        if not k:
            columns = int(rng.integers(1, 7)) * simd - odd * int(rng.integers(simd))
            each = int(rng.integers(1, columns + 1)) if odd else columns if pipeline else simd
            chain = replace(chain, beats=[], answers=rng.integers(0, 1 << numbers.bits, (samples, columns)))
            chain.beats.extend(_beats(rng, chain.answers, each, numbers.bits))
            carried = in_order(columns * numbers.bits, each * numbers.bits)
            x = chain.answers - 2 * numbers.half * (chain.answers >= numbers.half)
        weights, start = rng.choice(values, (rows, columns)), rng.integers(-3, 4, rows)
        needs = None if pipeline or rng.random() < 0.5 else random_needs(rng, rows)
        x = _compared(x @ weights.T + start, needs)
        if pipeline:
            links = gathered(carried, columns * numbers.bits)
            pe, simd, carried = rows, columns, in_order(columns, columns)
        else:
            links, carried = converters(carried, simd * numbers.bits)
        places = carried.elements.ravel()[:: numbers.bits] // numbers.bits
        places = places[: int(np.flatnonzero(places >= 0).max()) + 1]
        padded = ((0, -rows % pe), (0, 0))
        weights = np.pad(np.where(places < 0, code.padding, weights[:, places]), padded, mode="edge")
        start = np.pad(start, padded[:1], mode="edge")
        inputs = int(rng.choice([4, 6]))
        needs = None if needs is None else np.pad(needs, padded, mode="edge")
        answer: Answer = "bits" if needs is None else "levels"
        layer = FoldedLayer(f"l{k}", weights, start, pe, simd, answer, inputs, code, numbers, needs=needs)
        made, stage = _pipeline(rng, layer) if pipeline else _folded(rng, layer)
        parts += [*(link.circuit() for link in links), made]
        stages += [*(None if link.stage is None else link.stage() for link in links), stage]
        layers.append(layer)
        columns = rows * layer.levels
        carried = in_order(columns, pe * layer.levels)
    return replace(chain, answers=x)


def _widths(rng: np.random.Generator, columns: int, width: int, odd: bool) -> tuple[int, int, int]:
    """SIMD, PE and rows of a layer of so many inputs, 0 for any number, that come `width` in a beat."""
    if odd:
        return int(rng.integers(1, min(columns or 16, 16) + 1)), *sorted(rng.integers(1, [9, 25]).tolist())
    simd, pe = int(rng.choice([1, 2, 4, 8, 16])), int(rng.choice([1, 2, 4, 8]))
    return (width if columns % simd else simd), pe, pe * int(rng.integers(1, 6))


def _beats(rng: np.random.Generator, x: np.ndarray, each: int, bits: int) -> list[int]:
    """Samples in beats of so many features; what is left of a sample's last beat is anything."""
    filled = np.concatenate([x, rng.integers(0, 1 << bits, (len(x), -x.shape[1] % each))], axis=1)
    return [sum(int(n) << (bits * j) for j, n in enumerate(beat)) for beat in filled.reshape(-1, each)]


def compared(rng: np.random.Generator, chain: Random) -> Random:
    """Returns the same chain behind features that every beat compares with numbers of its own, some of them with none
    that is reached, so that the bits of its first layer come of them; the same chain where it takes no bits."""
    first = chain.layers[0]
    if first.numbers != BITS:
        return chain
    features = int(rng.choice([n for n in range(1, first.simd + 1) if first.simd % n == 0]))
    each, bits = first.simd // features, int(rng.integers(1, 6))
    thresholds = np.sort(rng.integers(0, (1 << bits) + 1, (first.chunks, features, each)))
    x = rng.integers(0, 1 << bits, (len(chain.answers), first.chunks, features))
    beats = [sum(int(n) << (bits * f) for f, n in enumerate(beat)) for beat in x.reshape(-1, features)]
    answers = (x[..., None] >= thresholds).reshape(len(x), -1).astype(np.int64)
    for layer in chain.layers:
        answers = bits_of(layer, answers)
    part = BeatThresholds(thresholds.tolist(), bits, False)
    return Random([part, *chain.parts], [CompareStage(), *chain.stages], chain.layers, beats, answers)


def random_needs(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Thresholds of rows behind the first, in any order, some of them out of reach on either side."""
    needs = rng.integers(-6, 7, (rows, int(rng.integers(1, 8))))
    needs[rng.random(needs.shape) < 0.1] = rng.choice([-(1 << 40), 1 << 40])
    return needs


def bits_of(layer: FoldedLayer, x: np.ndarray) -> np.ndarray:
    """The answers of a layer that answers in bits, (samples, rows * levels)."""
    return _compared(x @ layer.weights.T + layer.start, layer.needs)


def _compared(sums: np.ndarray, needs: np.ndarray | None) -> np.ndarray:
    """Whether sums (samples, rows) are 0 or more and reach each of further thresholds, (samples, rows * levels)."""
    every = np.zeros((sums.shape[1], 1), np.int64)
    if needs is not None:
        every = np.concatenate([every, needs], axis=1)
    return (sums[..., None] >= every).astype(np.int64).reshape(len(sums), -1)


def _folded(rng: np.random.Generator, layer: FoldedLayer) -> tuple[Any, Stage]:
    places, queue = int(rng.integers(layer.chunks, 2 * layer.chunks + 1)), int(rng.integers(1, 5))
    unit = folded_unit(layer.name, layer, places=places, queue=queue, levels=int(rng.integers(1, 5)))
    return unit.component(instances=False), unit.stage()


def _pipeline(rng: np.random.Generator, layer: FoldedLayer) -> tuple[Any, Stage]:
    """The layer unrolled, with few or many registers, and with a second place for its answer or without."""
    rows, columns = layer.weights.shape
    weights = layer.weights.astype(np.int8)
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


@dataclass
class Seen:
    """The transfers of a simulation. ins, outs: cycles, and payloads of those out; inner: cycles of every part's stream
    out; fills: of every folded part in every cycle, chunks in its buffer and answers in its queue."""

    ins: list[int]
    outs: list[tuple[int, int]]
    inner: list[list[int]]
    fills: list[list[tuple[int, int]]]


def simulate(
    top: Any,
    beats: Sequence[int],
    offered: np.ndarray,
    taken: np.ndarray,
    count: int,
    most: int = 100_000,
    parts: Sequence[Any] = (),
) -> Seen:
    """parts: those whose streams and queues are watched."""
    seen = Seen([], [], [[] for _ in parts], [[] for _ in parts])

    async def bench(ctx: Any) -> None:
        k = t = 0
        offering = False
        while len(seen.outs) < count and t < most:
            offering = k < len(beats) and bool(offering or offered[t % len(offered)])
            ready = bool(taken[t % len(taken)])
            ctx.set(top.i.valid, offering)
            if offering:
                ctx.set(top.i.payload, beats[k])
            ctx.set(top.o.ready, ready)
            if ready and ctx.get(top.o.valid):
                seen.outs.append((t, ctx.get(top.o.payload)))
            if offering and ctx.get(top.i.ready):
                seen.ins.append(t)
                k, offering = k + 1, False
            for part, cycles, fills in zip(parts, seen.inner, seen.fills, strict=True):
                if ctx.get(part.o.valid) and ctx.get(part.o.ready):
                    cycles.append(t)
                if isinstance(part, UnitComponent):
                    free = part.control.room + 1 if isinstance(part.control, WindowControl) else part.control.free
                    chunks, answers = max(part.control.places - ctx.get(free), 0), part.filled + part.held
                    fills.append((chunks, ctx.get(answers)))
            await ctx.tick()
            t += 1

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def check(seed: int, unrolled: float) -> int:
    """Asserts that a random chain, every other one of widths that divide nothing, answers right, and that every
    transfer of every stream, and how full every buffer and queue is, are in every cycle what the model says; returns
    the cycles that were compared."""
    rng = np.random.default_rng(seed)
    odd = seed % 2 == 0
    chain = random_chain(rng, 5 if not unrolled else 20, unrolled, odd)
    if seed % 4 == 1:
        chain = compared(rng, chain)
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    last = chain.layers[-1]
    count = len(chain.answers) * last.groups
    watched = [part for part, stage in zip(chain.parts, chain.stages, strict=True) if stage is not None]
    seen = simulate(_Chain(chain.parts, (), None), chain.beats, offered, taken, count, parts=watched)
    stages = [*(stage for stage in chain.stages if stage is not None), Sink(pattern=taken.tolist())]
    want_in, want_out = run(stages, len(chain.beats), offered.tolist())
    assert [t for t, _ in seen.outs] == want_out
    assert seen.ins == want_in[: len(seen.ins)]  # the last beats in may still be under way when the last one out leaves
    for found, stage in zip(seen.inner, stages[1:], strict=True):
        assert found == stage.times[: len(found)]
        assert len(stage.times) - len(found) < 100
    for fills, stage in zip(seen.fills, stages, strict=False):
        cycles = np.arange(len(fills))
        for k, held in enumerate(stage.held() if fills else ()):
            came, left = (np.searchsorted(np.sort(times), cycles, "right") for times in (held.came, held.left))
            assert (came - left).tolist() == [fill[k] for fill in fills], held.what
    bits = np.array([[word >> k & 1 for k in range(last.out_bits)] for _, word in seen.outs])
    bits = bits.reshape(len(chain.answers), -1)
    np.testing.assert_array_equal(bits[:, : chain.answers.shape[1]], chain.answers)
    return want_out[-1] + 1


if __name__ == "__main__":
    first, end = map(int, sys.argv[1:])
    compared = [check(seed, [0.0, 0.5][seed % 3 == 0]) for seed in range(first, end)]
    print(f"{len(compared)} chains, {sum(compared):,} cycles: every transfer of every stream as the model says")
