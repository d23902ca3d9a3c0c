"""What terminals and pipes can show: characters that their encoding lacks are replaced, no command ends for them."""

from __future__ import annotations

import codecs
import io
import sys

_NEAR = {"±": "+-", "×": "x", "–": "-", "—": "-", "…": "...", "≥": ">=", "≤": "<=", "→": "->", "µ": "u", "²": "^2"}
_HANDLER = "threshc.nearest"


def prepare() -> None:
    """Lets standard output and error take any text, whatever their encoding."""
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
