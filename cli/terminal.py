"""What terminals and pipes can show: characters that their encoding lacks are replaced, no command ends for them."""

from __future__ import annotations

import codecs
import io
import os
import sys

_NEAR = {"±": "+-", "×": "x", "–": "-", "—": "-", "…": "...", "≥": ">=", "≤": "<=", "→": "->", "µ": "u", "²": "^2"}
_HANDLER = "threshc.nearest"


def prepare() -> None:
    """Lets standard output and error take any text, whatever their encoding, and be closed."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed: else the next file that is opened would be taken for it
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    codecs.register_error(_HANDLER, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _nearest(error: UnicodeError) -> tuple[str | bytes, int]:
    """What looks alike, else the character's number as in Python's text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_NEAR.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in lost), error.end
