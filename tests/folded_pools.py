"""Random poolings of maps in Amaranth's simulator, beside numpy and their cycle model.

`python tests/folded_pools.py 0 200` compares so many of them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import folded_chains
import numpy as np

from threshc.compiler.ir.ops import Window
from threshc.hdl.folded.axis import Axis, axis
from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.pool import Kind, Pool
from threshc.hdl.folded.pool_schedule import PoolStage
from threshc.hdl.folded.schedule import Sink, run


@dataclass(frozen=True)
class Pooling:
    """A map of height x width pixels, each of `beats` beats of `bits` bits, and what is done with it."""

    height: int
    width: int
    beats: int
    bits: int
    window: Window
    kind: Kind

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Its columns and its rows."""
        (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = (
            self.window.kernel,
            self.window.stride,
            self.window.pads,
            self.window.dilation,
        )
        columns = axis(self.beats, self.width, kw, stride=sw, before=left, after=right, dilation=dw)
        depth = columns.outputs * self.beats
        return columns, axis(depth, self.height, kh, stride=sh, before=top, after=bottom, dilation=dh)

    def answer(self, x: np.ndarray) -> np.ndarray:
        """What numpy says: words (samples, height, width, beats) to those of the windows."""
        (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = (
            self.window.kernel,
            self.window.stride,
            self.window.pads,
            self.window.dilation,
        )
        fill = ((1 << self.bits) - 1) * self.window.fill
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
        rows = (padded.shape[1] - dh * (kh - 1) - 1) // sh + 1
        columns = (padded.shape[2] - dw * (kw - 1) - 1) // sw + 1
        together = np.bitwise_or if self.kind == "or" else np.bitwise_and
        taps = [
            padded[:, i * dh : i * dh + (rows - 1) * sh + 1 : sh, j * dw : j * dw + (columns - 1) * sw + 1 : sw]
            for i in range(kh)
            for j in range(kw)
        ]
        return together.reduce(taps)


def random_pooling(rng: np.random.Generator) -> Pooling:
    """Any window that fits its map, overlapping, with gaps, padding on any side, or none of it."""
    while True:
        kernel, stride = rng.integers(1, 5, 2), rng.integers(1, 4, 2)
        if rng.random() < 0.3:
            stride = kernel
        pads = rng.integers(0, 3, 4) * (rng.random() < 0.6)
        dilation = rng.integers(1, 4, 2) if rng.random() < 0.2 else np.ones(2, int)
        height, width = (int(n) for n in rng.integers(1, 9, 2))
        reach = dilation * (kernel - 1)
        if height + pads[0] + pads[2] > reach[0] and width + pads[1] + pads[3] > reach[1]:
            break
    (kh, kw), (sh, sw), (dh, dw) = kernel.tolist(), stride.tolist(), dilation.tolist()
    top, left, bottom, right = pads.tolist()
    window = Window(0, (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw), fill=int(rng.integers(2)))
    kind: Kind = "or" if rng.random() < 0.5 else "and"
    return Pooling(height, width, int(rng.integers(1, 4)), int(rng.integers(1, 6)), window, kind)


def check(seed: int, samples: int = 3) -> int:
    """Asserts that a random pooling answers as numpy says, and in the cycles of the model, every transfer of both of
    its parts; returns the cycles that were compared."""
    rng = np.random.default_rng(seed)
    made = random_pooling(rng)
    x = rng.integers(0, 1 << made.bits, (samples, made.height, made.width, made.beats))
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    parts = [Pool(made.bits, one, made.kind, made.window.fill) for one in made.axes]
    answer = made.answer(x).ravel().tolist()
    seen = folded_chains.simulate(
        _Chain(parts, (), None), x.ravel().tolist(), offered, taken, len(answer), 20_000, parts
    )
    stages = [*(PoolStage(axis=one) for one in made.axes), Sink(pattern=taken.tolist())]
    want_in, want_out = run(stages, x.size, offered.tolist())
    assert [word for _, word in seen.outs] == answer
    assert [t for t, _ in seen.outs] == want_out[: len(answer)]
    assert seen.ins == want_in[: len(seen.ins)]
    for found, stage in zip(seen.inner, stages[1:], strict=True):
        assert found == stage.times[: len(found)]
    return seen.outs[-1][0] + 1


if __name__ == "__main__":
    first, end = map(int, sys.argv[1:])
    compared = [check(seed) for seed in range(first, end)]
    print(f"{len(compared)} poolings, {sum(compared):,} cycles: every bit right, every transfer as the model says")
