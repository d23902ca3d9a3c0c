"""Work shared out to processes: pure functions of what they are given, so that results do not depend on how many.

The processes are ours alone: started with this interpreter and this search path, not by forking, and without importing
the caller's main module, so that a script, a notebook and a program with threads may all use them. They end with the
pipe that feeds them.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.options import integer
from threshc.compiler.processors import cores

Task = TypeVar("Task")
Result = TypeVar("Result")

_START = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from threshc.hdl.pool import serve; serve()"
START = 2.0
"""Seconds of work that are done here before processes are started: starting them takes about one."""
WORTH = 0.1
"""Seconds of work below which a call is not shared out once they run."""


def checked_jobs(jobs: int | None) -> int:
    """Returns the number of processes that is meant, all cores for None. Raises CompileError below 1."""
    if jobs is None:
        return cores()
    count = integer(jobs, 1, 1024)
    if count is None:
        raise fail(f"{jobs!r} jobs are not understood", where=option("jobs"), hint="1 to 1024; omit it for all cores")
    return count


class Pool:
    """Up to `jobs` processes, started when there is work for them; with one job everything runs here."""

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs if sys.executable else 1
        self._workers: list[subprocess.Popen[bytes]] = []
        self._done = 0.0

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def map(self, work: Callable[[Task], Result], tasks: Sequence[Task], seconds: float) -> list[Result]:
        """Returns `work` of every task, in order. work: a function of a module; tasks and results are pickled. seconds:
        what all of it may take in one process. Raises what `work` raises, of several the first."""
        count = min(self.jobs, len(tasks))
        self._done += seconds
        if count < 2 or seconds < WORTH or self._done < START:
            return [work(task) for task in tasks]
        self._start(count)
        return _Sharing(self._workers[:count], work, tasks).run()

    def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                assert pipe is not None
                pipe.close()
        self._workers.clear()

    def _start(self, count: int) -> None:
        while len(self._workers) < count:
            command = [sys.executable, "-c", _START]
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._workers.append(worker)
            assert worker.stdin is not None
            worker.stdin.write(pickle.dumps(sys.path))
            worker.stdin.flush()


class _Sharing:
    """One call of `Pool.map`: a thread per process hands out the next task and waits for its result."""

    def __init__(
        self, workers: list[subprocess.Popen[bytes]], work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> None:
        self._workers, self._work, self._tasks = workers, work, tasks
        self._next = iter(range(len(tasks)))
        self._lock = threading.Lock()
        self._answers: dict[int, tuple[str, Any]] = {}

    def run(self) -> list[Any]:
        threads = [threading.Thread(target=self._feed, args=(worker,), daemon=True) for worker in self._workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [_result(self._answers[k]) for k in sorted(self._answers)]

    def _feed(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        assert worker.stdout is not None
        while True:
            with self._lock:
                at = next(self._next, None)
            if at is None:
                return
            try:
                worker.stdin.write(pickle.dumps((self._work, self._tasks[at])))
                worker.stdin.flush()
                answer = pickle.load(worker.stdout)
            except (OSError, EOFError, pickle.UnpicklingError):
                answer = ("gone", worker.poll())
            with self._lock:
                self._answers[at] = answer
                if answer[0] != "done":
                    self._next = iter(())


def _result(answer: tuple[str, Any]) -> Any:
    kind, value = answer
    match kind:
        case "done":
            return value
        case "problem":
            raise CompileError(value)
        case "gone":
            why = f"a process ended (exit code {value}), perhaps for lack of memory"
            raise fail("the work could not be shared out", where=option("jobs"), why=why, hint=option("jobs", 1))
    raise AssertionError(f"in a process of the pool:\n{value}")


def serve() -> None:
    """Runs the loop of a process: a task from stdin, its result to stdout, until stdin ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that feeds us
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not come in between
    while True:
        try:
            work, task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: tuple[str, Any] = ("done", work(task))
        except CompileError as problem:
            answer = ("problem", problem.diagnostics)
        except Exception:  # told to the process that asked, with all that is known
            answer = ("bug", traceback.format_exc())
        pickle.dump(answer, answers)
        answers.flush()
