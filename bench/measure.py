"""Interleaved timing, and the rows that every benchmark prints and writes."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.files import write_whole


@dataclass(frozen=True)
class Row:
    """One figure. ratio: how many times better than the peer (None without one); goal: the least ratio wanted.

    spread: the quartiles of value, as half their distance in percent of the median; met: None without a goal.
    """

    name: str
    value: float
    unit: str
    spread: float = 0.0
    peer: str | None = None
    ratio: float | None = None
    ratio_spread: float = 0.0
    goal: float | None = None
    met: bool | None = None


@dataclass(frozen=True, eq=False)
class Times:
    """Seconds per call of one contender, one entry per round."""

    seconds: NDArray[np.float64]

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))

    def row(
        self, name: str, scale: float, unit: str, peer: tuple[str, Times] | None = None, goal: float | None = None
    ) -> Row:
        """A row with the median times `scale`; the ratio is the median of the rounds' own ratios."""
        value, spread = self.median * scale, half_spread(self.seconds)
        if peer is None:
            return Row(name, value, unit, spread)
        ratios = peer[1].seconds / self.seconds
        ratio = float(np.median(ratios))
        met = None if goal is None else ratio >= goal
        return Row(name, value, unit, spread, peer[0], ratio, half_spread(ratios), goal, met)


def half_spread(values: NDArray[np.float64]) -> float:
    """Half the distance of the quartiles in percent of the median."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float((high - low) / 2 / middle * 100)


def interleave(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    slice_seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Time every contender once per round, in turn, so that a disturbance of the machine meets all of them.

    A contender that is quicker than `slice_seconds` is called several times in a row; its time is the mean of these.
    clock: `time.thread_time` for work of one thread and `cpu_seconds` for processes, on a machine with other users;
    wall time is for what is only shown, and has no goal.
    """
    calls = {}
    for name, call in contenders.items():
        call()
        start = time.perf_counter()
        call()
        calls[name] = max(1, int(slice_seconds / max(time.perf_counter() - start, 1e-9)))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = clock()
            for _ in range(calls[name]):
                call()
            seconds[name].append((clock() - start) / calls[name])
    return {name: Times(np.array(s)) for name, s in seconds.items()}


def cpu_seconds() -> float:
    """CPU seconds of this process and of the processes that it has waited for, user and system."""
    return sum(os.times()[:4])


def best(times: Mapping[str, Times]) -> tuple[str, Times]:
    """The contender with the smallest median."""
    name = min(times, key=lambda n: times[n].median)
    return name, times[name]


def arguments(description: str | None) -> argparse.Namespace:
    """The options that every benchmark has: `quick` (bool) and `json` (Path or None)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less precise")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows as a JSON list")
    return parser.parse_args()


def report(title: str, rows: Sequence[Row], file: Path | None) -> int:
    """Print the rows as a table and write them to `file`; the exit code is 1 if a goal was missed."""
    print(title)
    width = max(len(r.name) for r in rows)
    for r in rows:
        line = f"  {r.name:{width}}  {r.value:12,.2f} {r.unit:9} ±{r.spread:4.1f}%"
        if r.ratio is not None:
            line += f"  {r.ratio:8.2f} x {r.peer} (±{r.ratio_spread:.1f}%)"
        if r.goal is not None:
            line += f"  goal {r.goal:g}: {'met' if r.met else 'MISSED'}"
        print(line)
    if file is not None:
        write_rows(rows, file)
    return int(any(r.met is False for r in rows))


def write_rows(rows: Sequence[Row], file: Path) -> None:
    """Write rows as a JSON list, whole or not at all."""
    write_whole(file, json.dumps([asdict(r) for r in rows], indent=1) + "\n")
