"""The recurrence of a window unit: a folded layer whose buffer is a line buffer, read by address at every position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from threshc.hdl.folded.held import Held
from threshc.hdl.folded.schedule import FoldedStage


@dataclass(slots=True)
class WindowStage(FoldedStage):
    """A convolution: `groups` passes of `chunks` steps at every position, a beat out behind each.

    needs: of every position of a sample, how many chunks of the sample must have come before its first step, never
    less than before; frees: how many chunks its last step gives back, all `size` of a sample in the end.
    """

    needs: Sequence[int] = (1,)
    frees: Sequence[int] = (1,)
    size: int = 1
    _position: int = 0

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return len(self._done) * self.chunks

    def held(self) -> tuple[Held, ...]:
        """Returns the fill of the buffer in chunks, those that no position reads left out, and of the queue."""
        _, queue = FoldedStage.held(self)
        left = [max(t, freed) + 1 for t, freed in zip(self.times, self._freed, strict=False)]
        return Held("buffer", self.places, [t + 1 for t in self.times], left), queue

    def _took(self, j: int, t: int) -> None:
        count = len(self.needs)
        while (self._position // count) * self.size + self.needs[self._position % count] <= j + 1:
            sample, at = divmod(self._position, count)
            need = sample * self.size + self.needs[at]
            for group in range(self.groups):
                n = len(self._out)
                credit = self._out[n - self.queue] + 1 if n >= self.queue else 0
                if group == 0:
                    self._read(self.times[need - 1] + 1 if need else 0, credit if self.chunks == 1 else 0)
                    if self.chunks > 1:
                        self._wait(self._step + self.chunks - 1, credit)
                else:
                    self._wait(self._step + self.chunks, credit)
                self._done.append(self._step)
                self._out.append(self.send(self._step + self.latency + 1))
            self._freed += [self._step] * self.frees[at]
            self._position += 1
