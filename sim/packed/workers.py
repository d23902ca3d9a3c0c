"""Threads that share the jobs of a batch; how they meet is in `team.py`."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.layout import ASLEEP, LEAD, SERVE, SETTLE
from threshc.sim.packed.machine import entry
from threshc.sim.packed.memory import on_line

_NOTHING = np.zeros(0, np.int64)
_PAUSE = 5e-5  # seconds


class _Helper:
    """A thread that does errands as long as the process lives."""

    def __init__(self) -> None:
        self.mailbox = on_line(_NOTHING, 8)
        self.mailbox[0] = ASLEEP
        self.address: int = self.mailbox.ctypes.data
        self._words = np.array([SERVE, self.address], np.int64)
        self._asleep = threading.Lock()
        self._asleep.acquire()
        threading.Thread(target=self._serve, name="packed", daemon=True).start()

    def _serve(self) -> None:
        run, words = entry("team"), self._words.ctypes.data
        while True:
            self._asleep.acquire()
            run(words)

    def wake(self) -> None:
        if self.mailbox[0] == ASLEEP:
            with contextlib.suppress(RuntimeError):  # woken before, and not up yet
                self._asleep.release()


class Team:
    """The helpers of this process, for one batch at a time; a batch that comes in between is done by its own thread."""

    def __init__(self) -> None:
        self._helpers: list[_Helper] = []
        self._free = threading.Lock()
        self._errands: tuple[int, ...] = ()
        self._words = _NOTHING

    @property
    def helpers(self) -> int:
        """How many threads there are besides the callers'."""
        return len(self._helpers)

    def run(self, errands: tuple[int, ...]) -> None:
        """Do the errands at these addresses at the same time; the first one is this thread's."""
        if len(errands) > 1 and self._free.acquire(blocking=False):
            try:
                self._run(errands)
            finally:
                self._free.release()
        else:
            _meet(np.array([LEAD, errands[0], 0, 0], np.int64))

    def _run(self, errands: tuple[int, ...]) -> None:
        while len(self._helpers) < len(errands) - 1:
            self._helpers.append(_Helper())
        helpers = self._helpers[: len(errands) - 1]
        for helper in helpers:
            helper.wake()
        if self._errands != errands:
            pairs = [word for h, e in zip(helpers, errands[1:], strict=True) for word in (h.address, e, 0)]
            self._errands, self._words = errands, np.array([LEAD, errands[0], len(helpers), 0, *pairs], np.int64)
        _meet(self._words)


def _meet(words: NDArray[np.int64]) -> None:
    run, address = entry("team"), words.ctypes.data
    words[0] = LEAD
    try:
        run(address)
    finally:  # also when interrupted: helpers still write into the batch's memory
        words[0] = SETTLE
        while words[3]:
            time.sleep(_PAUSE)
            run(address)


_team = Team()


def team() -> Team:
    """The team of this process."""
    return _team


def _start_again() -> None:
    global _team
    _team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again)  # threads do not survive a fork
