"""The environment of tools from YoWASP, Amaranth's Yosys among them: where their machine code is kept.

They translate themselves to machine code at the first run and load it from a folder without looking whose it is. So the
folder is chosen here: one that only this user can have written, else one of this process, gone at its end. Amaranth's
Yosys keeps its code with wasmtime (in XDG_CACHE_HOME, or below HOME), the others in YOWASP_CACHE_DIR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from threshc.compiler import cache, trust
from threshc.compiler.scratch import process_folder

UMASK = 0o077 if os.name == "posix" else -1
"""What a tool writes, others can not write; Python's default where there is no such thing."""

_NAMES = {
    "win32": ("YoWASP/Cache", "BytecodeAlliance/wasmtime/cache"),
    "darwin": ("YoWASP", "BytecodeAlliance.wasmtime"),
}
_READ = ("YOWASP_CACHE_DIR", "THRESHC_CACHE", "XDG_CACHE_HOME", "HOME", "LOCALAPPDATA")


def environment() -> dict[str, str]:
    """Returns the variables to run a tool with. PYTHONPATH is made absolute, as the tool runs in another folder.

    Raises CompileError where there is no place for temporary files, which is needed where nothing can be kept.
    """
    found = {**os.environ, **_places(*map(os.environ.get, _READ))}
    if found.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, found["PYTHONPATH"].split(os.pathsep)))
    return found


@lru_cache(1)
def _places(stated: str | None, ours: str | None, *_: str | None) -> dict[str, str]:
    """For each kind of tool the first folder that can be used: a stated one, the tools' own choice, our cache.

    Where THRESHC_CACHE is set, it is used and not the tools' own choice. Asked again when a variable changes.
    """
    yowasp, wasmtime = _NAMES.get(sys.platform, ("YoWASP", "wasmtime"))
    usual = None if ours else cache.user_caches()
    bases = [base for base in (usual, cache.place()) if base is not None]
    wanted = [Path(os.path.abspath(stated))] if stated else []
    chosen = {
        "YOWASP_CACHE_DIR": str(_first((*wanted, *(base / yowasp for base in bases))) or process_folder() / yowasp)
    }
    found = _first(base / wasmtime for base in bases)
    base = process_folder() if found is None else Path(str(found).removesuffix(wasmtime))
    if base != usual or "HOME" not in os.environ:
        chosen |= {"XDG_CACHE_HOME": str(base), "HOME": str(base)}
    return chosen


def _first(folders: Iterable[Path]) -> Path | None:
    for folder in folders:
        try:
            if trust.OWNERS:
                os.close(trust.open_folder(folder, make=True))
            else:
                folder.mkdir(parents=True, exist_ok=True)
            trust.check_tree(folder)
        except OSError:  # not there and cannot be made, or somebody else can write to it
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None
