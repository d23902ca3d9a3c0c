"""Induction over the cycles of folded circuits: it succeeds for all shapes, and changed circuits are refused."""

from __future__ import annotations

import dataclasses
import inspect
import types
from typing import Any

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded import arg_max, control, entry, links, properties, unit
from threshc.hdl.folded.arg_max import ArgMax
from threshc.hdl.folded.entry import BeatThresholds
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.link_properties import LinkProperties
from threshc.hdl.folded.links import Fill, Gather, Split
from threshc.hdl.folded.properties import Properties
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.proof.bits import Unproved

try:
    tools.find_tools((tools.YOSYS,))
except CompileError as problem:
    pytest.skip(str(problem), allow_module_level=True)

pytestmark = pytest.mark.slow


def _unit(chunks: int, groups: int, places: int, queue: int, simd: int = 4, pe: int = 2) -> FoldedUnit:
    rng = np.random.default_rng(chunks)
    weights = rng.choice([-1, 1], (groups * pe, chunks * simd))
    made = folded_unit("l", FoldedLayer("l", weights, rng.integers(-3, 4, groups * pe), pe, simd))
    return dataclasses.replace(made, places=places, queue=queue)


def _properties(made: FoldedUnit) -> Properties:
    return Properties(made.component(), (made.core.shared.latency, made.core.neuron.latency))


@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 1, 1),
        (1, 1, 1, 9),
        (1, 1, 2, 7),
        (1, 5, 3, 2),
        (4, 1, 4, 1),
        (3, 2, 5, 2),
        (2, 3, 2, 1),
        (14, 4, 28, 1),
        *((4, 3, 8, 2), (2, 1, 4, 3), (4, 3, 6, 2), (1, 3, 2, 9)),
    ],
)
def test_schedules_are_proved(shape: tuple[int, int, int, int]) -> None:
    """Chunks, groups, places, queue."""
    prove_properties({"a layer": _properties(_unit(*shape))})


LINKS = [
    Gather(4, 2),
    Gather(1, 7),
    Split(4, 2),
    Split(3, 5),
    Gather(4, 3, 13, 4, 2),
    Gather(2, 4, 8, 2, 1),
    Split(3, 4, 11, 3, 2),
    Split(4, 2, 8, 1, 1),
    Split(3, 4, 10),
    Fill(5, 7, 3, 0b10011),
    Fill(4, 4, 1, 0b0101),
    Fill(3, 5, 4, 0b111),
    BeatThresholds([[[3, 9]], [[1, 16]], [[15, 7]]], 4, False),
    BeatThresholds([[[-8], [0, 7]], [[8], [-3, 8]]], 4, True),
    BeatThresholds([[[5]] if k == 3 else [[k]] for k in range(20)], 8, False),
    ArgMax(10, 5, 3),
    ArgMax(3, 4, 3),
    ArgMax(2, 1, 3),
    ArgMax(1, 3, 3),
    ArgMax(10, 5, 1),
    ArgMax(2, 3, 1),
]


def _link(part: Any) -> LinkProperties:
    match part:
        case ArgMax():
            return LinkProperties(ArgMax(part.count, part.width, part.cycles))
        case BeatThresholds():
            return LinkProperties(BeatThresholds(part.thresholds, part.bits, part.is_signed))
        case Gather():
            return LinkProperties(Gather(part.width, part.count, len(part.o.payload), part.words, part.last))
        case Split():
            return LinkProperties(Split(part.width, part.count, len(part.i.payload), part.beats, part.last))
        case _:
            return LinkProperties(Fill(part.width, len(part.o.payload), part.beats, part.kept))


@pytest.mark.parametrize("part", LINKS, ids=lambda p: f"{type(p).__name__}_{len(p.i.payload)}_{len(p.o.payload)}")
def test_links_are_proved(part: Any) -> None:
    prove_properties({"a link": _link(part)})


