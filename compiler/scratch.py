"""Folders for temporary files: one way to make them, and one message where there is no place for them."""

from __future__ import annotations

import atexit
import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.files import draft_beside

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What the system says when there is no room: full, over the quota, larger than files may be, read-only."""

_HINT = "set TMPDIR to a folder that can be written to and has room"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yields an empty folder that only this user can read, removed with what is in it at the end.

    Raises CompileError where the system has no place for temporary files, or the place is full.
    """
    with ExitStack() as stack:
        folder = _made(stack)
        try:
            yield folder
        except OSError as error:
            if error.errno in FULL:
                raise no_room(error) from None
            raise


@cache
def process_folder() -> Path:
    """Returns the same for as long as this process lives."""
    stack = ExitStack()
    atexit.register(stack.close)
    return _made(stack)


def no_room(error: OSError) -> CompileError:
    """Returns what to say where a temporary file cannot be written."""
    return fail(
        "temporary files cannot be written",
        where=str(error.filename or ""),
        why=error.strerror or str(error),
        hint=_HINT,
    )


def _made(stack: ExitStack) -> Path:
    try:
        place = Path(tempfile.gettempdir())
        return stack.enter_context(draft_beside(place / "threshc", folder=True, private=True))
    except OSError as error:
        raise no_room(error) from None
