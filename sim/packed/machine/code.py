"""The machine code of the engines: one C function per engine, called with the address of a table of arguments.

Loaded from the user's cache if it is there (milliseconds, without Numba), else compiled by Numba and left there.
"""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.memory import available
from threshc.sim.packed.machine import image

Entry = Callable[[int], None]

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_kept: list[Any] = []  # compiled code lives as long as the process
_log = logging.getLogger("threshc")


@cache
def entry(name: str) -> Entry:
    """Returns the function of an engine (`words`, `planes`) or `team`.

    It releases the GIL.
    """
    return _PROTOTYPE(address(name))


@cache
def address(name: str) -> int:
    """Returns where the function of `entry` is, or a counting kernel: see `compile.NAMES`."""
    found = image.load(name) if image.supported() else None
    return _build(name) if found is None else found


def _build(name: str) -> int:
    """Compile in a thread of its own: a signal ends only the wait, and the next call waits for the same thread.

    (Interrupted in the midst of being imported, Numba would be of no use to this process any more.)
    """
    build = _builds.get(name)
    if build is None:
        build = _Build(name)
        threading.Thread(target=build.run, name=f"compiles {name}", daemon=True).start()
        _builds[name] = build
    build.ended.wait()
    if build.error is not None:
        _builds.pop(name, None)
        raise build.error
    return build.address


class _Build:
    def __init__(self, name: str) -> None:
        self.name = name
        self.address = 0
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self.address = _made(self.name)
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()


_builds: dict[str, _Build] = {}


_NEED = 512 << 20
"""Bytes of the address space that Numba and LLVM may take; the engines take up to 380 MB with their imports."""


def _want_memory(name: str) -> None:
    """Raises CompileError where LLVM could run out of memory: it ends the whole process then."""
    free = available()
    if free is not None and free < _NEED:
        raise fail(
            "there is too little memory to compile the simulator",
            where=f"engine {name!r}",
            why=f"it takes up to {_NEED >> 20} MiB, and {free >> 20} MiB are free",
            hint=f"free some memory or raise its limit (ulimit -v), or simulate with {option('engine', 'reference')}",
        )


def _made(name: str) -> int:
    from threshc.sim.packed.machine.compile import compiled, image_of

    _want_memory(name)
    if not image.supported():
        _say(name, "by every process")
        return _keep(compiled(name))
    with image.building(name):
        found = image.load(name)  # another process may have been quicker
        if found is not None:
            return found
        _say(name, "once per machine")
        callback = compiled(name)
        made = image_of(callback)
        if made is not None:
            image.store(name, made)
        return _keep(callback)


def _say(name: str, often: str) -> None:
    if "_" not in name:  # an engine: seconds, not the tenths of a kernel
        _log.info("compiling the simulator for this processor, %s: %s", often, name)


def _keep(callback: Any) -> int:
    _kept.append(callback)
    place: int = callback.address
    return place


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_builds.clear)  # threads do not survive a fork
