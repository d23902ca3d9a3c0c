"""The recurrence of a window that is a shift register: every step is a pixel that is taken or one of filling."""

from __future__ import annotations

from dataclasses import dataclass, field

from threshc.hdl.folded.held import Held
from threshc.hdl.folded.scan import Scan
from threshc.hdl.folded.schedule import Stage


@dataclass(slots=True)
class ShiftWindowStage(Stage):
    """One step per cycle. A pixel's step is the cycle in which it crosses; one of filling needs none, but before the
    map the sample's first pixel is waited for. No step is before the last window has left; a window is valid in the
    cycle behind the step that completes it."""

    scan: Scan = field(default_factory=lambda: Scan(1, 1, (1, 1)))
    _step: int = -1
    _at: int = 0
    """Steps of the sample that were taken."""
    _window: tuple[int, int] = (0, 0)
    """The window that is complete next."""
    _made: list[int] = field(default_factory=list)
    _out: list[int] = field(default_factory=list)

    def held(self) -> tuple[Held, ...]:
        """Returns whether there is a window that has not left."""
        return (Held("word", 1, self._made, [t + 1 for t in self._out]),)

    def _ready(self, j: int) -> int:
        while self._at < self.scan.before * self.scan.line:
            self._take(max(self._first(), self.offered[j]))
        return self._first()

    def _took(self, j: int, t: int) -> None:
        self._take(t)
        while self._at >= self.scan.before * self.scan.line and not self.scan.is_real(self._at):
            self._take(self._first())

    def _first(self) -> int:
        """The first cycle in which the next step may be."""
        return max(self._step + 1, self._out[-1] if self._out else 0)

    def _take(self, t: int) -> None:
        row, column = self._window
        is_complete = self._at == self.scan.step_of(row, column)
        self._step, self._at = t, (self._at + 1) % self.scan.steps
        if is_complete:
            rows, columns = self.scan.shape
            self._window = divmod((row * columns + column + 1) % (rows * columns), columns)
            self._made.append(t + 1)
            self._out.append(self.send(t + 1))
