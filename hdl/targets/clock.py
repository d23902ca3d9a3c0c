"""The clock of a board's circuit: its crystal's, or one that a PLL makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.hdl.families.registry import family
from threshc.hdl.plls.base import Pll, Setting
from threshc.hdl.targets.base import Board, Target

NEAR = Fraction(1, 100)
"""How far from what was asked for a frequency may be."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock. hz: exactly; crystal_hz: what the board feeds to the chip; pll, setting: what makes one of the other,
    None where they are the same."""

    hz: Fraction
    crystal_hz: int
    pll: Pll | None = None
    setting: Setting | None = None
    on_pad: bool = False

    @property
    def cell(self) -> str:
        """The type of the PLL's cell, "" without one."""
        if self.pll is None:
            return ""
        return self.pll.pad[0] if self.on_pad and self.pll.pad else self.pll.cell

    def __str__(self) -> str:
        if self.setting is None:
            return f"{megahertz(self.hz)} MHz"
        return (
            f"{megahertz(self.hz)} MHz: {self.cell} of {megahertz(Fraction(self.crystal_hz))} MHz, "
            f"{self.setting.dividers or 'dividers by nextpnr'}, oscillator {megahertz(self.setting.vco_hz)} MHz"
        )


def megahertz(hz: Fraction) -> str:
    """Returns a frequency in MHz as text: all digits where they end, else six behind the point."""
    return f"{float(hz / 1_000_000):.6f}".rstrip("0").rstrip(".")


def crystal(target: Target) -> Clock:
    """Returns the clock that a board gives."""
    assert target.board is not None
    return Clock(Fraction(target.board.clock_hz), target.board.clock_hz)


def near(target: Target, hz: float) -> Clock:
    """Returns the clock that is nearest to a frequency. Raises CompileError where none is within 1 %, and for targets
    without a crystal or a PLL."""
    given = crystal(_with_crystal(target))
    if hz == given.hz:
        return given
    wanted, found = Fraction(hz), _settings(target)
    best = min(found, key=lambda setting: abs(setting.hz - wanted))
    if abs(best.hz - wanted) > NEAR * wanted:
        raise _too_far(target, wanted, found)
    return _of(target, best)


def at_most(target: Target, hz: float) -> Clock:
    """Returns the fastest clock up to a frequency: the crystal's where the PLL has none between both."""
    given = crystal(_with_crystal(target))
    below = [setting for setting in _settings(target) if given.hz < setting.hz <= Fraction(hz)]
    return _of(target, below[-1]) if below else given


def _of(target: Target, setting: Setting) -> Clock:
    assert target.board is not None
    on_pad = isinstance(target.board, Board) and target.board.pll_on_pad
    return Clock(setting.hz, target.board.clock_hz, family(target.device.family).pll, setting, on_pad)


def _with_crystal(target: Target) -> Target:
    if target.board is None:
        hint = f"omit {option('clock')}: the report says what the circuit reaches; or choose a board"
        raise fail(f"{target.name} has no clock: it is a bare device", where=option("clock"), hint=hint)
    return target


def _settings(target: Target) -> tuple[Setting, ...]:
    chosen = family(target.device.family)
    assert target.board is not None
    if chosen.pll is None:
        raise fail(f"there is no PLL for {chosen.title}", where=option("clock"), hint=f"omit {option('clock')}")
    return tuple(chosen.pll.settings(target.device.part, Fraction(target.board.clock_hz)))


def _too_far(target: Target, wanted: Fraction, found: tuple[Setting, ...]) -> CompileError:
    assert target.board is not None
    below = [s.hz for s in found if s.hz <= wanted][-1:]
    above = [s.hz for s in found if s.hz > wanted][:1]
    nearest = " and ".join(f"{megahertz(hz)} MHz" for hz in (*below, *above))
    chosen = family(target.device.family)
    assert chosen.pll is not None
    return fail(
        f"no setting of the PLL of {target.name} is within 1 % of {megahertz(wanted)} MHz",
        where=option("clock"),
        why=f"of {megahertz(Fraction(target.board.clock_hz))} MHz it makes {megahertz(found[0].hz)} to "
        f"{megahertz(found[-1].hz)} MHz ({chosen.pll.source}); the nearest: {nearest}",
        hint=f"one of these, or {option('clock', 'max')}",
    )
