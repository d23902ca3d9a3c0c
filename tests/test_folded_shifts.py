"""Windows that are shift registers: every tap and every transfer in simulation; induction, which refuses changes."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest
from folded_shifts import check

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded import shift_window
from threshc.hdl.folded.scan import Scan
from threshc.hdl.folded.shift_properties import ShiftProperties
from threshc.hdl.folded.shift_window import ShiftWindow
from threshc.hdl.proof.bits import Unproved

try:
    tools.find_tools((tools.YOSYS,))
    WITHOUT_YOSYS = ""
except CompileError as problem:
    WITHOUT_YOSYS = str(problem)

proves = pytest.mark.skipif(bool(WITHOUT_YOSYS), reason=WITHOUT_YOSYS or "Yosys is there")


@pytest.mark.parametrize("seed", range(30))
def test_random_windows_are_right_in_every_cycle(seed: int) -> None:
    assert check(seed) > 0


@pytest.mark.parametrize(
    ("scan", "steps"),
    [
        (Scan(28, 28, (3, 3)), 784),
        (Scan(28, 28, (3, 3), pads=(1, 1, 1, 1)), 784 + 29),
        (Scan(28, 28, (2, 2), (2, 2)), 784),
        (Scan(28, 28, (5, 5), pads=(2, 2, 2, 2)), 784 + 58),
        (Scan(4, 4, (1, 1), pads=(0, 2, 0, 2)), 38),
        (Scan(4, 4, (1, 1), pads=(1, 0, 0, 0)), 20),
    ],
)
def test_a_sample_takes_its_pixels_and_what_the_last_windows_reach_below_it(scan: Scan, steps: int) -> None:
    assert scan.steps == steps


SMALL = Scan(5, 4, (3, 3), pads=(1, 1, 1, 1))
STRIDED = Scan(6, 7, (2, 3), (2, 3), pads=(0, 1, 1, 0))
GAPS = Scan(6, 5, (3, 2), (1, 2), pads=(1, 1, 1, 1), dilation=(2, 2))
ABOVE = Scan(4, 5, (3, 1), (1, 2), (3, 2, 0, 0))
LONG = Scan(2, 3, (1, 1), (1, 1), (0, 2, 0, 1))
SCANS = [
    SMALL,
    STRIDED,
    GAPS,
    ABOVE,
    LONG,
    Scan(5, 4, (3, 3)),
    Scan(6, 5, (2, 2), (2, 2)),
    Scan(3, 2, (3, 3), pads=(1, 1, 1, 1)),
    Scan(1, 1, (3, 3), pads=(1, 1, 1, 1)),
    Scan(28, 28, (2, 2), (2, 2)),
]


@proves
@pytest.mark.slow
@pytest.mark.parametrize(("fill", "is_pad"), [(0, True), (1, False)])
@pytest.mark.parametrize("scan", SCANS, ids=str)
def test_windows_are_proved(scan: Scan, fill: int, is_pad: bool) -> None:
    prove_properties({"it": ShiftProperties(ShiftWindow(2, scan, fill, is_pad))})


CHANGES: list[tuple[str, str, Scan]] = [
    ("free.eq(~self.full | self.o.ready)", "free.eq(1)", SMALL),
    ("free.eq(~self.full | self.o.ready)", "free.eq(~self.full)", SMALL),
    ("self.i.ready.eq(self.real & free)", "self.i.ready.eq(free)", SMALL),
    ("own = ~self.real &", "own =", SMALL),
    ("own = ~self.real & (self.row >= self.scan.before)", "own = ~self.real", ABOVE),
    ("(self.i.valid | own) & free", "self.i.valid & free", SMALL),
    ("(self.i.valid | own) & free", "(self.i.valid | own)", SMALL),
    (
        "with m.If(self.step & self.due):\n            m.d.sync += self.full",
        "with m.If(self.due):\n            m.d.sync += self.full",
        SMALL,
    ),
    ("with m.Elif(self.o.ready):", "with m.Else():", SMALL),
    ("divmod(scan.steps - 1, scan.line)", "divmod(scan.steps - 2, scan.line)", SMALL),
    ("wraps.eq(self.column == scan.line - 1)", "wraps.eq(self.column == scan.width - 2)", SMALL),
    ("Mux(ends | wraps, 0, self.column + 1)", "self.column + 1", SMALL),
    ("self.row + wraps", "self.row + ends", SMALL),
    ("row < scan.before + scan.height", "row <= scan.before + scan.height", SMALL),
    ("real &= row >= scan.before", "real &= row > scan.before", ABOVE),
    ("real &= column < scan.width", "real &= column <= scan.width", LONG),
    ("self.x == scan.shape[1] - 1", "self.x == scan.shape[1] - 2", SMALL),
    ("self.y == scan.shape[0] - 1", "self.y == scan.shape[0] - 2", SMALL),
    ("scan.ahead, scan.jump - 1", "scan.jump - 1, scan.jump - 1", SMALL),
    ("scan.ahead, scan.jump - 1", "scan.ahead, scan.jump", STRIDED),
    ("scan.stride[1] - 1)\n", "scan.stride[1])\n", STRIDED),
    ("self.due.eq(left == 0)", "self.due.eq(left == 1)", STRIDED),
    ("self.x.eq(Mux(ends, 0, self.x + 1))", "self.x.eq(self.x + 1)", GAPS),
    ("self.y.eq(Mux(below, 0, self.y + 1))", "self.y.eq(self.y + 1)", SMALL),
    ("Mux(self.at == scan.gap - 1, 0, self.at + 1)", "self.at + 1", GAPS),
    ("Mux(self.at == scan.gap - 1, 0,", "Mux(self.at == scan.gap - 2, 0,", GAPS),
    ("self.write.addr.eq(self.at)", "self.write.addr.eq(following)", GAPS),
    ("self.write.en.eq(self.step)", "self.write.en.eq(self.i.valid)", GAPS),
    ("self.read.addr.eq(following)", "self.read.addr.eq(self.at)", GAPS),
    ("row[-1] for row in self.rows[:-1]", "row[0] for row in self.rows[:-1]", GAPS),
    ("row[-1] for row in self.rows[:-1]", "row[-1] for row in self.rows[1:]", GAPS),
    ("zip(row, [new, *row], strict=False)", "zip(row, [new, *row[1:]], strict=False)", GAPS),
    ("self.read.data.word_select(k, width)", "self.read.data.word_select(0, width)", GAPS),
    ("range(count - 1))]", "range(count - 2, -1, -1))]", GAPS),
    ("scan.kernel[0] - 1 - i", "i", SMALL),
    ("(scan.kernel[1] - 1 - j) * scan.dilation[1]", "j * scan.dilation[1]", SMALL),
    ("(scan.kernel[1] - 1 - j) * scan.dilation[1]", "(scan.kernel[1] - 1 - j)", GAPS),
    ("is_pad: Value = above | beside", "is_pad: Value = above & beside", SMALL),
    ("pixel & ~mask", "pixel", SMALL),
    ("(place < low) | (place >= high)", "(place < low) | (place > high)", SMALL),
    ("(place < low) | (place >= high)", "(place <= low) | (place >= high)", SMALL),
    ("enumerate((self.y, self.x))", "enumerate((self.x, self.y))", SMALL),
]


@proves
@pytest.mark.slow
@pytest.mark.parametrize(("old", "new", "scan"), CHANGES, ids=[f"{k}: {c[0]}" for k, c in enumerate(CHANGES)])
def test_changed_circuits_are_refused(old: str, new: str, scan: Scan) -> None:
    """A change of the source of the circuit, which stays a circuit."""
    source = inspect.getsource(shift_window)
    assert old in source
    changed: dict[str, Any] = {"__name__": shift_window.__name__}
    exec(compile(source.replace(old, new), shift_window.__name__, "exec"), changed)
    with pytest.raises(Unproved, match="it: a property does not hold"):
        prove_properties({"it": ShiftProperties(changed["ShiftWindow"](2, scan, 0, True))})


@proves
@pytest.mark.parametrize("claimed", [replace(SMALL, pads=(1, 1, 0, 1)), replace(SMALL, stride=(1, 2)), ABOVE])
def test_the_window_of_another_scan_is_refused(claimed: Scan) -> None:
    top = ShiftProperties(ShiftWindow(2, SMALL))
    top.scan = claimed
    with pytest.raises(Unproved):
        prove_properties({"it": top})
