"""How much memory this process can still take, as far as the system says."""

from __future__ import annotations

import contextlib
from pathlib import Path

from threshc.compiler.diagnostics import fail

_GROUP = Path("/sys/fs/cgroup")
_SMALL = 256 << 20  # bytes that are taken without asking


def available() -> int | None:
    """Returns bytes: the least of what is free, what the control group leaves, and the limit of the address space
    (RLIMIT_AS).

    None where the system says nothing of the kind.
    """
    found = [size for size in (_free(), _group(), _limit()) if size is not None]
    return max(min(found), 0) if found else None


def want(need: int, what: str, *, where: str, hint: str) -> None:
    """Raises CompileError where `what` takes more bytes than there are; nothing of it has been made then."""
    if need < _SMALL:
        return
    free = available()
    if free is not None and need > free:
        why = f"{what} about {need / 1e9:,.1f} GB of memory; {free / 1e9:,.1f} GB are free"
        raise fail("the simulation is too large for this machine", where=where, why=why, hint=hint)


def _free() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return None


def _group() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        most = int((_GROUP / "memory.max").read_text(encoding="utf-8"))  # ValueError where it is "max"
        return most - int((_GROUP / "memory.current").read_text(encoding="utf-8"))
    return None


def _limit() -> int | None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
            return limit - used
    return None
