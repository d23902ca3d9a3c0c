"""Poolings of streams: every bit and every transfer in simulation, and induction over cycles, which refuses changes.

`python tests/folded_pools.py 0 200` does the first on more of them.
"""

from __future__ import annotations

import inspect
from typing import Any

import folded_pools
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded import pool
from threshc.hdl.folded.axis import Axis, axis
from threshc.hdl.folded.pool import Kind, Pool
from threshc.hdl.folded.pool_properties import PoolProperties
from threshc.hdl.proof.bits import Unproved

try:
    tools.find_tools((tools.YOSYS,))
    WITHOUT_YOSYS = ""
except CompileError as problem:
    WITHOUT_YOSYS = str(problem)

proves = pytest.mark.skipif(bool(WITHOUT_YOSYS), reason=WITHOUT_YOSYS or "Yosys is there")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_random_poolings(seed: int) -> None:
    assert folded_pools.check(seed) > 0


def test_padding_that_no_window_reaches_is_left_out() -> None:
    assert axis(1, 4, 3, stride=2, before=1, after=1).after == 0
    assert axis(1, 4, 3, stride=2, before=1, after=1).outputs == 2
    assert axis(1, 4, 3, stride=1, before=1, after=2).after == 2
    assert axis(1, 28, 2, stride=2).slots == axis(1, 28, 3, stride=2).slots == 1


AXES = [
    axis(1, 4, 2, stride=2),
    axis(3, 4, 2, stride=2),
    axis(2, 5, 3, stride=2, before=1, after=1),
    axis(3, 5, 3, before=1, after=1),
    axis(1, 5, 1, stride=2),
    axis(4, 6, 2, stride=3),
    axis(2, 7, 3, stride=2, dilation=2),
    axis(2, 7, 3, dilation=2, before=1),
    axis(28, 28, 2, stride=2),
    axis(1, 1, 3, before=2, after=3),
    axis(2, 3, 1, before=2, after=3),
]


@proves
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fill"), [("or", 0), ("and", 0)])
@pytest.mark.parametrize("one", AXES, ids=str)
def test_poolings_are_proved(one: Axis, kind: Kind, fill: int) -> None:
    prove_properties({"a pooling": PoolProperties(Pool(2, one, kind, fill))})


OVER = axis(3, 5, 3, before=1, after=1)
GAPS = axis(2, 7, 3, stride=2, dilation=2)
WIDE = axis(2, 9, 3, stride=3, dilation=2)
CHANGES: list[tuple[str, str, Axis]] = [
    ("self.nth >= axis.before", "self.nth > axis.before", OVER),
    ("self.nth < axis.before + axis.count", "self.nth <= axis.before + axis.count", OVER),
    ("ends.eq(self.left == 0)", "ends.eq(self.left == 1)", OVER),
    ("free.eq(~ends | ~self.full | self.o.ready)", "free.eq(1)", OVER),
    ("free.eq(~ends | ~self.full | self.o.ready)", "free.eq(~ends | ~self.full)", OVER),
    ("self.i.ready.eq(is_real & free)", "self.i.ready.eq(free)", OVER),
    ("(self.i.valid | ~is_real) & free", "self.i.valid & free", OVER),
    ("(self.i.valid | ~is_real) & free", "(self.i.valid | ~is_real)", OVER),
    ("* self.fill", "* (1 - self.fill)", OVER),
    ("Mux(is_real, self.i.payload,", "Mux(1, self.i.payload,", OVER),
    ("begun = [self.x, *both]", "begun = [self.i.payload, *both]", OVER),
    ("begun = [self.x, *both]", "begun = [*both, self.x]", OVER),
    ("Mux(self.phase == 0, new, old)", "new", GAPS),
    ("Mux(self.phase == 0, new, old)", "old", OVER),
    ("self.step & ends):", "ends):", OVER),
    ("word.eq(both[-1] if both", "word.eq(both[0] if both", OVER),
    ("word.eq(both[-1] if both", "word.eq(now[-1] if both", OVER),
    ("with m.Elif(self.o.ready):", "with m.Else():", OVER),
    ('if self.kind == "or"', 'if self.kind != "or"', OVER),
    ("[phase or axis.stride", "[phase", WIDE),
    ("% axis.dilation == 0)", "% axis.dilation == 1)", GAPS),
    ("last.eq(at == axis.depth - 1)", "last.eq(at == axis.depth - 2)", OVER),
    ("Mux(last, 0, at + 1)", "at + 1", OVER),
    ("Mux(self.step, Mux(last", "Mux(1, Mux(last", OVER),
    ("with m.If(self.step & last):", "with m.If(last):", OVER),
    ("Mux(self.phase == axis.stride - 1, 0,", "Mux(self.phase == axis.stride, 0,", WIDE),
    ("Mux(ends, axis.stride - 1,", "Mux(ends, axis.stride,", OVER),
    ("self.nth == axis.total - 1", "self.nth == axis.total - 2", OVER),
    ("self.left.eq(axis.reach)", "self.left.eq(axis.stride - 1)", OVER),
    ("self.phase.eq(0), self.left", "self.left", axis(2, 4, 2, stride=3)),
    ("self.write.addr.eq(self.at)", "self.write.addr.eq(self.following)", OVER),
    ("self.write.en.eq(self.step)", "self.write.en.eq(self.i.valid)", OVER),
    ("self.write.data.eq(following)", "self.write.data.eq(self.line)", OVER),
    ("self.read.addr.eq(self.following)", "self.read.addr.eq(self.at)", OVER),
]


@proves
@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "one"), CHANGES, ids=[f"{k}: {c[0]} to {c[1]}" for k, c in enumerate(CHANGES)])
def test_changed_circuits_are_refused(old: str, new: str, one: Axis) -> None:
    """A change of the source of the circuit, which stays a circuit."""
    source = inspect.getsource(pool)
    assert old in source
    changed: dict[str, Any] = {"__name__": pool.__name__}
    exec(compile(source.replace(old, new), pool.__name__, "exec"), changed)
    with pytest.raises(Unproved, match="it: a property does not hold"):
        prove_properties({"it": PoolProperties(changed["Pool"](2, one, "and", 1))})


@proves
@pytest.mark.parametrize(
    "claimed", [axis(3, 5, 2, before=1), axis(3, 4, 3, before=1, after=1), axis(2, 5, 3, before=1)]
)
def test_the_pooling_of_another_axis_is_refused(claimed: Axis) -> None:
    top = PoolProperties(Pool(2, OVER, "or"))
    top.axis = claimed
    with pytest.raises(Unproved):
        prove_properties({"it": top})
