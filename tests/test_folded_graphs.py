"""Forks, joins and the queues between them: simulated with all that may stand there, and proved; changes are refused.

`python tests/folded_graphs.py 0 200` does the first on more of them.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Sequence
from typing import Any

import folded_chains
import folded_graphs
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded import branch_properties, branches, fifo
from threshc.hdl.folded.axis import axis
from threshc.hdl.folded.branch_properties import BranchProperties
from threshc.hdl.folded.branch_schedule import FifoStage, ForkStage, JoinStage, Stuck
from threshc.hdl.folded.branches import Fork, Join
from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.depth import Makers, longest
from threshc.hdl.folded.fifo import Fifo
from threshc.hdl.folded.pool import Pool
from threshc.hdl.folded.pool_schedule import PoolStage
from threshc.hdl.folded.schedule import FoldedStage, GatherStage
from threshc.hdl.folded.wiring import Feed
from threshc.hdl.proof.bits import Unproved

try:
    tools.find_tools((tools.YOSYS,))
    WITHOUT_YOSYS = ""
except CompileError as problem:
    WITHOUT_YOSYS = str(problem)

proves = pytest.mark.skipif(bool(WITHOUT_YOSYS), reason=WITHOUT_YOSYS or "Yosys is there")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    assert folded_graphs.check(seed) > 0


def _window() -> PoolStage:
    """The rows of a window of three lines, of eight beats each."""
    return PoolStage(axis=axis(8, 6, 3, before=1, after=1))


def _layer() -> FoldedStage:
    return FoldedStage(chunks=2, groups=3, places=4, latency=5)


@pytest.mark.parametrize(
    ("ways", "counts", "beats", "main", "places"),
    [
        ([[], [_window]], (1, 1), 48, 1, (8, 0)),  # nine beats go in before it answers, one is with the reader
        ([[_window], []], (1, 1), 48, 0, (0, 9)),
        ([[], [_window, _window]], (1, 1), 48, 1, (16, 0)),
        ([[_layer], [_layer]], (3, 3), 8, 1, (2, 0)),
        ([[], [_layer]], (2, 3), 8, 1, (2, 0)),
        ([[_window], [], [_window]], (1, 1, 1), 48, 2, (8, 9, 0)),  # the last beat of a sample makes nine
    ],
)
def test_places_that_nothing_hangs_with(
    ways: Sequence[Makers], counts: Sequence[int], beats: int, main: int, places: tuple[int, ...]
) -> None:
    assert longest(ways, counts, beats) == (main, places)


def test_ways_that_wait_for_each_other() -> None:
    """One gives its first beat behind the other's, the other its second one behind that one's."""
    pairs, late = lambda: GatherStage(count=2), lambda: PoolStage(axis=axis(1, 6, 3))
    assert longest([[late], [pairs]], (1, 1), 6) is None


def _beside_a_window(places: int) -> folded_graphs.Graph:
    """A queue beside the rows of a window of three lines, which gives its first beat when it has taken nine."""
    rows = axis(8, 6, 3, before=1, after=1)
    parts: list[folded_graphs.Made] = [
        (lambda: Fork(2, 2), lambda: ForkStage(main=1)),
        (lambda: Fifo(2, places), lambda: FifoStage(places=places)),
        (lambda: Pool(2, rows, "or"), lambda: PoolStage(axis=rows)),
        (lambda: Join(2, (1, 1)), lambda: JoinStage(counts=(1, 1))),
    ]
    feeds = [[Feed(-1)], [Feed(0)], [Feed(0, 1)], [Feed(1), Feed(2)]]
    return folded_graphs.Graph(parts, feeds, [k % 4 for k in range(96)], np.zeros(0), [1])


@pytest.mark.parametrize("places", [2, 6, 7, 8])
def test_too_few_places_hang(places: int) -> None:
    """With 6 the eighth beat has no place and the ninth does not come; the model says so, and of 7 that it may."""
    graph = _beside_a_window(places)
    parts = [make() for make, _ in graph.parts]
    every, count = np.array([True]), 2 * len(graph.beats)
    seen = folded_chains.simulate(_Chain(parts, (), None, graph.feeds), graph.beats, every, every, count, 1000)
    assert (len(seen.outs) == count) == (places > 6)
    if places < 8:
        with pytest.raises(Stuck):
            folded_graphs.model(graph, [True], [True])
    else:
        goes, _ = folded_graphs.model(graph, [True], [True])
        assert goes[-1].times == [t for t, _ in seen.outs]


PARTS: list[tuple[Any, ...]] = [
    (Fork, 3, 2),
    (Fork, 1, 3),
    (Join, 2, (1, 1)),
    (Join, 2, (3, 2)),
    (Join, 1, (2, 1, 4)),
    (Fifo, 2, 2),
    (Fifo, 1, 3),
    (Fifo, 4, 37),
    (Fifo, 2, 256),
]


@proves
@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0].__name__)
def test_parts_are_proved(part: tuple[Any, ...]) -> None:
    prove_properties({"a part": BranchProperties(part[0](*part[1:]))})


CHANGES: list[tuple[types.ModuleType, str, str, Any]] = [
    (branches, "self.i.valid & ~self.gone[k]", "self.i.valid", (Fork, 2, 2)),
    (branches, "self.gone[k] | out.ready", "out.ready", (Fork, 2, 2)),
    (branches, "takes.all()", "takes.any()", (Fork, 2, 2)),
    (branches, "Mux(self.i.ready, 0, takes)", "takes", (Fork, 2, 2)),
    (branches, "Mux(self.i.ready, 0, takes)", "0", (Fork, 2, 2)),
    (branches, "with m.If(self.i.valid):", "with m.If(1):", (Fork, 2, 2)),
    (branches, "out.payload.eq(self.i.payload)", "out.payload.eq(~self.i.payload)", (Fork, 2, 2)),
    (branches, "(at >= first) & (at < first + count)", "(at >= first) & (at <= first + count)", (Join, 2, (2, 1))),
    (branches, "(at >= first) & (at", "(at > first) & (at", (Join, 2, (2, 1))),
    (branches, "one.ready.eq(mine & self.o.ready)", "one.ready.eq(self.o.ready)", (Join, 2, (2, 1))),
    (branches, "& whose).any()", ").any()", (Join, 2, (2, 1))),
    (branches, "with m.If(mine):", "with m.If(one.valid):", (Join, 2, (2, 1))),
    (branches, "with m.If(self.o.valid & self.o.ready):", "with m.If(self.o.ready):", (Join, 2, (2, 1))),
    (branches, "Mux(at == first - 1, 0", "Mux(at == first - 2, 0", (Join, 2, (2, 1))),
    (fifo, "self.free != 0", "self.free > 1", (Fifo, 2, 5)),
    (fifo, "self.i.ready.eq(self.free != 0)", "self.i.ready.eq(1)", (Fifo, 2, 5)),
    (fifo, "self.some != 0", "self.some + self.fresh != 0", (Fifo, 2, 5)),
    (fifo, "put.eq(self.i.valid & self.i.ready)", "put.eq(self.i.valid)", (Fifo, 2, 5)),
    (fifo, "taken.eq(self.o.valid & self.o.ready)", "taken.eq(self.o.ready)", (Fifo, 2, 5)),
    (fifo, "Mux(taken, self._behind(self.head)", "Mux(self.o.ready, self._behind(self.head)", (Fifo, 2, 5)),
    (fifo, "self.write.addr.eq(self.tail)", "self.write.addr.eq(self.head)", (Fifo, 2, 5)),
    (fifo, "self.write.en.eq(put)", "self.write.en.eq(self.i.valid)", (Fifo, 2, 5)),
    (fifo, "self.read.addr.eq(following)", "self.read.addr.eq(self.head)", (Fifo, 2, 5)),
    (fifo, "Mux(put, self._behind(self.tail), self.tail)", "self._behind(self.tail)", (Fifo, 2, 5)),
    (fifo, "self.fresh.eq(put)", "self.fresh.eq(0)", (Fifo, 2, 5)),
    (fifo, "self.free - put + taken", "self.free - put", (Fifo, 2, 5)),
    (fifo, "self.some + self.fresh - taken", "self.some + put - taken", (Fifo, 2, 5)),
    (fifo, "place == self.places - 1", "place == self.places", (Fifo, 2, 5)),
    (fifo, "init=places", "init=places - 1", (Fifo, 2, 5)),
]


@proves
@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old", "new", "part"), CHANGES, ids=[f"{k}: {c[1]} to {c[2]}" for k, c in enumerate(CHANGES)]
)
def test_changed_circuits_are_refused(
    module: types.ModuleType, old: str, new: str, part: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the source of a circuit, which stays a circuit."""
    source = inspect.getsource(module)
    assert old in source
    changed: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source.replace(old, new), module.__name__, "exec"), changed)
    kind = changed[part[0].__name__]
    monkeypatch.setattr(branch_properties, kind.__name__, kind)
    with pytest.raises(Unproved, match="it: a property does not hold"):
        prove_properties({"it": BranchProperties(kind(*part[1:]))})


def test_a_queue_that_is_full_waits_for_what_leaves() -> None:
    queue = FifoStage(places=2)
    assert [queue.push(0), queue.push(0)] == [0, 1]
    with pytest.raises(Stuck):
        queue.push(0)
