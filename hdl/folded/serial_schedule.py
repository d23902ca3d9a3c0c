"""When a folded layer that adds its inputs' planes one after the other does what: its part of the cycle model."""

from __future__ import annotations

from dataclasses import dataclass

from threshc.hdl.folded.schedule import FoldedStage


@dataclass(slots=True)
class SerialStage(FoldedStage):
    """A `FoldedStage` whose passes are `planes` rounds over all chunks each, planes * chunks steps.

    Chunks are waited for in the first round of a sample and freed in the last one; the last step of every pass waits
    for a credit.
    """

    planes: int = 2

    def _took(self, j: int, t: int) -> None:
        self._read(t + 1, 0)
        if j % self.chunks < self.chunks - 1:
            return
        rounds = self.groups * self.planes
        for k in range(1, rounds):
            n, begin, ends = len(self._out), self._step, k % self.planes == self.planes - 1
            self._wait(begin + self.chunks, self._out[n - self.queue] + 1 if ends and n >= self.queue else 0)
            if k == rounds - 1:
                self._freed += [begin + 1 + c for c in range(self.chunks - 1)] + [self._step]
            if ends:
                self._done.append(self._step)
                self._out.append(self.send(self._step + self.latency + 1))
