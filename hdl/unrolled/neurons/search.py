"""The search for the smallest way to add up the rows of a bundle: pure, so that it may run in any process, and the same
for bundles that differ in the numbers of their bits only, such as the positions of a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.sharing.cost import cost
from threshc.hdl.unrolled.sharing.sharing import Compressor, Row
from threshc.hdl.unrolled.sharing.strategies import ways

_SECONDS = 40e-6  # per synapse and way, about


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows to be added up. columns: of each row, literals over nodes 1.. that arrive at `arrivals`; plus: a constant
    per row; size: inputs of the tables that are counted; effort: see `ways`; limit: see `cost`."""

    compressor: type[Compressor]
    size: int
    columns: tuple[tuple[tuple[int, ...], ...], ...]
    plus: tuple[int, ...]
    arrivals: tuple[int, ...]
    effort: int
    limit: int

    @property
    def synapses(self) -> int:
        """Entries of all columns."""
        return sum(len(column) for row in self.columns for column in row)


@dataclass(frozen=True, slots=True)
class Found:
    """cost: to compare with other ways; way: its number; net, rows: what it made."""

    cost: float
    way: int
    net: LutNet
    rows: list[Row]


def search(net: Netlist, problems: Sequence[Problem]) -> list[Found]:
    """The cheapest circuit of each problem, the first way among equals. Equal problems are solved once."""
    fresh = [p for p in dict.fromkeys(problems) if p not in net.found]
    expected = [_expected(p) for p in fresh]
    parts = min(net.pool.jobs, max(expected, default=1)) if len(fresh) < 2 * net.pool.jobs else 1
    tasks = [(problem, first, parts) for problem in fresh for first in range(parts)]
    seconds = _SECONDS * sum(p.synapses * ways for p, ways in zip(fresh, expected, strict=True))
    found = iter(net.pool.map(tried, tasks, seconds))
    for problem in fresh:
        made = [one for one in islice(found, parts) if one is not None]
        net.found[problem] = min(made, key=lambda one: (one.cost, one.way))
    return [net.found[p] for p in problems]


def _expected(problem: Problem) -> int:
    """How many ways there are, about."""
    synapses = max(1, problem.synapses)
    return 1 + 2 * (synapses <= problem.effort * 16_384) + problem.effort * min(8, 4096 // synapses)


def tried(task: tuple[Problem, int, int]) -> Found | None:
    """The cheapest of every `step`-th way from `first` on; None where there are none."""
    problem, first, step = task
    best: Found | None = None
    for k, way in enumerate(ways(problem.columns, len(problem.arrivals), problem.effort, problem.limit)):
        if k % step != first:
            continue
        net = LutNet(problem.arrivals)
        rows = [Row([list(c) for c in row], plus) for row, plus in zip(problem.columns, problem.plus, strict=True)]
        way(net, rows, problem.compressor)
        price = cost(net, [row.word[-1] for row in rows], problem.size, problem.limit)
        if best is None or price < best.cost:
            best = Found(price, k, net, rows)
    return best
