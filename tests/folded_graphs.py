"""Random ways that part and meet again in Amaranth's simulator, beside numpy and their cycle model.

`python tests/folded_graphs.py 0 200` compares so many of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import folded_chains
import numpy as np
from folded_pools import Pooling

from threshc.compiler.ir.ops import Window
from threshc.hdl.folded.branch_schedule import FifoStage, ForkStage, JoinStage
from threshc.hdl.folded.branches import Fork, Join
from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.depth import filled, longest
from threshc.hdl.folded.fifo import Fifo
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.pool import Kind, Pool
from threshc.hdl.folded.pool_schedule import PoolStage
from threshc.hdl.folded.schedule import Sink, Stage, run
from threshc.hdl.folded.unit import folded_unit
from threshc.hdl.folded.wiring import Feed, link

Made = tuple[Callable[[], Any], Callable[[], Stage | None]]


@dataclass
class Way:
    """Parts one behind the other: of each its circuit and its stage, made anew. count: beats of a pixel that leave it;
    x: what they say, (samples, pixels, beats, bits)."""

    count: int
    x: np.ndarray
    parts: list[Made] = field(default_factory=list)


@dataclass
class Graph:
    """parts and where each takes its streams; beats in; answer: (samples, .., bits); queues: which parts they are."""

    parts: list[Made]
    feeds: list[list[Feed]]
    beats: list[int]
    answer: np.ndarray
    queues: list[int]


def _unit(rng: np.random.Generator, way: Way, name: str) -> None:
    """The same layer at every pixel."""
    *_, count, bits = way.x.shape
    groups = int(rng.integers(1, 4))
    weights = rng.choice([-1, 1], (groups * bits, count * bits))
    layer = FoldedLayer(name, weights, rng.integers(-3, 4, groups * bits), bits, bits)
    places = int(rng.integers(count, 2 * count + 1))
    made = folded_unit(name, layer, places=places, queue=int(rng.integers(1, 5)), levels=int(rng.integers(1, 4)))
    sums = way.x.reshape(*way.x.shape[:2], -1) @ weights.T + layer.start
    way.x = (sums >= 0).astype(np.int64).reshape(*way.x.shape[:2], groups, bits)
    way.count = groups
    way.parts.append((lambda: made.component(instances=False), made.stage))


def _pool(rng: np.random.Generator, way: Way, height: int, width: int) -> None:
    """A pooling that keeps the size of the map."""
    samples, _, count, bits = way.x.shape
    kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    (top, bottom), (left, right) = ((rng.multinomial(k - 1, [0.5, 0.5])).tolist() for k in kernel)
    kind: Kind = "or" if rng.random() < 0.5 else "and"
    window = Window(0, kernel, pads=(top, left, bottom, right), fill=int(rng.integers(2)))
    made = Pooling(height, width, count, bits, window, kind)
    words = (way.x << np.arange(bits)).sum(axis=-1).reshape(samples, height, width, count)
    way.x = (made.answer(words).reshape(samples, -1, count, 1) >> np.arange(bits)) & 1
    for axis in made.axes:
        if not axis.is_plain:
            way.parts.append(
                (lambda axis=axis: Pool(bits, axis, kind, window.fill), lambda axis=axis: PoolStage(axis=axis))
            )


def random_graph(rng: np.random.Generator, samples: int = 3, places: int = 0) -> Graph:
    """A layer or none, a fork, two or three branches of layers and poolings or of nothing, a join, and a layer. places:
    of every queue; 0 for what it needs, -1 for more than it may ever hold."""
    height, width = (int(n) for n in rng.integers(2, 6, 2))
    bits, count = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    x = rng.integers(0, 2, (samples, height * width, count, bits))
    trunk = Way(count, x)
    if rng.random() < 0.5:
        _unit(rng, trunk, "first")
    ways = []
    for k in range(int(rng.integers(2, 4))):
        way = Way(trunk.count, trunk.x)
        for n in range(int(rng.integers(0, 3))):
            if rng.random() < 0.5:
                _pool(rng, way, height, width)
            else:
                _unit(rng, way, f"b{k}_{n}")
        ways.append(way)
    counts = [way.count for way in ways]
    beats = height * width * trunk.count
    found = longest([[make for _, make in way.parts] for way in ways], counts, beats)
    assert found is not None
    main, needs = found
    parts, feeds = list(trunk.parts), [[Feed(k - 1)] for k in range(len(trunk.parts))]
    fork = len(parts)
    parts.append((lambda: Fork(bits, len(ways)), lambda: ForkStage(main=main)))
    feeds.append([Feed(fork - 1)])
    lasts, queues = [], []
    for k, way in enumerate(ways):
        before = Feed(fork, k)
        more = list(way.parts)
        if k != main:
            much = {0: needs[k], -1: samples * beats * 4}.get(places, places)
            more.append((lambda much=much: Fifo(bits, much), lambda much=much: FifoStage(places=much)))
            queues.append(len(parts) + len(more) - 1)
        for part in more:
            parts.append(part)
            feeds.append([before])
            before = Feed(len(parts) - 1)
        lasts.append(before)
    parts.append((lambda: Join(bits, counts), lambda: JoinStage(counts=counts)))
    feeds.append(lasts)
    tail = Way(sum(counts), np.concatenate([way.x for way in ways], axis=2))
    _unit(rng, tail, "last")
    parts += tail.parts
    feeds.append([Feed(len(parts) - 2)])
    words = (x << np.arange(bits)).sum(axis=-1)
    return Graph(parts, feeds, words.ravel().tolist(), tail.x, queues)


def model(graph: Graph, offered: list[bool], taken: list[bool]) -> tuple[list[Stage], list[Stage | None]]:
    """Runs the cycle model; returns where the input and each part's first stream go to, and the parts' stages."""
    stages, sink = [make() for _, make in graph.parts], Sink(pattern=taken)
    goes = link(stages, graph.feeds, sink)
    run([goes[0]], len(graph.beats), offered)
    return goes, stages


def check(seed: int, samples: int = 3) -> int:
    """Asserts that a random graph answers right, that every transfer of every stream and the fill of every queue is in
    every cycle what the model says, and that queues as deep as `filled` says let nothing wait; returns the cycles."""
    graph = random_graph(np.random.default_rng(seed), samples)
    rng = np.random.default_rng(seed + 1)
    offered, taken = ((rng.random(997) < p).tolist() for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    parts = [make() for make, _ in graph.parts]
    top = _Chain(parts, (), None, graph.feeds)
    answer = graph.answer.reshape(-1, graph.answer.shape[-1])
    watched = [part for part in parts if not isinstance(part, Fork)]
    seen = folded_chains.simulate(top, graph.beats, np.array(offered), np.array(taken), len(answer), 30_000, watched)
    goes, stages = model(graph, offered, taken)
    assert [[word >> k & 1 for k in range(answer.shape[1])] for _, word in seen.outs] == answer.tolist()
    assert [t for t, _ in seen.outs] == goes[-1].times
    assert seen.ins == goes[0].times[: len(seen.ins)]
    behind = [k for k, part in enumerate(parts) if not isinstance(part, Fork)]
    for found, k in zip(seen.inner, behind, strict=True):
        want = _out(goes, stages, graph, k)
        assert found == want[: len(found)], k
        assert len(want) - len(found) < 100
    _never_waits(seed, samples)
    return seen.outs[-1][0] + 1


def _out(goes: list[Stage], stages: list[Stage | None], graph: Graph, k: int) -> list[int]:
    """The cycles in which beats cross out of a part, as the model says."""
    stage = stages[k]
    return stage.out if isinstance(stage, FifoStage) else goes[k + 1].times


def _never_waits(seed: int, samples: int) -> None:
    """Fed and taken without a pause, with `filled` places, it is as fast as with any number."""
    endless = random_graph(np.random.default_rng(seed), samples, -1)
    goes, stages = model(endless, [True], [True])
    most = [filled(stage) for stage in stages if isinstance(stage, FifoStage)]
    bounded = random_graph(np.random.default_rng(seed), samples)
    for k, places in zip(bounded.queues, most, strict=True):
        enough = max(places, bounded.parts[k][1]().places)  # type: ignore[union-attr]
        bounded.parts[k] = (bounded.parts[k][0], lambda enough=enough: FifoStage(places=enough))
    again, _ = model(bounded, [True], [True])
    assert again[0].times == goes[0].times
    assert again[-1].times == goes[-1].times


if __name__ == "__main__":
    first, end = map(int, sys.argv[1:])
    compared = [check(seed) for seed in range(first, end)]
    print(f"{len(compared)} graphs, {sum(compared):,} cycles: every bit right, every transfer as the model says")
