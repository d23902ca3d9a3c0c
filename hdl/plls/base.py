"""PLLs: what is to be known of a family's cell, and which of its settings makes a frequency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

Parameter = str | tuple[int, int]
"""A parameter of a cell: a text, or a number with its width in bits (0: a plain integer)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to set a PLL. hz: the frequency that it makes, exactly; vco_hz: of the oscillator inside; parameters: of
    the cell, those that say this."""

    hz: Fraction
    vco_hz: Fraction
    parameters: Mapping[str, Parameter]

    @property
    def dividers(self) -> str:
        """The numbers among the parameters, for people."""
        numbers = [(name, value[0]) for name, value in self.parameters.items() if not isinstance(value, str)]
        return ", ".join(f"{name} {number}" for name, number in numbers)


@dataclass(frozen=True, slots=True)
class Pll:
    """The PLL of a family.

    * cell: its type; reference, output, locked: its pins; loop: an output and the input that it goes back to, if any
    * tied: other inputs with their values; parameters, attributes: those that are the same in every setting
    * settings(part, hz): every setting for a device and a reference, within the limits of `source`, the data sheet
    * pad: the type and pin of the form whose reference is a pin of the chip itself, for boards that have it there
    * said: a line of nextpnr's log that names the frequency it set, in MHz, where it searches the settings itself
    """

    cell: str
    reference: str
    output: str
    locked: str
    settings: Callable[[str, Fraction], Iterable[Setting]]
    source: str
    loop: tuple[str, str] | None = None
    tied: Mapping[str, int] | None = None
    parameters: Mapping[str, Parameter] | None = None
    attributes: Mapping[str, str] | None = None
    pad: tuple[str, str] | None = None
    said: str = ""


def each_frequency(found: Iterable[Setting], middle_hz: int) -> dict[Fraction, Setting]:
    """Returns one setting per frequency: the one whose oscillator is nearest to the middle of its range."""
    best: dict[Fraction, Setting] = {}
    for setting in found:
        before = best.get(setting.hz)
        if before is None or abs(setting.vco_hz - middle_hz) < abs(before.vco_hz - middle_hz):
            best[setting.hz] = setting
    return dict(sorted(best.items()))


def multiples(lowest: int | Fraction, highest: int | Fraction, step: Fraction, most: int) -> Iterator[int]:
    """Returns the factors 1 to `most` that bring a frequency `step` from `lowest` to `highest` Hz."""
    first = max(1, -(-lowest // step))
    return iter(range(int(first), min(most, int(highest // step)) + 1))
