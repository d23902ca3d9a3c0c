"""Convex training against its targets: `python -m bench.trainers_convex [--quick]`. Times are CPU times of one thread.

A1: the shattered case. A3, A4: objectives on the paper's problem. A5: accuracies, nested cross-validation, minutes; A6:
packed columns, with all of MNIST where it is in ../shared/data/mnist; --quick leaves A5 and MNIST out.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row, arguments, half_spread, interleave, report
from bench.straight_through_objective import descend

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PROBLEMS = ((20, 100, 0.0023), (100, 20, 0.0060))
"""Samples, features, and the objective that column generation must reach."""
BETA, SCALE, LIMIT = 1e-3, 40, 31


def rows(*, quick: bool) -> list[Row]:
    """All rows, without the slow ones if `quick`."""
    from bench.trainers_solvers import solvers

    found = [*shattered_case(), *straight_through(quick), *column_generation(quick), *packed(), *solvers(quick)]
    if not quick:
        from bench.trainers_accuracy import accuracies, mnist

        found += [*accuracies(), *mnist()]
    return found


def teacher(n: int, d: int, seed: int) -> tuple[Ints, Floats]:
    """The problem of Threshold-networks' notebook: normal features, here as 8-bit integers, and a tanh teacher's signs.

    x: (n, d), y: (n,) of -1 and 1.
    """
    rng = np.random.default_rng(seed)
    x = np.c_[rng.standard_normal((n, d)), np.ones(n)]
    rng.standard_normal((2000, d))  # its test samples
    first, second, last = rng.uniform(-1, 1, (d + 1, 20)), rng.uniform(-1, 1, (20, 20)), rng.uniform(-1, 1, 20)
    y = np.where(np.tanh(np.tanh(x @ first) @ second) @ last < 0, -1.0, 1.0)
    return np.clip(np.rint(SCALE * x[:, :-1]), -127, 127).astype(np.int64), y


def trained(x: Ints, y: Floats, **settings: Any) -> Any:
    """The paper's problem: no output bias, beta = 1e-3 per sample."""
    from threshc.train import ConvexThresholdClassifier

    common = {"fit_bias": False, "encoding": "integer", "max_weight": LIMIT, **settings}
    return ConvexThresholdClassifier(BETA, **common).fit(x.astype(float), y).certificate_


def shattered_case() -> list[Row]:
    """A1."""
    from threshc.train.kernels import descend as coordinate_descent
    from threshc.train.shattered import shattered

    worst = 0.0
    for n, bias in product((2, 4, 6, 8), (False, True)):
        rng = np.random.default_rng(n)
        y, beta = rng.standard_normal(n) + 0.3, 0.3
        d = np.array(list(product((0.0, 1.0), repeat=n)), float).T
        yc, dc = (y - y.mean(), d - d.mean(axis=0)) if bias else (y, d)
        w = np.zeros((d.shape[1], 1))
        coordinate_descent(dc.T @ dc, dc.T @ yc[:, None], w, beta, 200_000, 1e-12)
        least = 0.5 * float(((dc @ w[:, 0] - yc) ** 2).sum()) + beta * float(np.abs(w).sum())
        worst = max(worst, abs(shattered(y, beta, bias=bias) - least))
    signs = shattered(np.where(np.arange(100) < 50, 1.0, -1.0), 0.1) / 100
    many = np.random.default_rng(0).standard_normal(1_000_000)
    seconds = np.median([_seconds(lambda: shattered(many, 1e3)) for _ in range(5)])
    return [
        below("A1 closed form off the LASSO over all 2^n columns, n <= 8", worst * 1e9, "e-9", "allowed 1e-8", 10),
        below("A1 objective of balanced classes, beta = 1e-3 n", signs * 1e3, "e-3", "paper 2.0e-3", 2),
        below("A1 closed form of 1,000,000 samples", float(seconds), "s", "allowed 1 s", 1),
    ]


def straight_through(quick: bool) -> list[Row]:
    """A3: five runs of straight-through training per surrogate, then convex training over all their units."""
    from threshc.train.straight_through_network import SURROGATES

    found = []
    for (n, d, _), surrogate in product(PROBLEMS, SURROGATES):
        x, y = teacher(n, d, 0)
        size = {"units": 100, "steps": 500} if quick else {"units": 300, "steps": 2000}
        runs = sorted((descend(x, y, BETA, surrogate, seed, **size) for seed in range(5)), key=lambda r: r.objective)
        u, t = np.concatenate([r.u for r in runs], axis=1), np.concatenate([r.t for r in runs])
        w = np.zeros((len(t), 1))
        w[: len(runs[0].t)] = runs[0].w
        c = trained(x, y, columns=1, rounds=0, initial_units=(u, t, w))
        name = f"A3 ({n}, {d}) {surrogate}: objective over the units of 5 STE runs, gap {c.gap * 1e3:.2f}e-3"
        found.append(below(name, c.objective * 1e3, "e-3", "best STE", runs[0].objective * 1e3))
    return found


def column_generation(quick: bool) -> list[Row]:
    """A4: mean over seeds, 8 s of column generation each; the spread is half the distance of the quartiles."""
    found = []
    for n, d, goal in PROBLEMS:
        settings: dict[str, Any] = {"rounds": 200, "max_seconds": 8, "columns": 300, "starts": 10}
        settings["sampling"] = "gaussian", "quantile", "pair"
        values = [trained(*teacher(n, d, seed), **settings).objective for seed in range(2 if quick else 3)]
        name = f"A4 ({n}, {d}): objective by column generation, {len(values)} seeds"
        found.append(
            below(name, float(np.mean(values)) * 1e3, "e-3", "target", goal * 1e3, half_spread(np.array(values)))
        )
    return found


def packed() -> list[Row]:
    """A6: D^T r of 10,000 x 20,000 in bits against sgemv, in turn."""
    from threshc.train.kernels import correlate

    n, columns = 10_000, 20_000
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 256, (n // 8, columns), dtype=np.uint8)
    dense = np.asfortranarray(np.unpackbits(bits, axis=0).astype(np.float32))
    r = rng.standard_normal(n).astype(np.float32)
    out = np.zeros(columns, np.float32)
    correlate(bits, r, out)
    off = float(np.abs(out - dense.T @ r).max())
    times = interleave(
        {"bits": lambda: correlate(bits, r, out), "sgemv": lambda: dense.T @ r}, 15, 0.0, time.thread_time
    )
    return [
        times["bits"].row("A6 packed D^T r, n = 10,000, P = 20,000", 1e3, "ms", ("sgemv", times["sgemv"]), 3),
        below("A6 packed D^T r, off sgemv", off * 1e3, "e-3", "allowed 1e-3", 1),
    ]


def below(name: str, value: float, unit: str, peer: str, limit: float, spread: float = 0.0) -> Row:
    """A figure that must not exceed its limit."""
    ratio = limit / value if value > 0 else np.inf
    return Row(name, value, unit, spread, f"{peer} ({limit:.3g})", ratio, 0.0, 1, bool(value <= limit))


def shared() -> Path:
    """The folder with data that are not in the repository."""
    return Path(os.environ.get("THRESHC_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    options = arguments(__doc__)
    sys.exit(report("Convex training", rows(quick=options.quick), options.json))
