"""A network over several chips of one kind, folded on each: where to cut it, and what goes from chip to chip.

Cuts are behind layers where bits alone go on. Of the partitions with fewest chips, or with a given number of them, the
one of the shortest interval is taken; each chip takes as many layers as fit it, from the input on.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.split import Part, cut_values, piece
from threshc.compiler.progress import Progress, silent
from threshc.hdl.folded.fold import Fold
from threshc.hdl.folded.network import FoldedNetwork, folded_network, named_layers, unfoldable
from threshc.hdl.folded.plan import intervals, smallest
from threshc.hdl.folded.planned import Plan, planned
from threshc.hdl.targets.base import Device


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """One of the chips. part: its layers as a network of their own; plan: how they are folded; behind: the layer that
    the network is cut behind, "" on the last chip; bits: that go on to the next chip for a sample, 0 likewise."""

    part: Part
    plan: Plan
    behind: str
    bits: int

    @property
    def width(self) -> int:
        """Bits of a beat that goes on: of so many wires, beside two that say when it does."""
        last = self.plan.layers[-1]
        return last.fold.pe if isinstance(last.fold, Fold) else last.rows


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Chips in the order of the stream."""

    chips: tuple[Chip, ...]

    @property
    def interval(self) -> int:
        """Cycles between samples, those of the slowest chip."""
        return max(chip.plan.interval for chip in self.chips)


class Partitions:
    """All partitions of a network for a device. Plans of the same layers and interval are made once.

    `progress` is told of every interval that is tried.
    """

    def __init__(self, network: Network, device: Device, progress: Progress = silent) -> None:
        self._network, self._device, self._progress = network, device, progress
        self._read: dict[tuple[int, int], tuple[Part, FoldedNetwork | None]] = {}
        self._plans: dict[tuple[int, int, int], Plan | None] = {}

    @cached_property
    def _ends(self) -> list[tuple[str, int]]:
        """Name and last value of every layer that the network can be cut behind, and the end of the whole."""
        return [*cut_values(self._network), ("", len(self._network.ops) - 1)]

    def fewest(self, interval: int | None = None) -> Partition:
        """Returns the partition with fewest chips that takes a sample in at most so many cycles; without an interval,
        in as few as that number of chips can.

        Raises CompileError where a layer fits no chip.
        """
        found = self._greedy(self._longest if interval is None else interval)
        return found if interval is not None else self.of(len(found.chips))

    def of(self, chips: int) -> Partition:
        """Returns the fastest partition over at most so many chips. Raises CompileError where it needs more of them."""
        found = self._greedy(self._longest)
        if len(found.chips) > chips:
            raise fail(
                f"the network needs {len(found.chips)} chips of the kind {self._device.part}, not {chips}",
                where=option("chips", str(chips)),
                why="each takes as many layers as fit, however long a sample takes",
                hint=f"{option('chips', 'auto')}, or a larger device",
            )
        steps = [n for n in self._steps if n < found.interval]  # a shorter interval never needs fewer chips
        while steps:
            middle = len(steps) // 2
            self._progress(f"trying {steps[middle]:,} cycles a sample on {chips} chips")
            tried = self._tried(steps[middle], chips)
            found, steps = (found, steps[middle + 1 :]) if tried is None else (tried, steps[:middle])
        return found

    @cached_property
    def _steps(self) -> list[int]:
        """The cycles that any folding of any layer takes, fewest first."""
        reads = (self._part(k, k)[1] for k in range(len(self._ends)))
        return sorted(set().union(*(intervals(read) for read in reads if read is not None)))

    @property
    def _longest(self) -> int:
        """Cycles that are enough for any folding."""
        return max(x.rows * x.columns * math.prod(x.positions) for x in named_layers(self._network))

    def _tried(self, interval: int, chips: int) -> Partition | None:
        try:
            found = self._greedy(interval)
        except CompileError:
            return None
        return found if len(found.chips) <= chips else None

    def _greedy(self, interval: int) -> Partition:
        chips, start = list[Chip](), 0
        while start < len(self._ends):
            end, plan = self._furthest(start, interval)
            part, _ = self._part(start, end)
            name, value = self._ends[end]
            bits = math.prod(self._network.types[value].shape) if name else 0
            if chips:  # beats as they come from the chip before
                plan = planned(part.network, plan.folds, self._device, chips[-1].width)
            chips.append(Chip(part, plan, name, bits))
            start = end + 1
        return Partition(tuple(chips))

    def _furthest(self, start: int, interval: int) -> tuple[int, Plan]:
        """The last of the layers from `start` on that fit one chip together, and their plan."""
        found: tuple[int, Plan] | None = None
        for end in range(start, len(self._ends)):
            read = self._part(start, end)[1]
            if read is None:
                continue
            plan = self._plan(start, end, read, interval)
            if plan is None:
                break
            found = end, plan
        if found is None:
            name = named_layers(self._part(start, end)[0].network)[-1].name
            raise fail(
                f"layer {name} does not fit one {self._device.part}",
                where=option("chips"),
                why=f"in {interval:,} cycles a sample, however they are folded",
                hint="a larger device, or fewer samples per second",
            )
        return found

    def _plan(self, start: int, end: int, read: FoldedNetwork, interval: int) -> Plan | None:
        key = start, end, interval
        if key not in self._plans:
            self._plans[key] = smallest(read, self._device, interval)
        return self._plans[key]

    def _part(self, start: int, end: int) -> tuple[Part, FoldedNetwork | None]:
        """The layers as a network, and that read for folding, None where it has no layer that can be."""
        if (start, end) not in self._read:
            first = self._ends[start - 1][1] if start else 0
            part = piece(self._network, first, self._ends[end][1], f"{self._network.name}_chip{start}")
            read = None
            with suppress(CompileError):
                read = folded_network(part.network, unfoldable(part.network))
            self._read[start, end] = part, read
        return self._read[start, end]
