"""Random window units, alone and in chains, simulated in Amaranth, and their meaning in numpy."""

from __future__ import annotations

import sys

import numpy as np
from folded_chains import KINDS, simulate

from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.schedule import Sink, run
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.folded.walk import Walk


def random_walk(rng: np.random.Generator, height: int, width: int, chunks: int, blocks: int) -> Walk:
    """A window that fits a map, of any kernel, stride, padding and dilation."""
    while True:
        kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        dilation = (int(rng.choice([1, 1, 1, 2])), int(rng.choice([1, 1, 1, 2])))
        pads = tuple(int(n) for n in rng.integers(0, 3, 4) * (rng.random(4) < 0.6))
        stride = (int(rng.choice([1, 1, 2, 3])), int(rng.choice([1, 1, 2, 3])))
        walk = Walk(height, width, chunks, kernel, stride, pads, dilation, blocks)
        if min(walk.shape) > 0:
            return walk


def random_layer(
    rng: np.random.Generator, name: str, height: int, width: int, channels: int, bits: bool
) -> FoldedLayer:
    """A convolution of a map with zeros in lanes that its channels do not fill, with sets of begins of sums or one."""
    blocks = int(rng.choice([1, 1, 1, 2, channels]))
    blocks = blocks if channels % blocks == 0 else 1
    simd = int(rng.integers(1, channels // blocks + 1))
    each = -(-channels // blocks // simd)
    walk = random_walk(rng, height, width, blocks * each, blocks)
    patterns = None
    if rng.random() < 0.6:
        _, patterns = np.unique(walk.pads_of.reshape(walk.positions, -1), axis=0, return_inverse=True)
        patterns = patterns.reshape(walk.shape)
        walk = Walk(height, width, walk.chunks, walk.kernel, walk.stride, walk.pads, walk.dilation, blocks, patterns)
    kinds = sorted(kind for kind in KINDS if KINDS[kind][2].bits == 1 or not bits)
    values, code, numbers = KINDS[str(rng.choice(kinds)) if rng.random() < 0.6 else "signs"]
    pe, groups = int(rng.choice([1, 2, 4])), blocks * int(rng.integers(1, 3))
    weights = rng.choice(values, (pe * groups, walk.taps, each * simd))
    weights[:, :, channels // blocks :] = code.padding
    more = None if patterns is None else rng.integers(-5, 6, (int(patterns.max()) + 1, pe * groups))
    start = rng.integers(-3, 4, pe * groups)
    return FoldedLayer(
        name,
        weights.reshape(pe * groups, -1),
        start,
        pe,
        simd,
        inputs=int(rng.choice([4, 6])),
        code=code,
        numbers=numbers,
        walk=walk,
        more=more,
    )


def meaning(layer: FoldedLayer, maps: np.ndarray) -> np.ndarray:
    """(samples, height, width, chunks * simd) integers to the bits of all positions, (samples, rows, columns, neurons),
    tap by tap, with padding that is written out."""
    walk = layer.walk
    assert walk is not None
    top, left, bottom, right = walk.pads
    padded = np.pad(maps, ((0, 0), (top, bottom), (left, right), (0, 0)))
    (rows, columns), (_, kw) = walk.shape, walk.kernel
    out = np.zeros((len(maps), rows, columns, layer.rows), np.int64)
    weights = layer.weights.reshape(layer.rows, walk.taps, -1).astype(np.int64)
    each, per = walk.each * layer.simd, layer.rows // walk.blocks
    for y in range(rows):
        for x in range(columns):
            sums = layer.start + (0 if layer.more is None else layer.more[walk.patterns[y, x]])
            sums = np.broadcast_to(sums, (len(maps), layer.rows)).copy()
            for tap in range(walk.taps):
                at = (
                    y * walk.stride[0] + walk.dilation[0] * (tap // kw),
                    x * walk.stride[1] + walk.dilation[1] * (tap % kw),
                )
                pixel = padded[:, at[0], at[1]]
                for k in range(walk.blocks):
                    own = slice(k * per, (k + 1) * per)
                    sums[:, own] += pixel[:, k * each : (k + 1) * each] @ weights[own, tap].T
            out[:, y, x] = sums >= 0
    return out


def check(seed: int, samples: int = 3) -> int:
    """Asserts that a random unit answers right, and that every transfer, and how full its buffer and queue are, is in
    every cycle what the model says; returns the cycles that were compared."""
    rng = np.random.default_rng(seed)
    units: list[FoldedUnit] = []
    height, width, channels = (int(n) for n in rng.integers(1, 7, 3))
    for k in range(int(rng.integers(1, 3))):
        layer = random_layer(rng, f"l{k}", height, width, channels, bool(k))
        if k and (layer.simd * layer.walk.chunks != channels or units[-1].layer.pe != layer.simd):
            break
        places = 1 << max(layer.walk.span - 1, 0).bit_length() + int(rng.integers(0, 2))
        queue = int(rng.integers(1, 5))
        units.append(folded_unit(f"l{k}", layer, places=places, queue=queue, levels=int(rng.integers(1, 5))))
        (height, width), channels = layer.walk.shape, layer.rows
    first = units[0].layer
    numbers, walk = first.numbers, first.walk
    x = rng.integers(0, 1 << numbers.bits, (samples, walk.height * walk.width, walk.blocks, walk.each * first.simd))
    real = [c for c in range(walk.each * first.simd) if c < -(-x.shape[3] // first.simd) * first.simd]
    assert len(real) == x.shape[3]
    words = x.reshape(-1, first.simd)
    beats = [sum(int(n) << (numbers.bits * j) for j, n in enumerate(word)) for word in words]
    x = x - 2 * numbers.half * (x >= numbers.half)
    maps = x.reshape(samples, walk.height, walk.width, -1)
    for unit in units:
        maps = meaning(unit.layer, maps)
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    last = units[-1].layer
    parts = [unit.component(instances=False) for unit in units]
    seen = simulate(_Chain(parts, (), None), beats, offered, taken, maps.size // last.pe, parts=parts)
    stages = [*(unit.stage() for unit in units), Sink(pattern=taken.tolist())]
    want_in, want_out = run(stages, len(beats), offered.tolist())
    assert [t for t, _ in seen.outs] == want_out
    assert seen.ins == want_in[: len(seen.ins)]
    for found, stage in zip(seen.inner, stages[1:], strict=True):
        assert found == stage.times[: len(found)]
    for fills, stage in zip(seen.fills, stages, strict=False):
        cycles = np.arange(len(fills))
        for k, held in enumerate(stage.held()):
            came, left = (np.searchsorted(np.sort(times), cycles, "right") for times in (held.came, held.left))
            assert (came - left).tolist() == [fill[k] for fill in fills], held.what
    bits = np.array([[word >> k & 1 for k in range(last.pe)] for _, word in seen.outs])
    np.testing.assert_array_equal(bits.reshape(maps.shape), maps)
    return want_out[-1] + 1


if __name__ == "__main__":
    begin, end = map(int, sys.argv[1:])
    compared = [check(seed) for seed in range(begin, end)]
    print(f"{len(compared)} window units, {sum(compared):,} cycles: every transfer of every stream as the model says")
