"""Ends a command within seconds of Ctrl-C or SIGTERM, whatever it is doing, with all its processes and drafts.

Python runs a signal's handler between two of its own instructions, and a sort of a billion numbers is one instruction.
So the command runs in a child process, and the parent does nothing but wait: it passes signals on, and where the child
does not end by itself soon it is killed. On Linux what the child leaves running becomes the parent's, and is killed
too. Where there is no fork (Windows) commands run in the process itself.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

PATIENCE = 1.2
"""Seconds that a command has to clean up before it is killed."""
_AGAIN = 0.02  # seconds after which an exception that was swallowed is raised anew
_GRACE = 0.5  # seconds to wait for processes that were killed
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_FOLDERS = 1 << 16  # bytes for the names of the folders in which drafts were made


class Stopped(BaseException):
    """The command was told to end. Not an Exception, and not KeyboardInterrupt, which some libraries catch."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


def supervise() -> bool:
    """Goes on in a child process. The parent waits and exits with the child's exit code. False: there is no child."""
    numbers = {s for s in _numbers() if signal.getsignal(s) != signal.SIG_IGN}
    if not hasattr(os, "fork") or not hasattr(signal, "sigtimedwait"):
        _listen(numbers)
        return False
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    folders = mmap.mmap(-1, _FOLDERS)
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, {*numbers, signal.SIGCHLD})
    child = os.fork()
    if child:
        _wait(child, numbers, folders)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _listen(numbers)
    _note_drafts(folders)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*numbers, signal.SIGCHLD})
    if os.getppid() != parent:
        raise Stopped(signal.SIGTERM)
    return True


def settle() -> None:
    """The command is done; a signal in what Python still does to end ends it at once, without a word."""
    for number in _numbers():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def say_stopped(code: int) -> None:
    """Prints the one line that a command leaves which was told to end."""
    name = "Ctrl-C" if code == 128 + signal.SIGINT else signal.Signals(code - 128).name
    print(f"stopped by {name}", file=sys.stderr)


def _numbers() -> Iterator[signal.Signals]:
    yield signal.SIGINT
    yield signal.SIGTERM
    if hasattr(signal, "SIGHUP"):
        yield signal.SIGHUP


def _listen(numbers: set[signal.Signals]) -> None:
    """A signal becomes the exception, once: the second must not break off the cleaning up. Where Python swallows the
    exception (in callbacks from C, and when objects are deleted), it is raised anew a moment later; what else breaks
    in such places while a command is stopped says nothing."""

    def stop(number: int, _: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        sys.unraisablehook = swallowed
        raise Stopped(number)

    def swallowed(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, Stopped) and hasattr(signal, "setitimer"):
            number = what.exc_value.code - 128
            signal.signal(signal.SIGALRM, lambda *_: stop(number, None))
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    for number in numbers:
        signal.signal(number, stop)


def _note_drafts(folders: mmap.mmap) -> None:
    """Where drafts are made, so that the parent can remove them if this process is killed."""
    from threshc.compiler import files

    known: set[Path] = set()

    def announce(folder: Path) -> None:
        name = os.fsencode(os.path.abspath(folder)) + b"\0"
        if folder not in known and folders.tell() + len(name) < _FOLDERS:
            known.add(folder)
            folders.write(name)

    files.announce = announce


def _wait(child: int, numbers: set[signal.Signals], folders: mmap.mmap) -> NoReturn:
    told, deadline = 0, None
    while (status := _reaped(child)) is None:
        if deadline is None:
            number = signal.sigwaitinfo({*numbers, signal.SIGCHLD}).si_signo
        else:
            info = signal.sigtimedwait({*numbers, signal.SIGCHLD}, max(0.0, deadline - time.monotonic()))
            number = signal.SIGKILL if info is None else info.si_signo
        if number == signal.SIGKILL:
            deadline = time.monotonic() + _GRACE
        elif number == signal.SIGCHLD:
            continue
        elif not told:
            told, deadline = number, time.monotonic() + PATIENCE
        else:
            continue
        os.kill(child, number)
    code = os.waitstatus_to_exitcode(status)
    if told or code < 0:
        _end_orphans()
        _remove_drafts(folders)
    if code < 0 and sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h")  # the cursor, which a progress bar hides
    if told or code in {128 + n for n in numbers}:
        code = 128 + told if told else code
        say_stopped(code)
    elif code < 0:
        name = signal.Signals(-code).name
        memory = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
        print(f"error: the command was ended by {name}{memory}", file=sys.stderr)
        code = 128 - code
    sys.stderr.flush()
    os._exit(code)


def _reaped(child: int) -> int | None:
    """The child's status once it has ended; takes leave of adopted processes on the way."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 0
        if pid in (0, child):
            return status if pid else None


def _end_orphans() -> None:
    """Kills the processes that the child left, which are ours now, and theirs; not those that went away on purpose
    (daemons, in a session of their own)."""
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline and (left := _children()):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def _children() -> list[int]:
    """Processes of this group whose parent this one is, as Linux tells it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and int(fields[2]) == os.getpgrp():
            found.append(int(entry.parent.name))
    return found


def _remove_drafts(folders: mmap.mmap) -> None:
    from threshc.compiler.files import remove_dead_drafts

    for name in folders[:].split(b"\0"):
        if name:
            remove_dead_drafts(Path(os.fsdecode(name)))


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
