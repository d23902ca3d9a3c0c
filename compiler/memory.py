"""How much memory this process can still take, as far as the system says."""

from __future__ import annotations

import contextlib
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Bytes: the least of what is free, what the control group leaves, and the limit of the address space (RLIMIT_AS).

    None where the system says nothing of the kind.
    """
    found = [size for size in (_free(), _group(), _limit()) if size is not None]
    return max(min(found), 0) if found else None


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
