"""Folders for temporary files: one way to make them, and one message where there is no place for them."""

from __future__ import annotations

import atexit
import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from threshc.compiler.diagnostics import CompileError, fail

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What the system says when there is no room: full, over the quota, larger than files may be, read-only."""

_HINT = "set TMPDIR to a folder that can be written to and has room"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder that only this user can read, removed with what is in it at the end.

    Raises CompileError where the system has no place for temporary files, or the place is full.
    """
    folder = _made()
    try:
        yield folder
    except OSError as error:
        if error.errno in FULL:
            raise no_room(error) from None
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def process_folder() -> Path:
    """The same for as long as this process lives."""
    folder = _made()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def no_room(error: OSError) -> CompileError:
    """What to say where a temporary file cannot be written."""
    return fail(
        "temporary files cannot be written",
        where=str(error.filename or ""),
        why=error.strerror or str(error),
        hint=_HINT,
    )


def _made() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="threshc-"))
    except OSError as error:
        raise no_room(error) from None
