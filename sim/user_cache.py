"""The user's cache folder: machine code, and networks that the front end has made."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """THRESHC_CACHE, else the user's cache folder."""
    stated = os.environ.get("THRESHC_CACHE")
    if stated:
        return Path(stated)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threshc"
