"""The recurrence of a pooling along an axis: every step is a beat that is taken or one of padding."""

from __future__ import annotations

from dataclasses import dataclass, field

from threshc.hdl.folded.axis import Axis
from threshc.hdl.folded.held import Held
from threshc.hdl.folded.schedule import Stage


@dataclass(slots=True)
class PoolStage(Stage):
    """One step per cycle. A beat's step is the cycle in which it crosses; one of padding needs none. A step that ends a
    window waits until the result before it leaves, and its result is valid in the next cycle."""

    axis: Axis = field(default_factory=lambda: Axis(1, 1, 1))
    _step: int = -1
    _at: int = 0
    """Steps that were taken."""
    _made: list[int] = field(default_factory=list)
    _out: list[int] = field(default_factory=list)

    def held(self) -> tuple[Held, ...]:
        """Returns whether there is a result that has not left."""
        return (Held("word", 1, self._made, [t + 1 for t in self._out]),)

    def _ready(self, j: int) -> int:
        if not j:
            self._padding()
        return self._first()

    def _took(self, j: int, t: int) -> None:
        self._take(t)
        self._padding()

    @property
    def _element(self) -> int:
        """The element of the row, with padding, that the next step is of."""
        return self._at // self.axis.depth % self.axis.total

    def _first(self) -> int:
        """The first cycle in which the next step may be."""
        left = self._out[-1] if self._out and self.axis.ends(self._element) else 0
        return max(self._step + 1, left)

    def _padding(self) -> None:
        while not self.axis.real(self._element):
            self._take(self._first())

    def _take(self, t: int) -> None:
        ends = self.axis.ends(self._element)
        self._step = t
        self._at += 1
        if ends:
            self._made.append(t + 1)
            self._out.append(self.send(t + 1))
