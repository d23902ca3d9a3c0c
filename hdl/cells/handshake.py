"""What `i_ready` and `o_valid` of a chain of pipelines must be in every cycle."""

from __future__ import annotations

from collections.abc import Sequence

from threshc.hdl.interface import StalledTogether


class Handshake:
    """Pipelines one behind the other, empty after a reset: only whether results are where, not what they are."""

    def __init__(self, pipelines: Sequence[StalledTogether]) -> None:
        self._pipelines = pipelines
        self._stages = [[False] * p.latency for p in pipelines]
        self._full = [False for _ in pipelines]

    def step(self, offered: bool, ready: bool) -> tuple[bool, bool]:
        """Returns (`o_valid`, `i_ready`) of a cycle in which `i_valid` and `o_ready` are these, and takes its edge."""
        valid = [full or stages[-1] for full, stages in zip(self._full, self._stages, strict=True)]
        enables = []
        for k in reversed(range(len(valid))):
            buffered = self._pipelines[k].buffered
            enables.append(not self._full[k] if buffered else not valid[k] or ready)
            self._full[k] = buffered and valid[k] and not ready
            ready = enables[-1]
        for k, enable in enumerate(reversed(enables)):
            if enable:
                self._stages[k] = [valid[k - 1] if k else offered, *self._stages[k][:-1]]
        return valid[-1], enables[-1]
