"""How many processors there are to use."""

from __future__ import annotations

import os


def cores() -> int:
    """Returns how many processors this process may use; those that others were given are not among them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
