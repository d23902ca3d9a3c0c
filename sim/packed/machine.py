"""The machine code of the engines: one C function per engine, called with the address of a table of arguments."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

Entry = Callable[[int], None]

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64)
_kept: list[Any] = []  # compiled code lives as long as the process


@cache
def entry(name: str) -> Entry:
    """The function of an engine; releases the GIL."""
    compiled = _numba(name)
    _kept.append(compiled)
    return _PROTOTYPE(compiled.address)


def _numba(name: str) -> Any:
    from numba import cfunc, types

    from threshc.sim.packed import kernels, words_kernels

    functions = {
        "words": words_kernels.execute_words,
        "planes_16": kernels.execute_planes_16,
        "planes_32": kernels.execute_planes_32,
    }
    options = {"nopython": True, "error_model": "numpy", "boundscheck": False}
    return cfunc(types.void(types.int64), **options)(functions[name])
