"""Several programs at the same time: in order, the first failure told, and none left however the call ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from threshc.sim.together import _start, run_together


def program(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


def alive(folder: Path) -> list[int]:
    """The processes that noted their numbers in a folder and still run."""
    found = []
    for entry in folder.glob("*.pid"):
        try:
            os.kill(int(entry.stem), 0)
            state = Path(f"/proc/{entry.stem}/stat")
            if not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(int(entry.stem))
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


NOTE = "import os, time; open(f'{os.getpid()}.pid', 'w'); "


def test_all_are_run(tmp_path: Path) -> None:
    commands = [program(f"open('made{k}', 'w'); print('x' * 200_000)") for k in range(11)]
    assert run_together(commands, tmp_path) is None
    assert len(list(tmp_path.glob("made*"))) == 11
    assert run_together([], tmp_path) is None


def test_the_first_failure_ends_the_others(tmp_path: Path) -> None:
    wait = NOTE + "\nwhile len([n for n in os.listdir() if n.endswith('.pid')]) < 1: time.sleep(0.01)\n"
    failed = run_together([program(wait + "raise SystemExit('no')"), program(NOTE + "time.sleep(600)")], tmp_path)
    assert failed is not None
    assert (failed.returncode, failed.stdout.strip()) == (1, "no")
    assert alive(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_they_have_started_ends_too(tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {NOTE + 'time.sleep(600)'!r}])"
    wait = "import os, time\nwhile not [n for n in os.listdir() if n.endswith('.pid')]: time.sleep(0.01)\n"
    failed = run_together([program(child), program(wait + "raise SystemExit(2)")], tmp_path)
    assert failed is not None
    until = time.monotonic() + 10
    while alive(tmp_path) and time.monotonic() < until:  # a moment, until somebody has taken leave of it
        time.sleep(0.02)
    assert alive(tmp_path) == []


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_ctrl_c_ends_them(tmp_path: Path) -> None:
    def interrupt() -> None:
        while not list(tmp_path.glob("*.pid")):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    waiter = threading.Thread(target=interrupt)
    waiter.start()
    with pytest.raises(KeyboardInterrupt):
        run_together([program(NOTE + "time.sleep(600)")] * 3, tmp_path)
    waiter.join()
    assert alive(tmp_path) == []


def test_a_program_ends_with_its_object(tmp_path: Path) -> None:
    """As where a signal strikes between its start and the name it is given."""
    process = _start(program(NOTE + "time.sleep(600)"), tmp_path, tmp_path / "log")
    while not list(tmp_path.glob("*.pid")):
        time.sleep(0.01)
    del process
    assert alive(tmp_path) == []
