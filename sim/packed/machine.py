"""The machine code of the engines: one C function per engine, called with the address of a table of arguments.

Loaded from the user's cache if it is there (milliseconds, without Numba), else compiled by Numba and left there.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from threshc.sim.packed import image

Entry = Callable[[int], None]

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_kept: list[Any] = []  # compiled code lives as long as the process
_log = logging.getLogger("threshc")


@cache
def entry(name: str) -> Entry:
    """The function of an engine (`words`, `planes`) or `team`.

    It releases the GIL.
    """
    return _PROTOTYPE(address(name))


@cache
def address(name: str) -> int:
    """Where the function of `entry` is, or a counting kernel: see `compile.NAMES`."""
    found = image.load(name) if image.supported() else None
    return _build(name) if found is None else found


def _build(name: str) -> int:
    from threshc.sim.packed.compile import compiled, image_of

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
