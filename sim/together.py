"""Several programs at the same time, which all have ended when the call does, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from threshc.compiler.processors import cores

_LOOK = 0.02  # seconds between two looks at what runs


def run_together(commands: Sequence[list[str]], folder: Path) -> subprocess.CompletedProcess[str] | None:
    """Runs programs in a folder, a few at a time in their order. Returns the first that failed, None where none did.

    The others are killed then, as they are on Ctrl-C: no thread has to be waited for. Nothing else may run in the
    folder.
    """
    waiting = list(reversed(commands))
    running: list[tuple[_Child, Path]] = []
    try:
        while waiting or running:
            while waiting and len(running) < min(cores(), 8):
                log = folder / f"{len(waiting)}.log"
                running.append((_start(waiting.pop(), folder, log), log))
            time.sleep(_LOOK)
            for process, log in running:
                if process.poll():
                    said = log.read_text(encoding="utf-8", errors="replace")
                    return subprocess.CompletedProcess(process.args, process.returncode, said, "")
            running = [(p, log) for p, log in running if p.poll() is None]
        return None
    finally:
        for process, _ in running:
            process.kill()
        for process, _ in running:
            process.wait()
        if running or waiting:
            _end_all_in(folder)


def _end_all_in(folder: Path) -> None:
    """Kills what still runs in a folder, as Linux tells it: what killed programs had started, and a program that was
    just being started when a signal came."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.path.samefile(entry / "cwd", folder):
                os.kill(int(entry.name), signal.SIGKILL)
                os.waitpid(int(entry.name), 0)  # ChildProcessError, an OSError, where it is another's


class _Child(subprocess.Popen[bytes]):
    """A program that ends with its object, so also where a signal comes before the object has got a name."""

    def __del__(self, *_: object) -> None:
        if getattr(self, "pid", None) is not None and self.returncode is None:
            self.kill()
            self.wait()


def _start(command: list[str], folder: Path, log: Path) -> _Child:
    with open(log, "wb") as file:
        return _Child(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
