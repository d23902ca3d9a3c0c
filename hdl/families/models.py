"""What the model of a cell is written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from threshc.hdl.logic.tables import table
from threshc.hdl.plls.base import Pll


class Unmodelled(Exception):
    """A cell, or a use of it, that has no model; the text says which."""


class Cell:
    """One cell of a netlist: parameters as Yosys writes them, nets by pin. A pin that is not connected reads 0."""

    def __init__(self, parameters: dict[str, str], pins: dict[str, list[int]]) -> None:
        self._parameters, self._pins = parameters, pins

    def __getitem__(self, pin: str) -> int:
        bits = self._pins.get(pin)
        return bits[0] if bits else 0

    def word(self, pin: str) -> list[int]:
        """Returns all nets of a pin."""
        return self._pins.get(pin, [])

    def given(self, pin: str) -> bool:
        """Returns whether the pin is connected."""
        return bool(self._pins.get(pin))

    def number(self, name: str, default: int = 0) -> int:
        """Returns a parameter as an integer; unknown bits are 0."""
        text = self._parameters.get(name)
        return default if text is None else int(text.replace("x", "0") or "0", 2)

    def text(self, name: str, default: str) -> str:
        """Returns a parameter that is a string."""
        return self._parameters.get(name, default).strip()


class Reading(NamedTuple):
    """A read port: `data` are nets that are made, each with its place in the row that the address selects.

    A bit of a memory has a flat number: the sum of the weights of the address bits that are 1, plus its place.
    """

    address: tuple[tuple[int, int], ...]
    data: tuple[tuple[int, int], ...]


class Writing(NamedTuple):
    """A write port, at the clock's edge: `data` are nets, the places where their bits go, and nets that enable them."""

    address: tuple[tuple[int, int], ...]
    data: tuple[tuple[int, int, int], ...]


class Sink(Protocol):
    """A sink of models: it takes the tables, flip-flops and memories that cells are made of."""

    def fresh(self) -> int:
        """Returns a net of its own."""

    def table(self, out: int, operands: list[int], table: int) -> None:
        """Makes `out` a table over operands, which may be constants and may repeat."""

    def same(self, out: int, source: int) -> None:
        """Makes `out` another name of `source`."""

    def clocked(self, clock: int) -> None:
        """A flip-flop is triggered by the rising edge of this net."""

    def flop(self, q: int, following: int, init: int) -> None:
        """Adds a flip-flop: `q` takes `following`."""

    def memory(self, bits: Sequence[int], reads: Sequence[Reading], writes: Sequence[Writing]) -> None:
        """Adds a memory with its first contents, a bit by its flat number. Reading is at once, and sees what was there
        before the clock's edge."""


Model = Callable[[Cell, Sink], None]

ENABLED = table(lambda d, e, r, q: (0 if r else d) if e else q, 4)
"""Next state of a flip-flop whose reset needs the enable."""
ENABLED_SET = table(lambda d, e, r, q: (1 if r else d) if e else q, 4)
OVER = table(lambda d, e, r, q: 0 if r else d if e else q, 4)
"""The same, the reset working without the enable."""
OVER_SET = table(lambda d, e, r, q: 1 if r else d if e else q, 4)


def register(
    to: Sink, *, q: int, d: int, clock: int, enable: int = 1, reset: int = 0, table: int = OVER, init: int = 0
) -> None:
    """Adds a flip-flop with a synchronous reset; `table` over (d, enable, reset, q) says what reset does."""
    following = to.fresh()
    to.table(following, [d, enable, reset, q], table)
    to.clocked(clock)
    to.flop(q, following, init)


def inverted(to: Sink, net: int) -> int:
    """Returns the inverse of a net."""
    out = to.fresh()
    to.table(out, [net], 0b01)
    return out


def refuse(condition: bool, why: str) -> None:
    """Raises Unmodelled where the condition holds."""
    if condition:
        raise Unmodelled(why)


def pll_models(pll: Pll) -> dict[str, Model]:
    """Returns the models of a PLL's cells: the output is the reference, and it has locked."""

    def wire(cell: Cell, to: Sink, reference: str) -> None:
        for output in (pll.output, *(pll.loop or ())[:1]):
            to.same(cell[output], cell[reference])
        to.same(cell[pll.locked], 1)

    forms = [(pll.cell, pll.reference), *([pll.pad] if pll.pad else [])]
    return {kind: partial(wire, reference=pin) for kind, pin in forms}
