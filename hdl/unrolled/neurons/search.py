"""The search for the smallest circuit that adds up the rows of a bundle. It is pure, so that it may run in any process,
and gives the same for bundles that differ in the numbers of their bits only, such as positions of a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.sharing.cost import cost
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor, Row
from threshc.hdl.unrolled.sharing.strategies import expected_strategies, strategies

_SECONDS = 40e-6  # per synapse and strategy, about


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows to be added up. columns: of each row, literals over nodes 1.. that arrive at `arrivals`; addend: a constant
    per row; size: inputs of the tables that are counted; effort: see `strategies`; limit: see `cost`."""

    compressor: type[ColumnCompressor]
    size: int
    columns: tuple[tuple[tuple[int, ...], ...], ...]
    addend: tuple[int, ...]
    arrivals: tuple[int, ...]
    effort: int
    limit: int

    @property
    def synapses(self) -> int:
        """The number of entries of all columns."""
        return sum(len(column) for row in self.columns for column in row)


@dataclass(frozen=True, slots=True)
class Solution:
    """A result of a strategy: its cost, its number among the strategies, the net and the rows."""

    cost: float
    strategy: int
    net: LutNet
    rows: list[Row]


def search(net: Netlist, problems: Sequence[Problem]) -> list[Solution]:
    """Returns the cheapest circuit of each problem, the first strategy among equals. Equal problems are solved once."""
    fresh = [p for p in dict.fromkeys(problems) if p not in net.solved]
    expected = [expected_strategies(p.synapses, p.effort) for p in fresh]
    parts = min(net.pool.jobs, max(expected, default=1)) if len(fresh) < 2 * net.pool.jobs else 1
    tasks = [(problem, first, parts) for problem in fresh for first in range(parts)]
    seconds = _SECONDS * sum(p.synapses * count for p, count in zip(fresh, expected, strict=True))
    found = iter(net.pool.map(tried, tasks, seconds))
    for problem in fresh:
        made = [one for one in islice(found, parts) if one is not None]
        net.solved[problem] = min(made, key=lambda one: (one.cost, one.strategy))
    return [net.solved[p] for p in problems]


def tried(task: tuple[Problem, int, int]) -> Solution | None:
    """Returns the cheapest of every `step`-th strategy from `first` on; None where there are none."""
    problem, first, step = task
    best: Solution | None = None
    for k, strategy in enumerate(strategies(problem.columns, len(problem.arrivals), problem.effort, problem.limit)):
        if k % step != first:
            continue
        net = LutNet(problem.arrivals)
        rows = [
            Row([list(c) for c in row], addend) for row, addend in zip(problem.columns, problem.addend, strict=True)
        ]
        strategy(net, rows, problem.compressor)
        price = cost(net, [row.word[-1] for row in rows], problem.size, problem.limit)
        if best is None or price < best.cost:
            best = Solution(price, k, net, rows)
    return best
