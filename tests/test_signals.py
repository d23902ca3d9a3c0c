"""Ctrl-C and SIGTERM: every command ends within seconds, with its processes and its drafts, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="needs POSIX signals with a time-out"),
]

SOON = 10.0
"""Seconds after which a command that was told to end has hung; on a free machine it takes 2 at most."""
SAID = {signal.SIGINT: "stopped by Ctrl-C\n", signal.SIGTERM: "stopped by SIGTERM\n"}

STUCK = """
import subprocess, sys, threading
from pathlib import Path
from threshc.cli import app as commands, main
from threshc.compiler.files import draft_beside

def app(**options):
    with draft_beside(Path(sys.argv[1]) / "out", folder=True) as made, draft_beside(Path(sys.argv[1]) / "file"):
        (made / "inside").touch()
        work()

commands.app = app
{}
main.main()
"""
STUCK_IN = {
    "python": "def work():\n  print('ready', flush=True)\n  while True: pass",
    "one instruction": "def work():\n  print('ready', flush=True)\n  sum(range(1 << 60))",
    "a child": "def work():\n  print('ready', flush=True)\n  subprocess.run(['sleep', '600'])",
    "a grandchild that ignores it": """
def work():
  subprocess.run(['sh', '-c', "trap '' INT TERM HUP; echo ready; sleep 600; sleep 600"])""",
    "threads": """
def work():
  threading.Thread(target=lambda: subprocess.run(['sleep', '600'])).start()
  print('ready', flush=True)""",
    "a callback from C": """
def work():
  import ctypes
  print('ready', flush=True)
  kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
  order = kind(lambda a, b: sum(range(1000)) and 0)
  numbers = (ctypes.c_int * 100_000)()
  while True:
    ctypes.CDLL(None).qsort(numbers, 100_000, 4, order)""",
    "an except clause": """
def work():
  print('ready', flush=True)
  while True:
    try: sum(range(1000))
    except BaseException: pass""",
}


def of_session(session: int) -> set[str]:
    """What runs of a session: command lines of its processes."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.add((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Exit code and stderr of a process that leads a session and gets a signal; all of it must be gone then."""
    process.send_signal(number)
    _, said = process.communicate(timeout=SOON)
    until = time.monotonic() + SOON
    while (left := of_session(process.pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left
    return process.returncode, said


def start(*command: object, **options: object) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen([sys.executable, *map(str, command)], **pipes, **options)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def stuck(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that is stuck in something, and has drafts."""
    with start("-c", STUCK.format(STUCK_IN[request.param]), tmp_path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1)
            assert len(os.listdir(tmp_path)) == (0 if request.param == "threads" else 2)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL) if of_session(process.pid) else None


@pytest.mark.parametrize("number", SAID, ids=lambda s: s.name)
@pytest.mark.parametrize("stuck", STUCK_IN, indirect=True)
def test_whatever_it_is_stuck_in(stuck: subprocess.Popen[str], number: signal.Signals, tmp_path: Path) -> None:
    assert stop(stuck, number) == (128 + number, SAID[number])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("stuck", ["python", "a child"], indirect=True)
def test_a_command_that_is_killed_takes_its_processes_along(stuck: subprocess.Popen[str], tmp_path: Path) -> None:
    code, _ = stop(stuck, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert os.listdir(tmp_path) == []


def test_a_second_signal_does_not_break_off_the_cleaning_up(tmp_path: Path) -> None:
    work = """
def work():
  import time
  try:
    print('ready', flush=True)
    time.sleep(600)
  finally:
    time.sleep(0.4)"""
    with start("-c", STUCK.format(work), tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            os.killpg(process.pid, number)
            time.sleep(0.1)
        assert stop(process, signal.SIGINT) == (130, SAID[signal.SIGINT])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "expected", "said"), [("sys.exit(7)", 7, ""), ("os.kill(os.getpid(), 9)", 137, "error")]
)
def test_exit_codes_are_passed_on(code: str, expected: int, said: str, tmp_path: Path) -> None:
    with start("-c", STUCK.format(f"import os\ndef work(): {code}"), tmp_path) as process:
        _, found = process.communicate(timeout=60)
    assert process.returncode == expected
    assert found.startswith(said)
    assert bool(found) == bool(said)
    assert os.listdir(tmp_path) == []


def test_signals_that_are_ignored_stay_ignored(tmp_path: Path) -> None:
    """As nohup and the background jobs of scripts have it."""
    work = "def work():\n  import time\n  print('ready', flush=True)\n  time.sleep(0.5)"
    ignore = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    with start("-c", ignore + STUCK.format(work), tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
