"""Random windows that are shift registers, simulated in Amaranth, against the IR's own Window."""

from __future__ import annotations

import sys

import numpy as np
from folded_chains import simulate

from threshc.compiler.ir.moves import window
from threshc.compiler.ir.ops import Window
from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.scan import Scan
from threshc.hdl.folded.schedule import Sink, run
from threshc.hdl.folded.shift_schedule import ShiftWindowStage
from threshc.hdl.folded.shift_window import ShiftWindow


def random_scan(rng: np.random.Generator) -> Scan:
    """A window that fits a map, of any kernel, stride, padding and dilation."""
    while True:
        pick = lambda *of: (int(rng.choice(of)), int(rng.choice(of)))  # noqa: E731
        kernel, dilation, stride = pick(1, 2, 3, 3, 4), pick(1, 1, 1, 2, 3), pick(1, 1, 2, 3)
        pads = tuple((rng.integers(0, 4, 4) * (rng.random() < 0.7)).tolist())
        scan = Scan(int(rng.integers(1, 9)), int(rng.integers(1, 9)), kernel, stride, pads, dilation)
        reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        size = (scan.height + pads[0] + pads[2] - reach[0], scan.width + pads[1] + pads[3] - reach[1])
        if min(size) > 0:
            return scan


def check(seed: int) -> int:
    """Asserts that a random window answers right, and that every transfer is in the cycle that the model says; returns
    the cycles that were compared."""
    rng = np.random.default_rng(seed)
    scan, width, samples = random_scan(rng), int(rng.integers(1, 4)), 3
    fill, is_pad = int(rng.integers(2)), bool(rng.integers(2))
    maps = rng.integers(0, 2, (samples, scan.height, scan.width, width))
    op = Window(0, scan.kernel, scan.stride, scan.pads, scan.dilation, fill, is_pad)
    wanted = [window(op, x, 0, 1) for x in maps]
    beats = (maps.reshape(-1, width) @ (1 << np.arange(width))).tolist()
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    part = ShiftWindow(width, scan, fill, is_pad)
    count = samples * scan.positions
    seen = simulate(_Chain([part], (), None), beats, offered, taken, count, most=20_000)
    stage = ShiftWindowStage(scan=scan)
    want_in, want_out = run([stage, Sink(pattern=taken.tolist())], len(beats), offered.tolist())
    assert [t for t, _ in seen.outs] == want_out
    assert seen.ins == want_in[: len(seen.ins)]
    bits = np.array([[word >> k & 1 for k in range(len(part.o.payload))] for _, word in seen.outs])
    np.testing.assert_array_equal(bits.reshape(samples, *wanted[0].shape), np.stack(wanted))
    return want_out[-1] + 1


if __name__ == "__main__":
    first, end = map(int, sys.argv[1:])
    compared = [check(seed) for seed in range(first, end)]
    print(f"{len(compared)} windows, {sum(compared):,} cycles: every transfer as the model says, every tap right")