CHANGES: list[tuple[types.ModuleType, str, str, Any]] = [
    # A credit is not taken where a pass is one step; and every decision, counter and start of the schedule.
    (control, "self.taken, self.done)", "self.taken, self.done if self.chunks > 1 else 0)", (1, 2, 2, 2)),
    (control, "Mux(self.done, credit > 1, ", "Mux(self.done, credit > 0, ", (3, 2, 5, 2)),
    (control, "Mux(fresh, new > 1, ", "Mux(fresh, new > 0, ", (3, 2, 5, 2)),
    (control, "Mux(put, free > 1, self.accept)", "Mux(put, free > 0, self.accept)", (3, 2, 5, 2)),
    (control, "gone.eq(self.step & end)", "gone.eq(self.step & ~again)", (3, 2, 5, 2)),
    (control, "gone.eq(self.step & end)", "gone.eq(self.step & end & last)", (3, 2, 5, 2)),
    (control, "first.eq(following)", "first.eq(self.read)", (3, 2, 5, 2)),
    (control, "Mux(last & ~end, first, following)", "Mux(last, first, following)", (3, 2, 5, 2)),
    (control, "whole.eq(self.done & end)", "whole.eq(self.done)", (3, 2, 5, 2)),
    (control, "whole.eq(self.done & end)", "whole.eq(self.done)", (4, 2, 8, 2)),
    (control, "self._odd ^ whole", "self._odd ^ self.done", (4, 2, 8, 2)),
    (control, "Cat(chunk, self._odd)", "Cat(chunk, ~self._odd)", (4, 2, 8, 2)),
    (control, "places == 2 * chunks", "places != chunks", (4, 2, 6, 2)),
    (control, "chunks != 1 << digits", "False", (3, 2, 5, 2)),
    (control, "Mux(down, -1, 1)", "Mux(up, -1, 1)", (3, 2, 5, 2)),
    (control, "m.If(up ^ down)", "m.If(up | down)", (3, 2, 5, 2)),
    (control, "moves = up ^ down", "moves = up | down", (3, 2, 5, 2)),
    (control, "(count[0] ^ down)", "count[0]", (3, 2, 5, 2)),
    (control, "(chunk == chunks - 2)", "(chunk == chunks - 1)", (3, 2, 5, 2)),
    (control, "(group == groups - 2)", "(group == groups - 1)", (3, 3, 5, 2)),
    (control, "_when(self.done, ~end, again)", "_when(self.done, 1, again)", (3, 2, 5, 2)),
    (control, "(~yes & other)", "other", (3, 2, 5, 2)),
    (control, "Mux(place == places - 1, 0", "Mux(place == places - 2, 0", (3, 2, 5, 2)),
    (control, "places & (places - 1) == 0", "places & (places - 1) != 0", (3, 2, 5, 2)),
    (control, "init=places", "init=places - 1", (3, 2, 5, 2)),
    (control, "init=queue", "init=queue - 1", (3, 2, 5, 2)),
    (control, 'Signal(init=1, name="may")', 'Signal(name="may")', (3, 2, 5, 2)),
    (control, "(again | some) & (~last | may)", "some & (~last | may)", (3, 2, 5, 2)),
    (control, "(again | some) & (~last | may)", "again | some", (3, 2, 5, 2)),
    (unit, "total.eq(acc + count)", "total.eq(acc + count + done)", (3, 2, 5, 2)),
    (unit, "acc.eq(Mux(self.clears, begin, total))", "acc.eq(total)", (3, 2, 5, 2)),
    (unit, "acc.eq(Mux(self.clears, begin, total))", "acc.eq(Mux(done, begin, total))", (3, 2, 5, 2)),
    (unit, "with m.If(self.adds):", "with m.If(1):", (3, 2, 5, 2)),
    (unit, 'Signal(init=1, name="adds")', 'Signal(name="adds")', (3, 2, 5, 2)),
    (unit, 'adds.eq(self.pipes["step"][-2])', 'adds.eq(self.pipes["step"][-1])', (3, 2, 5, 2)),
    (unit, "answer.eq(total[-1]", "answer.eq(~total[-1]", (3, 2, 5, 2)),
    (unit, "answer.eq(total[-1]", "answer.eq(acc[-1]", (3, 2, 5, 2)),
    (
        unit,
        "with m.If(done):\n            m.d.sync += answer.eq",
        "with m.If(self.adds):\n            m.d.sync += answer.eq",
        (3, 2, 5, 2),
    ),
    (unit, "held & ((filled != count) | taken)", "held & (filled != count)", (3, 2, 5, 2)),
    (unit, "held & ((filled != count) | taken)", "held & (filled != count + 1)", (3, 2, 5, 2)),
    (unit, "held.eq(done | (held & ~put))", "held.eq(done)", (3, 2, 5, 2)),
    (unit, "(filled == k + taken)", "(filled == k)", (3, 2, 5, 2)),
    (unit, "filled + put - taken", "filled + put", (3, 2, 5, 2)),
    (unit, "self.o.payload.eq(places[0])", "self.o.payload.eq(places[-1])", (3, 2, 5, 3)),
    (unit, "self.o.valid.eq(filled != 0)", "self.o.valid.eq(filled == count)", (3, 2, 5, 3)),
    (unit, '("step", control.step, unit.summed - 1)', '("step", control.step, unit.summed)', (3, 2, 5, 2)),
    (unit, "(name, value, unit.core.shared.latency)", "(name, value, 0)", (3, 2, 5, 2)),
    (unit, "own = word[k * layer.word_bits : (k + 1) *", "own = word[0 : 1 *", (3, 2, 5, 2)),
    (unit, "read.addr.eq(control.read)", "read.addr.eq(control.write)", (3, 2, 5, 2)),
    (unit, "write.en.eq(self.i.valid & self.i.ready)", "write.en.eq(self.i.valid)", (3, 2, 5, 2)),
    (links, "(width * (count - 1))", "(width * (count - 2))", Gather(2, 3)),
    (links, "at.eq(Mux(ends, 0, at + 1))", "at.eq(at + 1)", Gather(2, 3)),
    (links, "self.i.ready.eq(~full | self.o.ready)", "self.i.ready.eq(1)", Gather(2, 3)),
    (links, "ends.eq(at == count - 1)", "ends.eq(at == count - 2)", Gather(2, 3)),
    (links, "ends.eq(short | (", "ends.eq((", Gather(2, 3, 6, 2, 1)),
    (links, "nth.eq(Mux(short, 0, nth + 1))", "nth.eq(nth + 1)", Gather(2, 3, 6, 3, 1)),
    (links, "(nth == self.words - 1) & (at", "(at", Gather(2, 3, 6, 3, 1)),
    (links, "(1 + count - self.last)", "(count - self.last)", Gather(2, 3, 6, 2, 2)),
    (links, "(self.i.payload << (width * (self.last - 1)))", "self.i.payload", Gather(2, 3, 6, 2, 2)),
    (links, "left.eq(Mux(ends, self.last, count))", "left.eq(Mux(ends, count, count))", Split(2, 3, 6, 2, 2)),
    (links, "nth.eq(Mux(ends, 0, nth + 1)), left", "nth.eq(nth + 1), left", Split(2, 3, 6, 3, 2)),
    (links, "ends = nth == self.beats - 1", "ends = nth == self.beats - 2", Split(2, 3, 6, 3, 2)),
    (links, "self.i.payload & Mux(ends,", "self.i.payload & Mux(~ends,", Fill(2, 3, 3, 1)),
    (links, "Const(self.kept, width), (1 <<", "Const(self.kept ^ 1, width), (1 <<", Fill(2, 3, 3, 1)),
    (links, "self.i.valid & self.o.ready):", "self.i.valid):", Fill(2, 3, 3, 1)),
    (links, "at.eq(Mux(ends, 0, at + 1))", "at.eq(at + 1)", Fill(2, 2, 3, 1)),
    (links, "word.eq(word >> width)", "word.eq(word)", Split(2, 3)),
    (links, "left.eq(count)", "left.eq(count - 1)", Split(2, 3)),
    (links, "((left == 1) & self.o.ready)", "(left == 1)", Split(2, 3)),
    *(
        (entry, old, new, BeatThresholds([[[3, 9]], [[1, 16]], [[15, 7]]], 4, False))
        for old, new in (
            ("t - 1 for feature", "t for feature"),
            (") > self.word[k]", ") >= self.word[k]"),
            ("(self.at == count - 1, 0,", "(self.at == count - 2, 0,"),
            ("self.i.ready.eq(~self.full | self.o.ready)", "self.i.ready.eq(1)"),
            ("put.eq(self.i.valid & self.i.ready)", "put.eq(self.i.valid)"),
            ("init=1 % count", "init=0"),
            ("init=column[0]", "init=column[1]"),
            ("with m.Case(beat):", "with m.Case(beat ^ 1):"),
            ("self.full.eq(1), ", ""),
            ("m.Elif(self.o.ready)", "m.Elif(self.o.valid)"),
        )
    ),
    (
        entry,
        "feature.as_signed() if self.is_signed",
        "feature if self.is_signed",
        BeatThresholds([[[-3]], [[2]]], 3, True),
    ),
    (arg_max, "self._candidate + self._less)", "self._candidate + self._less + 1)", ArgMax(4, 3, 3)),
    (arg_max, "self._candidate + self._less)", "self._candidate + self._less + 1)", ArgMax(4, 3, 1)),
    (arg_max, "(self._full & ~self.o.ready)", "self._full", ArgMax(4, 3, 3)),
    (arg_max, "kept | (free & ~self._put)", "kept | free", ArgMax(4, 3, 3)),
    (links, "(self.i.valid & ends) | (", "ends | (", Gather(2, 3)),
    (links, "(full & ~self.o.ready)", "full", Gather(2, 3)),
    (arg_max, "(1 << (self.width - 1))", "0", ArgMax(4, 3, 3)),
    (arg_max, " | (at == 0)", "", ArgMax(4, 3, 3)),
    (arg_max, " | (at == 0)", "", ArgMax(4, 3, 1)),
    (arg_max, "free & (~self._full | self.o.ready)", "free", ArgMax(4, 3, 3)),
    (arg_max, "self.i.ready.eq(~self._full | self.o.ready | (", "self.i.ready.eq(1 | (", ArgMax(4, 3, 1)),
    (arg_max, "arg.eq(at)", "arg.eq(at + 1)", ArgMax(4, 3, 3)),
    (arg_max, "done.eq(kept & last)", "done.eq(kept)", ArgMax(4, 3, 3)),
    (arg_max, "done.eq(compared & end)", "done.eq(compared)", ArgMax(4, 3, 1)),
    (arg_max, "Mux(larger, at, arg)", "arg", ArgMax(4, 3, 1)),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old", "new", "shape"), CHANGES, ids=[f"{k}: {c[1]} to {c[2]}" for k, c in enumerate(CHANGES)]
)
def test_changed_circuits_are_refused(
    module: types.ModuleType, old: str, new: str, shape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the source of a circuit, which stays a circuit."""
    source = inspect.getsource(module)
    assert old in source
    changed: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source.replace(old, new), module.__name__, "exec"), changed)
    for kind in (control.Control, unit.UnitComponent, Fill, Gather, Split, ArgMax, BeatThresholds):
        if kind.__module__ == module.__name__:
            for name, method in inspect.getmembers(changed[kind.__name__], inspect.isfunction):
                if name in vars(kind) and name != "__init__":
                    monkeypatch.setattr(kind, name, method)
    if module is control:
        for reader in (unit, properties):
            monkeypatch.setattr(reader, "Control", changed["Control"])
    top = _properties(_unit(*shape)) if isinstance(shape, tuple) else _link(shape)
    with pytest.raises(Unproved, match="it: a property does not hold"):
        prove_properties({"it": top})


@pytest.mark.parametrize("shape", [(3, 2, 2, 2), (2, 3, 1, 1)])
def test_too_few_places_are_refused(shape: tuple[int, int, int, int]) -> None:
    """A buffer that does not hold a sample, which is read again: it hangs."""
    with pytest.raises(Unproved):
        prove_properties({"it": _properties(_unit(*shape))})


@pytest.mark.parametrize("shape", [(3, 2, 5, 3), (3, 2, 4, 2), (3, 1, 5, 2), (2, 2, 5, 2)])
def test_the_schedule_of_another_layer_is_refused(
    shape: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More credits than the queue has places, another buffer, fewer groups, fewer chunks."""
    monkeypatch.setattr(unit, "Control", lambda *_: control.Control(*shape))
    top = _properties(_unit(3, 2, 5, 2))
    with pytest.raises(Unproved):
        prove_properties({"it": top})


@pytest.mark.parametrize("latencies", [(0, 0), (1, 1), (2, 1)])
def test_other_latencies_are_refused(latencies: tuple[int, int]) -> None:
    """The counts come later than the schedule thinks."""
    made = _unit(3, 2, 5, 2)
    assert (made.core.shared.latency, made.core.neuron.latency) == (1, 2)
    with pytest.raises(Unproved):
        prove_properties({"it": Properties(made.component(), latencies)})


def test_a_class_of_one_sum_a_cycle_is_refused() -> None:
    """The one arg-max that would lose classes: `folded_chain` makes none of them."""
    with pytest.raises(Unproved):
        prove_properties({"it": LinkProperties(ArgMax(1, 3, 1))})
