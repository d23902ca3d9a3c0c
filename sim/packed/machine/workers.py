"""Threads that share the jobs of a batch; how they meet is in `team.py`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.machine.code import entry
from threshc.sim.packed.machine.memory import on_line
from threshc.sim.packed.planes.layout import ASLEEP, RUN, WORKER_LOOP

_NOTHING = np.zeros(0, np.int64)


class _Worker:
    """A thread that does tasks for as long as the process lives."""

    def __init__(self) -> None:
        self.slot = on_line(_NOTHING, 8)
        self.slot[0] = ASLEEP
        self.address: int = self.slot.ctypes.data
        self._words = np.array([WORKER_LOOP, self.address], np.int64)
        self._run, self._at = entry("team"), int(self._words.ctypes.data)
        self._asleep = threading.Lock()
        self._asleep.acquire()
        threading.Thread(target=self._worker_loop, name="packed", daemon=True).start()

    def _worker_loop(self) -> None:
        while True:
            self._asleep.acquire()
            self._run(self._at)

    def wake(self) -> None:
        if self.slot[0] == ASLEEP:
            with contextlib.suppress(RuntimeError):  # woken before, and not up yet
                self._asleep.release()


class Team:
    """The workers of this process, for one batch at a time; a batch that comes in between is done by its own thread.

    Python locks nothing here: which caller has the workers is decided, and undone, within the caller's one call of
    machine code.
    """

    def __init__(self) -> None:
        self._workers: list[_Worker] = []
        self._busy = on_line(_NOTHING, 8)
        self._last: tuple[tuple[int, ...], NDArray[np.int64]] = (), _NOTHING

    @property
    def workers(self) -> int:
        """The number of threads besides the callers'."""
        return len(self._workers)

    def run(self, tasks: tuple[int, ...]) -> None:
        """Does the tasks at these addresses at the same time; the first one is this thread's."""
        last, words = self._last
        if last != tasks:
            words = self._words(tasks)
            self._last = tasks, words  # in one step: several threads may be here
        if not self._busy[0]:
            for worker in self._workers[: len(tasks) - 1]:
                worker.wake()
        entry("team")(words.ctypes.data)

    def _words(self, tasks: tuple[int, ...]) -> NDArray[np.int64]:
        """The arguments of RUN (see `layout`)."""
        while len(self._workers) < len(tasks) - 1:
            self._workers.append(_Worker())
        workers = self._workers[: len(tasks) - 1]
        pairs = [word for h, e in zip(workers, tasks[1:], strict=True) for word in (h.address, e, 0)]
        return np.array([RUN, tasks[0], len(workers), self._busy.ctypes.data, _sleep(), *pairs], np.int64)


@cache
def _sleep() -> int:
    """The address of a C function that lets the thread sleep: usleep, Sleep on Windows (milliseconds), 0 for none."""
    name = "Sleep" if sys.platform == "win32" else "usleep"
    try:
        library = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except (OSError, AttributeError):
        return 0


_team = Team()


def team() -> Team:
    """Returns the team of this process."""
    return _team


def _start_again() -> None:
    global _team
    _team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again)  # threads do not survive a fork
